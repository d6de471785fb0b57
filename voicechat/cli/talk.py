"""`voicechat talk`: hold a spoken conversation from a WAV file, without a browser."""

from __future__ import annotations

import json as json_module
import os
import ssl
import sys
from contextlib import asynccontextmanager
from pathlib import Path  # noqa: TC003  (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import trio
from cyclopts import Parameter

from voicechat.cli.options import SettingsOptions
from voicechat.cli.talk_client import TalkClient
from voicechat.cli.talk_events import OUTPUT_RATE
from voicechat.cli.talk_report import Report
from voicechat.client.client import open_client
from voicechat.errors import AudioFileError, UsageError
from voicechat.observability import logs
from voicechat.protocol.messages.connection import PROTOCOL_VERSION, Hello
from voicechat.protocol.messages.sessions import DestroySession
from voicechat.server import serve
from voicechat.speech.wav import read_wav, write_wav

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from voicechat.settings import Settings


async def talk(
    file: Path,
    /,
    *,
    url: Annotated[
        str | None, Parameter(help="Server to talk to; default: one of its own.")
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="WAV file for the spoken answers.")
    ] = None,
    ca: Annotated[
        Path | None, Parameter(help="Certificate (PEM) to trust, for a self-signed server.")
    ] = None,
    json: Annotated[
        bool, Parameter(negative="", help="One JSON object a line: every message, a summary.")
    ] = False,
    options: SettingsOptions | None = None,
) -> int:
    """Speak a WAV file to a server and print what happens, with timings.

    Args:
        file: Mono 16-bit WAV of 8 to 96 kHz; it is streamed at the pace of real time.
    """
    settings = (options or SettingsOptions()).load().settings
    wav = read_wav(file)
    if output is not None:
        _check_writable(output, file)
    # A server of our own logs only what went wrong: the events are on the screen already.
    level = "warning" if settings.log.level == "info" else settings.log.level
    logs.configure(attrs.evolve(settings.log, level=level))
    report = Report(sys.stdout, rate=OUTPUT_RATE)
    on_event = _print_json if json else report.event
    async with _server(url, settings) as link:
        if not json:
            report.begin(file.name, wav, link)
        hello = Hello(PROTOCOL_VERSION, "voicechat talk", OUTPUT_RATE)
        async with open_client(link, hello=hello, tls=_trust(ca)) as client:
            talker = TalkClient(client, wav=wav, on_event=on_event)
            await talker.run()
            if client.session is not None:  # nobody could find it again
                client.send(DestroySession(client.session.session_id))
    turns = talker.spoken
    written = None
    try:
        if output is not None and talker.audio:
            write_wav(output, OUTPUT_RATE, bytes(talker.audio))
            written = output
    finally:  # what has been said is told also when it cannot be kept
        if json:
            _print_json({"type": "summary", "turns": [attrs.asdict(turn) for turn in turns]})
        else:
            report.summary(turns, written)
    if talker.failure is not None:
        raise talker.failure
    return 0


def _check_writable(output: Path, recording: Path) -> None:
    """Find out before the conversation what would stand in the way after it.

    Raises:
        AudioFileError: The answers could not be written there; an old file is left as it is.
    """
    name, folder = ascii(output.name)[1:-1] or ".", output.parent
    if output.is_dir():
        problem, action = f"{name} is a folder", "Give the name of a file, such as answer.wav."
    elif output.exists() and output.samefile(recording):
        problem, action = f"{name} is the recording itself", "Give the answers another file."
    elif not folder.is_dir():
        problem, action = f"The folder for {name} does not exist", "Make it, or choose another one."
    elif not os.access(output if output.exists() else folder, os.W_OK):
        problem, action = f"{name} may not be written", "Check the permissions."
    else:
        return
    raise AudioFileError(f"{problem}.", suggested_action=action)


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError):
        raise UsageError(
            f"{ca} is not a readable certificate file", suggested_action="Give a file in PEM form."
        ) from None


@asynccontextmanager
async def _server(url: str | None, settings: Settings) -> AsyncIterator[str]:
    """The link of the server to talk to; without one, of a server that lives as long as this."""
    if url is not None:
        yield url
        return
    own = attrs.evolve(
        settings,
        server=attrs.evolve(
            settings.server,
            host="127.0.0.1",
            port=0,
            tls_cert=None,
            tls_key=None,
            tls_self_signed=False,
        ),
        sessions=attrs.evolve(settings.sessions, store="memory"),  # nothing of it is kept
    )
    send, receive = trio.open_memory_channel[list[str]](1)
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            # Ctrl-C means this command, not its server: it ends with the nursery.
            await serve(own, on_ready=send.send_nowait, signals=False)

        nursery.start_soon(run)
        yield (await receive.receive())[0]
        nursery.cancel_scope.cancel()


def _print_json(event: dict[str, Any]) -> None:
    print(json_module.dumps(event, separators=(",", ":")), flush=True)

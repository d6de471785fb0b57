"""The two servers of `bench/turns.py`: how to install, start and talk to each."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import psutil
import trio

from bench.load import Dialect
from voicechat.protocol.frames import AudioFrame, FrameKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = Path(__file__).parent
START_S = 60.0


@attrs.frozen
class Peer:
    """A server to measure.

    Attributes:
        name: For the table.
        command: Starts it on any free port.
        ready: Finds the port in what it prints.
        dialect: What its clients send.
    """

    name: str
    command: tuple[str, ...]
    ready: str
    dialect: Dialect


def voicechat() -> Peer:
    audio_open = {"type": "audio_open", "stream": 1, "rate": 16_000}
    hello = {"type": "hello", "protocol": 1, "output_rate": 16_000}

    def wrap(number: int, pcm: bytes) -> bytes:
        return AudioFrame(FrameKind.MICROPHONE, 1, number, number * len(pcm) // 2, pcm).pack()

    limits = ("--set=server.max_connections=1000", "--set=sessions.max=1000")
    settings = ("--log-level=error", "--set=sessions.store=memory", *limits)
    return Peer(
        "voicechat",
        (sys.executable, str(HERE / "instant.py"), "--port=0", *settings),
        r"ready: http://[\d.]+:(\d+)",
        Dialect("/ws", (json.dumps(hello), json.dumps(audio_open)), wrap, FrameKind.SPEECH),
    )


def pipecat(python: Path) -> Peer:
    # protobuf by hand, so that the load needs nothing of the peer's: Frame.audio is field 2, and in
    # it audio 3, sample_rate 4, num_channels 5.
    def wrap(_: int, pcm: bytes) -> bytes:
        inner = b"\x1a" + varint(len(pcm)) + pcm + b"\x20" + varint(16_000) + b"\x28\x01"
        return b"\x12" + varint(len(inner)) + inner

    return Peer(
        "Pipecat",
        (str(python), str(HERE / "pipecat" / "server.py")),
        r"running on http://[\d.]+:(\d+)",
        Dialect("/ws", (), wrap, 0x12),
    )


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def install_pipecat() -> Path:
    """The Python of an environment with the pinned Pipecat, made now if it is not there.

    Raises:
        OSError: It cannot be made.
        subprocess.CalledProcessError: Same.
    """
    pinned = HERE / "pipecat" / "requirements.txt"
    digest = hashlib.sha256(pinned.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "voicechat-bench" / f"pipecat-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print("installing Pipecat …", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(pinned)],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
        (folder / "complete").touch()
    return python


@asynccontextmanager
async def running(peer: Peer, core: int) -> AsyncIterator[tuple[int, psutil.Process]]:
    """Start the server on its core; its port, and the process."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # a child inherits it from its very beginning
    try:
        process = await trio.lowlevel.open_process(
            peer.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    finally:
        os.sched_setaffinity(0, own)
    assert process.stdout is not None
    try:
        with trio.fail_after(START_S):
            said = b""
            while not (found := re.search(peer.ready, said.decode("utf-8", "replace"))):
                if not (data := await process.stdout.receive_some()):
                    raise RuntimeError(f"{peer.name} did not start:\n{said.decode()}")
                said += data
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, process.stdout)
            yield int(found[1]), psutil.Process(process.pid)
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        await process.wait()


async def drain(output: trio.abc.ReceiveStream) -> None:
    async for _ in output:
        pass


def peers(only: str | None) -> list[Peer]:
    found = [] if only == "pipecat" else [voicechat()]
    if only != "voicechat":
        try:
            found.append(pipecat(install_pipecat()))
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", None) or error
            print(f"Pipecat is left out, it cannot be installed: {reason}", file=sys.stderr)
    return found

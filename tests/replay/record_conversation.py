"""Records a conversation of 60 s with a real server in real time, for the replay test.

    python -m tests.replay.record_conversation

It prints what it does, and at last what a replay of the new recording says; it exits with 1 where
that decides otherwise. It needs flite, takes a minute and replaces
`tests/replay/conversation.jsonl.gz`. Do it again when replays of that file differ because a
decision was changed on purpose.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import trio

from tests.replay.live_client import RATE, converse
from voicechat.protocol.messages.connection import Settings
from voicechat.protocol.messages.conversation import Interrupt, UserMessage

OUTPUT = Path(__file__).with_name("conversation.jsonl.gz")
SECONDS = 60.0
SPOKEN = (
    (1.0, "slt", "what time is it"),
    (5.0, "slt", "set a timer for twenty seconds"),
    (10.0, "rms", "what can you do"),
    (14.0, "rms", "what is two plus two"),  # barges in
    (18.0, "awb", "tell me a joke"),
    (20.6, "awb", "uh huh"),  # while the joke is told
    (33.0, "slt", "set a timer for"),
    (34.6, "slt", "ten minutes"),  # after a pause in the middle
    (39.0, "slt", "what is twelve times twelve"),
    (43.5, "rms", "what can you do"),
    (50.0, "rms", "the rain in spain stays mainly in the plain"),  # foreign
    (56.5, "slt", "cancel all timers"),
)
"""When (seconds), in which of flite's voices, what."""
MESSAGES = (
    (23.5, UserMessage("what day is it")),
    (46.5, Interrupt()),
    (48.0, Settings(patience=0.3)),
)


def conversation() -> bytes:
    """The microphone, 16 kHz."""
    pcm = bytearray(round(SECONDS * RATE) * 2)
    for at, voice, text in SPOKEN:
        speech = _flite(voice, text)
        start = round(at * RATE) * 2
        pcm[start : start + len(speech)] = speech
    return bytes(pcm)


def _flite(voice: str, text: str) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        program = shutil.which("flite")
        assert program is not None
        subprocess.run([program, "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as wav:
            assert wav.getframerate() == RATE
            return wav.readframes(wav.getnframes())


async def record(folder: Path) -> None:
    """Start a server that records, talk to it, end it."""
    command = [sys.executable, "-m", "voicechat", "serve", "--port", "0"]
    command += ["--record", str(folder), "--log-level", "warning"]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        said = b""
        while b"\n" not in said:
            said += await process.stdout.receive_some()
        link = said.decode().split()[-1]
        await converse(link.replace("http", "ws", 1) + "/ws", conversation(), MESSAGES)
    finally:
        process.terminate()
        with trio.CancelScope(shield=True):
            await process.wait()


def main() -> None:
    """Record, compress, put in place."""
    if shutil.which("flite") is None:
        raise SystemExit("flite is missing: apt-get install flite")
    print(f"talking to a server for {SECONDS:.0f} s …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trio.run(record, Path(folder))
        (made,) = Path(folder).glob("*.jsonl")
        packed = gzip.compress(made.read_bytes(), compresslevel=9, mtime=0)
    OUTPUT.write_bytes(packed)
    print(f"wrote {OUTPUT.name}, {len(packed) / 1000:.0f} kB; its replay:", flush=True)
    command = [sys.executable, "-m", "voicechat", "replay", str(OUTPUT), "--check"]
    raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()

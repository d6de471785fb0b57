"""`voicechat serve` with engines that take no time: what is left is what voicechat itself costs.

They come in as those of any other package do, by entry points, so the server is the real one::

    python bench/instant.py --port 0
"""

# ruff: noqa: D102  (the methods are those of the ports)
from __future__ import annotations

import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import trio

sys.path.insert(0, str(Path(__file__).parents[1]))

from voicechat.agents.ports import Completeness
from voicechat.cli import main
from voicechat.speech.ports import SpeechChunk, Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RATE = 16_000
QUESTION = "what time is it"
ANSWER = "It is now about ten past four in the afternoon here where I happen to be right now."
CHUNK = RATE // 50
TONE = np.round(8000 * np.sin(2 * np.pi * 440 / RATE * np.arange(2 * RATE))).astype("<i2").tobytes()
ENTRY_POINTS = """[voicechat.speech_to_text]
instant = bench.instant:InstantRecognizer
[voicechat.text_to_speech]
instant = bench.instant:InstantSynthesizer
[voicechat.agents]
instant = bench.instant:InstantAgents
"""


class Engine:
    """Nothing to run."""

    def __init__(self, _settings: object) -> None:
        pass

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()


class InstantRecognizer(Engine):
    """Hears the same question in everything."""

    @asynccontextmanager
    async def open(self, _on_partial: object) -> AsyncIterator[InstantUtterance]:
        yield InstantUtterance()


class InstantUtterance:
    """Has understood before it was fed."""

    async def feed(self, _pcm: bytes) -> None:
        await trio.lowlevel.checkpoint()

    async def caught_up(self) -> None:
        await trio.lowlevel.checkpoint()

    async def partial(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript(QUESTION)

    async def finish(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return Transcript(QUESTION)


class InstantSynthesizer(Engine):
    """Two seconds of tone for each sentence."""

    sample_rate = RATE

    @asynccontextmanager
    async def speak(self, _text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        yield self._chunks()

    async def _chunks(self) -> AsyncIterator[SpeechChunk]:
        for at in range(0, len(TONE), 2 * CHUNK):
            await trio.lowlevel.checkpoint()
            yield SpeechChunk(TONE[at : at + 2 * CHUNK])


class InstantAgents:
    """Makes agents."""

    def __init__(self, _settings: object) -> None:
        pass

    def create(self, _session_id: str, **_now: object) -> InstantAgent:
        return InstantAgent()


class InstantAgent:
    """Says the same sentence, word by word."""

    async def run(self, _announce: object) -> None:
        await trio.sleep_forever()

    async def respond(self, _question: object, say) -> None:
        for word in ANSWER.split():
            await say(f"{word} ")

    async def not_understood(self, _transcript: object, say) -> None:
        await self.respond("", say)

    def completeness(self, _words: str) -> Completeness:
        return Completeness.COMPLETE


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "voicechat_bench-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: voicechat-bench\nVersion: 1\n")
        (info / "entry_points.txt").write_text(ENTRY_POINTS)
        sys.path.insert(0, folder)
        chosen = [f"--set={key}=instant" for key in ("speech.stt", "speech.tts", "agent.kind")]
        sys.exit(main(["serve", *chosen, *sys.argv[1:]]))

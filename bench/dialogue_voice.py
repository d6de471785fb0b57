"""An assistant's voice that says a sentence the same way each time, whatever it has said before.

espeak-ng carries something over from one sentence to the next: the same text comes out some ms
longer or shorter. With that, a dialogue's figures would depend on which others were had before it.
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.conversation.notice import Notice
from voicechat.speech.tts.espeak import EspeakSynthesizer
from voicechat.wiring.core import Core, build_core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from voicechat.settings import Settings
    from voicechat.speech.ports import SpeechChunk, TextToSpeech


def core_of(settings: Settings) -> Core:
    """Everything that sessions are made of, with a voice that does not vary."""
    core = build_core(settings)
    if settings.speech.tts != "espeak":
        return core
    speech = settings.speech
    tts = SameVoice(
        lambda: EspeakSynthesizer(voice=speech.voice, rate=speech.rate_wpm, volume=speech.volume)
    )
    return attrs.evolve(core, tts=tts, notice=Notice(tts))


class SameVoice:
    """A `TextToSpeech` that has each new text said by an engine that is fresh, and keeps it.

    Args:
        make: Makes an engine.
    """

    def __init__(self, make: Callable[[], TextToSpeech]) -> None:
        self._make = make
        self._kept: dict[str, list[SpeechChunk]] = {}
        self.sample_rate = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Learn the engine's rate; then there is nothing to run."""
        await self._say("Hello.")
        task_status.started()
        await trio.sleep_forever()

    @asynccontextmanager
    async def speak(self, text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        """Say it as the first time."""
        if text not in self._kept:
            self._kept[text] = await self._say(text)
        async with aclosing(_each(self._kept[text])) as chunks:
            yield chunks

    async def _say(self, text: str) -> list[SpeechChunk]:
        engine = self._make()
        async with trio.open_nursery() as nursery:
            await nursery.start(engine.run)
            self.sample_rate = engine.sample_rate
            async with engine.speak(text) as chunks:
                said = [chunk async for chunk in chunks]
            nursery.cancel_scope.cancel()
        return said


async def _each(chunks: list[SpeechChunk]) -> AsyncGenerator[SpeechChunk]:
    for chunk in chunks:
        await trio.lowlevel.checkpoint()
        yield chunk

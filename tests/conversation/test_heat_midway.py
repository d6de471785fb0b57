"""Engines that always have more to do stop in the midst of it, not only when they have to wait."""

from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.conversation.floor_tools import room
from tests.conversation.heat_tools import COOL, Oven
from tests.fakes import EchoAgent, ScriptedRecognizer, ToneSynthesizer
from voicechat.conversation.synthesis import synthesise
from voicechat.protocol.messages.conversation import ResponseComplete
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.speech.ports import SpeechChunk, Transcript, Utterance

PAUSED = ThermalState.PAUSED
CHUNK_S = 0.1


class SlowSynthesizer(ToneSynthesizer):
    async def _chunks(self, text):
        for _ in text:
            await trio.sleep(CHUNK_S)
            yield SpeechChunk(bytes(1600))


@attrs.define
class SlowUtterance:
    """Needs a tenth of real time."""

    inner: Utterance

    async def feed(self, pcm):
        await trio.sleep(len(pcm) / 320_000)
        await self.inner.feed(pcm)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class SlowRecognizer(ScriptedRecognizer):
    @asynccontextmanager
    async def open(self, on_partial):
        async with super().open(on_partial) as utterance:
            yield SlowUtterance(utterance)


@pytest.mark.requirement("T-2")
async def test_a_synthesiser_stops_after_its_chunk(autojump_clock):
    """Although all that it makes is taken at once."""
    oven = Oven()
    speak, sentences = trio.open_memory_channel(1)
    out, made = trio.open_memory_channel(1000)
    async with trio.open_nursery() as nursery, made:
        nursery.start_soon(synthesise, SlowSynthesizer(), oven.owner, sentences, out)
        async with speak:
            await speak.send("x" * 20)
        await trio.sleep(CHUNK_S * 5.5)
        oven.become(PAUSED)
        await trio.sleep(60)
        assert made.statistics().current_buffer_used == 1 + 6, "the begin and six chunks"
        assert (oven.gate.occupied, oven.waits) == (0, 1)
        oven.become(COOL)
        items = [item async for item in made]
        assert len(items) == 1 + 20 + 1
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_a_recogniser_stops_in_the_midst_of_what_a_pause_has_left_to_it(autojump_clock):
    """A second pause, while it hears what was said in the first one."""
    oven = Oven()
    stt = SlowRecognizer([Transcript("one two three")])
    agent = EchoAgent()
    async with room([], agent, owner=oven.owner, stt=stt) as it:
        oven.become(PAUSED)
        await it.silence(0.5)
        await it.speech(20)
        await it.silence(3)
        oven.become(COOL)
        await trio.sleep(1)
        oven.become(PAUSED)
        await trio.sleep(0.1)
        heard = len(stt.audio[0])
        assert 32_000 * 8 < heard < 32_000 * 14
        await trio.sleep(60)
        assert len(stt.audio[0]) == heard
        assert (oven.gate.occupied, oven.waits) == (0, 1)
        oven.become(COOL)
        done = await it.emit.wait_for(ResponseComplete)
    assert done.text == "You said: one two three. "
    assert oven.clean

"""Who waits for what others hold while the machine is hot: nobody is turned away or stuck."""

from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.conversation.floor_tools import room
from tests.conversation.heat_tools import COOL, Oven
from tests.conversation.test_heat_listening import NAME, PAUSED, TIME, thinks
from tests.conversation.turn_tools import running
from tests.fakes import EchoAgent, ScriptedRecognizer, ToneSynthesizer, loud
from voicechat.conversation.utterance import Partial, recognizing
from voicechat.errors import CapacityExceeded
from voicechat.protocol.messages.conversation import ResponseComplete, StreamDelta
from voicechat.protocol.messages.thermal import ThermalState

pytestmark = pytest.mark.requirement("T-2")


@attrs.define
class OneDecoder(ScriptedRecognizer):
    """Recognises one utterance after another."""

    decoder: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1))

    @asynccontextmanager
    async def open(self, on_partial):
        async with self.decoder, ScriptedRecognizer.open(self, on_partial) as utterance:
            yield utterance


async def recognise(stt, oven, computes_s):
    async with recognizing(stt, Partial(), oven.owner) as (_, slot):
        for _ in range(round(computes_s / 0.1)):
            await trio.sleep(0.1)
            await slot.checkpoint()


@pytest.mark.parametrize("hot_first", [True, False])
async def test_who_waits_for_a_decoder_that_heat_has_stopped(hot_first, autojump_clock):
    oven, stt = Oven(2), OneDecoder([TIME, NAME])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recognise, stt, oven, 2.0)
        await trio.sleep(0.05)
        if hot_first:
            oven.become(PAUSED)
        nursery.start_soon(recognise, stt, oven, 0)
        await trio.sleep(0.05)
        oven.become(PAUSED)
        await trio.sleep(150)
        oven.become(COOL)
    assert oven.clean


async def test_backlogs_are_worked_off_after_a_pause(autojump_clock):
    oven, stt = Oven(4), OneDecoder([TIME, NAME, TIME])
    async with trio.open_nursery() as nursery:
        oven.become(PAUSED)
        for _ in range(3):
            nursery.start_soon(recognise, stt, oven, 8.0)
        await trio.sleep(30)
        oven.become(COOL)
    assert oven.clean


async def test_without_heat_nobody_waits_for_long(autojump_clock):
    oven, stt = Oven(4), OneDecoder([TIME, NAME])
    with pytest.RaisesGroup(CapacityExceeded):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recognise, stt, oven, 60.0)
            await trio.sleep(0.1)
            began = trio.current_time()
            nursery.start_soon(recognise, stt, oven, 0)
    assert trio.current_time() - began < 6
    assert oven.clean


async def test_the_notice_is_said_although_a_draft_rests(autojump_clock):
    oven = Oven()
    async with room([TIME], thinks(0.05), owner=oven.owner) as it, trio.open_nursery() as nursery:
        await it.silence(0.5)
        await it.speech(1.0)
        while not it.agent.asked:
            await it.silence(0.02)
        oven.become(PAUSED)
        await it.silence(2)
        nursery.start_soon(it.conversation.notice, "I am hot.", loud(0.5))
        await it.silence(10)
        assert any(delta.text == "I am hot." for delta in it.emit.of(StreamDelta))
        nursery.cancel_scope.cancel()


class OneVoice(ToneSynthesizer):
    """Speaks one sentence at a time, whoever asks."""

    def __init__(self):
        super().__init__()
        self.lock = trio.Lock()

    @asynccontextmanager
    async def speak(self, text):
        async with self.lock, super().speak(text) as chunks:
            yield chunks


@pytest.mark.parametrize("state", [COOL, ThermalState.SINGLE])
@pytest.mark.parametrize("slots", [1, 2])
async def test_a_voice_that_many_share_and_few_slots(slots, state, autojump_clock):
    oven, tts = Oven(slots), OneVoice()
    oven.become(state)
    with trio.fail_after(600):
        async with (
            running(tts=tts, owner=oven.owner) as (one, told_one),
            running(tts=tts, owner=oven.owner) as (two, told_two),
        ):
            one.user_text("one two three four five six seven eight nine ten")
            two.user_text("one two three four five six seven eight nine ten")
            await told_one.wait_for(ResponseComplete)
            await told_two.wait_for(ResponseComplete)
    assert oven.clean


@pytest.mark.requirement("T-9")
async def test_who_answers_is_decided_when_it_is_cooler(autojump_clock):
    """With two thresholds alone, a pause ends in normal: nobody need be content with less."""
    oven, agent, phrases = Oven(), EchoAgent(), EchoAgent()
    async with running(agent, owner=oven.owner, phrases=phrases) as (conversation, emit):
        oven.become(PAUSED)
        conversation.user_text("why is the sky blue")
        await trio.sleep(20)
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
    assert (agent.asked, phrases.asked) == (["why is the sky blue"], [])

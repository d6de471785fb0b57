"""An answer that was softened, because somebody may interrupt, does not stay soft."""

from __future__ import annotations

import pytest

from tests import fakes
from tests.conversation.floor_tools import room
from voicechat.errors import EngineFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import Duck, ResponseComplete, StreamInterrupted
from voicechat.speech.ports import Transcript

pytestmark = pytest.mark.requirement("V-7")
NOISE = Transcript("noise", accepted=False)


async def until_soft(it):
    """Somebody makes a sound during an answer, until it is played softly."""
    it.conversation.user_text("x" * 100)
    await it.emit.wait_for(AudioFrame, 5)
    await it.silence(0.5)
    while not it.emit.of(Duck):
        await it.speech(0.02)


async def test_a_microphone_that_is_closed_interrupts_nothing(autojump_clock):
    async with room([NOISE]) as it:
        await until_soft(it)
        it.microphone.close()
        await it.emit.wait_for(ResponseComplete)
    assert [duck.gain for duck in it.emit.of(Duck)] == [0.25, 1.0]


async def test_a_recogniser_that_breaks_down_interrupts_nothing(autojump_clock, monkeypatch):
    async def broken(_):
        raise EngineFailed("The recogniser is gone.")

    async with room([NOISE]) as it:
        await until_soft(it)
        monkeypatch.setattr(fakes._ScriptedUtterance, "partial", broken)
        await it.speech(0.02)
        await it.silence(1)
        await it.emit.wait_for(ResponseComplete)
    assert [duck.gain for duck in it.emit.of(Duck)] == [0.25, 1.0]


async def test_an_answer_that_has_ended_is_not_made_loud_again(autojump_clock):
    async with room([NOISE]) as it:
        await until_soft(it)
        it.conversation.user_text("y" * 100)
        await it.emit.wait_for(StreamInterrupted)
        at = len(it.emit.items)
        await it.silence(1)
    late = [item for item in it.emit.items[at:] if isinstance(item, Duck) and item.turn == 1]
    assert not late

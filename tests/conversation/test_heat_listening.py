"""Users who speak while it is too hot: no word is lost; drafts wait, or are dropped."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.conversation.floor_tools import room
from tests.conversation.heat_tools import COOL, Oven, audio, completed
from tests.fakes import EchoAgent
from voicechat.agents.ports import Completeness
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StreamInterrupted,
    TranscriptFinal,
)
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.protocol.messages.trace import Speculation, TurnTrace
from voicechat.speech.ports import Transcript

PAUSED, SINGLE = ThermalState.PAUSED, ThermalState.SINGLE
NO_SPECULATION = ThermalState.NO_SPECULATION
TIME = Transcript("what time is it")
NAME = Transcript("what is your name")
ALL = dict.fromkeys((TIME.text, NAME.text), Completeness.COMPLETE)


def thinks(pause=0.1):
    return EchoAgent(pause=pause, complete=ALL)


@asynccontextmanager
async def weather(oven, *changes):
    """Change the state at moments, counted from now."""
    async with trio.open_nursery() as nursery:

        async def follow():
            began = trio.current_time()
            for at, state in changes:
                await trio.sleep_until(began + at)
                oven.become(state)

        nursery.start_soon(follow)
        yield
        nursery.cancel_scope.cancel()


async def one_question(oven, *changes, silence=40, **how):
    """Ask what time it is, from 0.5 s to 1.5 s; returns what was heard and sent."""
    async with (
        room([TIME], thinks(), owner=oven.owner, **how) as it,
        weather(oven, *changes),
    ):
        await it.silence(0.5)
        await it.speech(1.0)
        await it.silence(silence)
        await it.emit.wait_for(TurnTrace)
    assert it.emit.of(Error) == []
    assert oven.clean
    assert it.stt.open_now == 0
    return it


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("state", [PAUSED, SINGLE], ids=str)
@pytest.mark.parametrize("at", [0.1, 0.6, 0.9, 1.2, 1.5, 1.6, 1.66, 1.7])
async def test_no_word_is_lost(at, state, autojump_clock):
    """Before speech, in the midst of it, in the pause after it, shortly before its end."""
    cool = await one_question(Oven(1), silence=10)
    hot = await one_question(Oven(1), (at, state), (at + 20, COOL))
    assert hot.stt.audio == cool.stt.audio
    (final,), (other,) = hot.emit.of(TranscriptFinal), cool.emit.of(TranscriptFinal)
    assert (final.text, final.accepted, final.turn) == (other.text, True, 1)
    assert completed(hot.emit, 1) == completed(cool.emit, 1)
    assert audio(hot.emit, 1) == audio(cool.emit, 1)
    (trace,), (other) = hot.emit.of(TurnTrace), cool.emit.of(TurnTrace)[0]
    assert (trace.endpoint, trace.pause_ms) == (other.endpoint, other.pause_ms)


@pytest.mark.requirement("T-2")
async def test_the_transcript_comes_after_the_pause(autojump_clock):
    oven = Oven()
    async with room([TIME], thinks(), owner=oven.owner) as it:
        await it.silence(0.5)
        await it.speech(0.5)
        oven.become(PAUSED)
        await it.speech(0.5)
        await it.silence(60)
        assert it.emit.of(TranscriptFinal) == []
        assert oven.waits == 1
        began = trio.current_time()
        oven.become(COOL)
        await it.emit.wait_for(TranscriptFinal)
        assert trio.current_time() - began < 0.1
        await it.emit.wait_for(ResponseComplete)
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_two_utterances_in_one_pause_are_both_understood(autojump_clock):
    oven = Oven()
    async with room([TIME, NAME], thinks(), owner=oven.owner) as it:
        oven.become(PAUSED)
        for _ in range(2):
            await it.silence(2)
            await it.speech(1.0)
        await it.silence(20)
        oven.become(COOL)
        await it.emit.wait_for(TranscriptFinal, 2)
        await it.silence(10)
        assert [final.text for final in it.emit.of(TranscriptFinal)] == [TIME.text, NAME.text]
        assert it.emit.of(ResponseComplete)[-1].text == "You said: what is your name. "
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_a_stream_that_ends_in_a_pause_is_answered_after_it(autojump_clock):
    oven = Oven()
    async with room([TIME], thinks(), owner=oven.owner) as it:
        await it.silence(0.5)
        oven.become(PAUSED)
        await it.speech(1.0)
        it.microphone.close()
        await trio.sleep(60)
        assert it.emit.of(TranscriptFinal) == []
        oven.become(COOL)
        await it.emit.wait_for(ResponseComplete)
    assert completed(it.emit, 1) == "You said: what time is it. "
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_in_a_pause_nobody_waits_for_a_decoder(autojump_clock):
    """So nobody is refused for want of one, however long it takes."""
    oven = Oven()
    oven.become(PAUSED)
    async with room([TIME], thinks(), owner=oven.owner) as it:
        await it.silence(0.5)
        await it.speech(1.0)
        await it.silence(300)
        assert it.stt.open_now == 0
        oven.become(COOL)
        await it.emit.wait_for(ResponseComplete)
    assert it.emit.of(Error) == []
    assert it.emit.of(TranscriptFinal)[0].text == TIME.text


@pytest.mark.requirement("T-2")
async def test_an_utterance_that_is_cancelled_in_a_pause_leaves_nothing(autojump_clock):
    for at in (0.7, 1.0, 1.6):
        oven = Oven()
        async with room([TIME], thinks(), owner=oven.owner) as it, weather(oven, (at, PAUSED)):
            await it.silence(0.5)
            await it.speech(1.0)
            await it.silence(5)
            assert oven.waits == 1
        assert oven.clean
        assert it.stt.open_now == 0


# -- drafts --------------------------------------------------------------------------------------


@pytest.mark.requirement("T-8")
async def test_without_speculation_there_are_no_drafts(autojump_clock):
    cool = await one_question(Oven(), silence=5)
    hot = await one_question(Oven(), (0.0, NO_SPECULATION), silence=5)
    assert cool.emit.of(TurnTrace)[0].speculation is Speculation.HIT
    assert hot.emit.of(TurnTrace)[0].speculation is Speculation.NONE
    assert hot.agent.asked == [TIME.text]
    assert completed(hot.emit, 1) == completed(cool.emit, 1)


@pytest.mark.requirement("T-8")
async def test_a_draft_rests_and_becomes_the_answer_when_it_is_certain(autojump_clock):
    """It gets warm between the begin of the draft and the end of the pause."""
    oven = Oven(1)
    async with room([TIME], thinks(0.05), owner=oven.owner) as it:
        await it.silence(0.5)
        await it.speech(1.0)
        while not it.agent.asked:
            await it.silence(0.02)
        oven.become(NO_SPECULATION)
        await wait_all_tasks_blocked()
        await it.silence(5)
        trace = await it.emit.wait_for(TurnTrace)
    assert trace.speculation is Speculation.HIT
    assert it.agent.asked == [TIME.text]
    assert completed(it.emit, 1) == "You said: what time is it. "
    assert oven.waited == 0, "the user does not wait for the machine to cool down"
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_a_draft_that_rests_through_a_pause_is_released_after_it(autojump_clock):
    oven = Oven()
    async with room([TIME], thinks(0.05), owner=oven.owner) as it:
        await it.silence(0.5)
        await it.speech(1.0)
        while not it.agent.asked:
            await it.silence(0.02)
        oven.become(PAUSED)
        await it.silence(30)
        assert it.emit.of(ResponseComplete) == []
        oven.become(COOL)
        trace = await it.emit.wait_for(TurnTrace)
    assert trace.speculation is Speculation.HIT
    assert completed(it.emit, 1) == "You said: what time is it. "
    assert oven.clean


@pytest.mark.requirement("T-8")
async def test_a_draft_that_rests_is_dropped_when_the_user_goes_on(autojump_clock):
    agent = EchoAgent(pause=0.05, complete={TIME.text: Completeness.EXTENDABLE})
    longer = Transcript("what time is it please")
    oven = Oven()
    async with room([longer], agent, word_s=0.25, owner=oven.owner) as it:
        await it.silence(0.4)
        await it.speech(0.6)
        while not it.agent.asked:
            await it.silence(0.02)
        oven.become(NO_SPECULATION)
        await it.silence(0.2)
        await it.speech(0.5)
        await it.silence(5)
        await it.emit.wait_for(TurnTrace)
    assert it.agent.asked == [TIME.text, longer.text]
    assert completed(it.emit, 1) == "You said: what time is it please. "
    assert oven.clean


@pytest.mark.requirement("T-2", "V-7")
@pytest.mark.parametrize("pause_s", [0.5, 5.0])
async def test_who_speaks_over_an_answer_in_a_pause_is_heard_after_it(pause_s, autojump_clock):
    oven = Oven()
    said = Transcript("say " + "again and " * 12 + "again")
    async with room([said, NAME], thinks(0.0), owner=oven.owner) as it:
        await it.silence(0.5)
        await it.speech(0.6)
        await it.silence(1.5)
        oven.become(PAUSED)
        await it.speech(1.5)
        await it.silence(pause_s)
        oven.become(COOL)
        stopped = await it.emit.wait_for(StreamInterrupted)
        sent = len(audio(it.emit, 1))
        await it.silence(6)
        assert len(audio(it.emit, 1)) == sent
    assert stopped.turn == 1
    assert completed(it.emit, 2) == "You said: what is your name. "
    assert oven.clean

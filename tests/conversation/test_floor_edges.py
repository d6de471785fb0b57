"""The edges of speech against answers: stalled clients, races, late news."""

from __future__ import annotations

import pytest
import trio

from tests.conversation.floor_tools import room
from tests.conversation.turn_tools import running
from tests.fakes import EchoAgent, _ScriptedUtterance
from voicechat.agents.ports import Completeness
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import ListenMode
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StopReason,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import EndpointReason, TurnTrace
from voicechat.speech.ports import Transcript

TIME = Transcript("what time is it")
PLEASE = Transcript("what time is it please")
LONG = Transcript("say " + "again and " * 12 + "again")
ALL = {TIME.text: Completeness.COMPLETE, PLEASE.text: Completeness.COMPLETE}


@pytest.mark.requirement("C-2")
@pytest.mark.parametrize("mode", list(ListenMode))
async def test_a_microphone_that_goes_silent_in_mid_utterance_is_not_waited_for(
    autojump_clock, mode
):
    """A suspended page still answers pings: the decoder and the floor are wanted by others."""
    nothing = Transcript("", accepted=False)
    async with room([TIME, nothing, PLEASE], mode=mode) as it, trio.open_nursery() as nursery:
        await it.silence(0.5)
        await it.speech(0.8)
        nursery.start_soon(it.conversation.announce, "Your timer is done.")
        await it.emit.wait_for(ResponseComplete, 2)
        assert it.stt.open_now == 0
        await it.silence(1)
        await it.speech(0.8)  # and it may come back
        await it.silence(3)
        it.microphone.close()
        await it.emit.wait_for(ResponseComplete, 3)
    assert [f.turn for f in it.emit.of(TranscriptFinal) if f.turn is not None] == [1, 3]
    assert it.emit.of(TurnTrace)[0].endpoint is EndpointReason.CLOSED


@pytest.mark.requirement("V-8")
async def test_after_a_cut_nothing_more_is_heard_by_a_client_that_does_not_report(autojump_clock):
    agent = EchoAgent()
    async with running(agent) as (conversation, emit):
        conversation.user_text(LONG.text)
        await emit.wait_for(AudioFrame, 30)
        conversation.interrupt(None)
        trace = await emit.wait_for(TurnTrace)
        await trio.sleep(5)
        conversation.user_text("and now")
        await emit.wait_for(ResponseComplete)
    (_, answer) = agent.questions[-1].history
    assert len(answer.text) == trace.heard_chars


async def test_reports_without_progress_are_no_patience(autojump_clock):
    async with running(reports=True, ahead_s=20) as (conversation, emit):
        conversation.user_text("hello")
        await emit.wait_for(AudioFrame)
        with trio.move_on_after(60):
            for _ in range(500):
                await trio.sleep(0.3)
                conversation.played(1, 10, done=False)
        assert emit.of(ResponseComplete)


async def test_a_turn_that_waits_can_be_stopped(autojump_clock):
    async with running() as (conversation, emit):
        conversation.user_text("one " * 40)
        await emit.wait_for(AudioFrame)
        turn = conversation.user_text("two")
        conversation.interrupt(turn)
        await emit.wait_for(TurnTrace, 2)
    ends = [(item.turn, item.reason) for item in emit.of(StreamInterrupted)]
    assert ends == [(1, StopReason.NEW_TURN), (turn, StopReason.INTERRUPTED)]


@pytest.mark.requirement("V-4")
async def test_a_slow_recogniser_does_not_reopen_what_was_done_meanwhile(
    autojump_clock, monkeypatch
):
    """The agent sets its timer while the recogniser is asked for the words."""
    partial = _ScriptedUtterance.partial

    async def slowly(utterance):
        await trio.sleep(0.05)
        return await partial(utterance)

    for delay in range(0, 400, 20):
        agent = EchoAgent(changes="time", complete=ALL)
        monkeypatch.setattr(_ScriptedUtterance, "partial", slowly)
        async with room([TIME, PLEASE], agent, speculation=False) as it:
            await it.silence(0.5)
            await it.speech(0.8)
            await it.silence(0.2 + delay / 1000)
            await it.speech(0.6)
            await it.silence(5)
        reopened = [i.turn for i in it.emit.of(StreamInterrupted) if i.reason == "reopened"]
        changed = {t.turn for t in it.emit.of(TurnStarted)} & set(reopened)
        assert not (changed and agent.changed[:1] == [TIME.text]), delay

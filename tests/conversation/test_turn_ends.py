"""Turns that fail, are refused, or are ended by the server: what the client is told."""

from __future__ import annotations

import pytest
import trio

from tests.conversation.turn_tools import RATE, running, said
from tests.fakes import Collector, EchoAgent, ToneSynthesizer, ungated
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.speaker import Speech
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import EngineFailed, ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)


@pytest.mark.requirement("L-4")
@pytest.mark.parametrize(
    "broken",
    [
        {"agent": EchoAgent(fail_on="bang")},
        {"tts": ToneSynthesizer(fail_on="bang")},
    ],
    ids=["agent", "synthesiser"],
)
async def test_a_fault_in_a_turn_ends_that_turn_only(autojump_clock, broken):
    async with running(**broken) as (conversation, emit):
        conversation.user_text("bang")
        error = await emit.wait_for(StreamError)
        conversation.user_text("fine")
        done = await emit.wait_for(ResponseComplete)
    assert (error.turn, error.code, error.retryable) == (1, ErrorCode.ENGINE_FAILED, True)
    assert "planted" not in error.message
    assert error.correlation_id
    assert done.turn == 2


async def test_an_expected_failure_keeps_its_words(autojump_clock):
    class Broken(EchoAgent):
        async def respond(self, question, say):  # noqa: ARG002  (the port's)
            await say("Let me see. ")
            raise EngineFailed("The model is gone.", suggested_action="Start it.")

    async with running(Broken()) as (conversation, emit):
        conversation.user_text("hello")
        error = await emit.wait_for(StreamError)
    assert (error.message, error.suggested_action) == ("The model is gone.", "Start it.")


async def test_refused_speech_is_answered_but_does_not_nag(autojump_clock):
    tts = ToneSynthesizer()
    async with running(tts=tts) as (conversation, emit):
        for n in range(4):
            await conversation.heard(said("set a timer", accepted=False))
            await emit.wait_for(ResponseComplete, n + 1)
        await conversation.heard(said("hm", accepted=False, trivial=True))
        await trio.sleep(1)
    assert len(tts.spoken) == 2, "two refusals are spoken, the others only shown"
    assert len(emit.of(TurnStarted)) == 4
    assert [final.turn for final in emit.of(TranscriptFinal)] == [1, 2, 3, 4, None]


async def test_refused_speech_over_the_assistant_is_its_own_echo(autojump_clock):
    async with running() as (conversation, emit):
        conversation.user_text("x" * 100)
        await emit.wait_for(AudioFrame, 5)
        await conversation.heard(said("noise", accepted=False))
        while not emit.of(AudioFrame)[-1].last:
            await emit.wait_for(AudioFrame, len(emit.of(AudioFrame)) + 1)
        # All has been sent, but the loudspeaker is half a second behind.
        await conversation.heard(said("noise", accepted=False))
        await emit.wait_for(ResponseComplete)
        assert not emit.of(StreamInterrupted)
        await conversation.heard(said("noise", accepted=False))
        await emit.wait_for(ResponseComplete, 2)
    assert [final.turn for final in emit.of(TranscriptFinal)] == [None, None, 2]


async def test_the_assistant_speaks_up_by_itself_when_it_is_its_turn(autojump_clock):
    agent = EchoAgent(announcements=["Your timer is done.", "Another one."])
    async with running(agent) as (conversation, emit):
        await emit.wait_for(ResponseComplete, 2)
        conversation.user_text("thanks")
        await emit.wait_for(ResponseComplete, 3)
    assert [started.origin for started in emit.of(TurnStarted)] == [
        Origin.ASSISTANT,
        Origin.ASSISTANT,
        Origin.TEXT,
    ]
    assert emit.of(ResponseComplete)[0].text == "Your timer is done."


async def test_an_announcement_waits_until_the_answer_has_been_heard(autojump_clock):
    async with running() as (conversation, emit), trio.open_nursery() as nursery:
        conversation.user_text("x" * 20)
        await emit.wait_for(AudioFrame)
        began = trio.current_time()
        nursery.start_soon(conversation.announce, "Your timer is done.")
        await emit.wait_for(TurnStarted, 2)
        waited = trio.current_time() - began
    seconds = sum(frame.samples for frame in emit.of(AudioFrame) if frame.stream == 1) / RATE
    assert waited == pytest.approx(seconds, abs=0.06)


async def test_an_announcement_waits_while_the_user_speaks(autojump_clock):
    async with running() as (conversation, emit), trio.open_nursery() as nursery:
        conversation.user_speaks(speaks=True)
        nursery.start_soon(conversation.announce, "Your timer is done.")
        await trio.sleep(5)
        assert not emit.items
        await conversation.heard(said("what time is it"))
        conversation.user_speaks(speaks=False)
        await emit.wait_for(ResponseComplete, 2)
    origins = [started.origin for started in emit.of(TurnStarted)]
    assert origins == [Origin.VOICE, Origin.ASSISTANT], "what the user asks goes first"


async def test_draining_lets_the_turn_end_and_takes_no_new_one(autojump_clock):
    async with running() as (conversation, emit):
        await conversation.drain()  # nothing to wait for
        assert not emit.items
    async with running() as (conversation, emit):
        conversation.user_text("x" * 50)
        await emit.wait_for(AudioFrame)
        await conversation.drain()
        assert len(emit.of(ResponseComplete)) == 1
        with pytest.raises(ProtocolError) as caught:
            conversation.user_text("too late")
        assert caught.value.code is ErrorCode.SERVER_SHUTTING_DOWN
        await conversation.announce("nobody hears this")
        assert len(emit.of(TurnStarted)) == 1


async def test_stop_says_that_the_server_ends(autojump_clock):
    async with running() as (conversation, emit):
        conversation.user_text("x" * 50)
        await emit.wait_for(AudioFrame)
        conversation.stop()
        await conversation.drain()
    assert emit.of(StreamInterrupted)[0].reason is StopReason.SHUTDOWN


async def test_stop_ends_the_turns_that_wait_as_well(autojump_clock):
    async with running() as (conversation, emit):
        turns = [conversation.user_text(f"question {n}") for n in range(3)]
        conversation.stop()
        await conversation.drain()
    stopped = [(item.turn, item.reason) for item in emit.of(StreamInterrupted)]
    assert stopped == [(turn, StopReason.SHUTDOWN) for turn in turns]


async def test_a_question_right_behind_another_stops_it_at_once(autojump_clock):
    """Also in the moment when the first one's turn has just been announced."""
    reached, slow = trio.Event(), trio.Event()

    class SlowClient(Collector):
        async def __call__(self, item, /):
            if isinstance(item, TurnStarted) and item.turn == 1:
                reached.set()
                await slow.wait()
            await super().__call__(item)

    emit = SlowClient()
    conversation = Conversation(
        thinkers=Thinkers(EchoAgent()),
        owner=ungated(),
        speech=Speech(ToneSynthesizer(), RATE, reports=False, ahead_s=0.5),
        emit=emit,
        report=emit.report,
        speak=True,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        conversation.user_text("x" * 100)
        await reached.wait()
        conversation.user_text("and now this")
        slow.set()
        done = await emit.wait_for(ResponseComplete)
        nursery.cancel_scope.cancel()
    assert done.turn == 2
    assert emit.of(StreamInterrupted)[0].turn == 1
    assert {frame.stream for frame in emit.of(AudioFrame)} == {2}


async def test_an_answer_without_its_sound_is_still_an_answer(autojump_clock):
    class Mute(ToneSynthesizer):
        def speak(self, text):  # noqa: ARG002  (the port's)
            raise EngineFailed("The voice is gone.", suggested_action="Read the answer.")

    async with running(tts=Mute()) as (conversation, emit):
        conversation.user_text("one. two. three. four. five. six. seven. eight")
        done = await emit.wait_for(ResponseComplete)
    assert done.text.endswith("eight. ")
    (error,) = emit.of(Error)
    assert (error.code, error.message) == (ErrorCode.ENGINE_FAILED, "The voice is gone.")
    assert not emit.of(StreamError)
    assert emit.items.index(error) < emit.items.index(done)


async def test_speech_that_comes_too_late_is_told_so(autojump_clock):
    async with running() as (conversation, emit):
        await conversation.drain()
        with pytest.raises(ProtocolError):
            await conversation.heard(said("what time is it"))
    assert emit.of(TranscriptFinal)[0].turn is None

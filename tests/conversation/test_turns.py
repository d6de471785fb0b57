"""Turns with fakes and virtual time: what reaches the client, in which order, and how turns end."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from tests.fakes import Collector, EchoAgent, ToneSynthesizer
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.endpoint import Endpoint, EndpointReason
from voicechat.conversation.listener import Heard
from voicechat.errors import EngineFailed, ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.speech.ports import Transcript

RATE = 16_000


@asynccontextmanager
async def running(agent=None, tts=None, *, speak=True, ahead_s=0.5):
    emit = Collector()
    conversation = Conversation(
        agent=agent or EchoAgent(),
        tts=tts or ToneSynthesizer(),
        emit=emit,
        report=emit.report,
        output_rate=RATE,
        speak=speak,
        ahead_s=ahead_s,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        yield conversation, emit
        nursery.cancel_scope.cancel()


def said(text, *, accepted=True, trivial=False):
    now = trio.current_time()
    end = Endpoint(EndpointReason.SILENCE, 0, 8000)
    return Heard(Transcript(text, accepted), end, now - 0.5, now, now, trivial=trivial)


async def test_a_typed_question_is_answered_in_text_and_speech(autojump_clock):
    async with running() as (conversation, emit):
        turn = conversation.user_text("hello")
        done = await emit.wait_for(ResponseComplete)
    assert done.turn == turn
    assert done.text == "You said: hello. "
    assert "".join(delta.text for delta in emit.of(StreamDelta)) == done.text
    assert isinstance(emit.items[0], TurnStarted)
    assert emit.items[0].origin is Origin.TEXT
    frames = emit.of(AudioFrame)
    assert {frame.stream for frame in frames} == {turn}
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert [frame.last for frame in frames] == [False] * (len(frames) - 1) + [True]
    position = 0
    for frame in frames:
        assert frame.offset == position
        position += frame.samples
    assert position == len("You said: hello.") * RATE // 20
    assert done.timings.endpoint_ms is None
    assert 0 <= done.timings.first_token_ms <= done.timings.first_audio_ms


@pytest.mark.requirement("V-6")
async def test_speech_is_paced(autojump_clock):
    async with running(ahead_s=0.5) as (conversation, emit):
        start = trio.current_time()
        conversation.user_text("x" * 90)  # 5 s of speech
        await emit.wait_for(ResponseComplete)
        took = trio.current_time() - start
    seconds = sum(frame.samples for frame in emit.of(AudioFrame)) / RATE
    assert took == pytest.approx(seconds - 0.5, abs=0.1)


@pytest.mark.requirement("V-6")
async def test_speech_begins_while_the_agent_still_thinks(autojump_clock):
    async with running(EchoAgent(pause=1.0)) as (conversation, emit):
        conversation.user_text("one two three, four five six. Seven eight nine ten")
        await emit.wait_for(ResponseComplete)
    first = next(i for i, item in enumerate(emit.items) if isinstance(item, AudioFrame))
    last = max(i for i, item in enumerate(emit.items) if isinstance(item, StreamDelta))
    assert first < last


async def test_text_only(autojump_clock):
    tts = ToneSynthesizer()
    async with running(tts=tts, speak=False) as (conversation, emit):
        conversation.user_text("hello")
        await emit.wait_for(ResponseComplete)
        conversation.speak = True
        conversation.user_text("again")
        await emit.wait_for(ResponseComplete, 2)
    assert tts.spoken == ["You said: again."]
    assert {frame.stream for frame in emit.of(AudioFrame)} == {2}


async def test_speech_that_was_understood_begins_a_turn(autojump_clock):
    async with running() as (conversation, emit):
        await conversation.heard(said("what time is it"))
        done = await emit.wait_for(ResponseComplete)
    final = emit.of(TranscriptFinal)[0]
    assert (final.text, final.accepted, final.turn) == ("what time is it", True, 1)
    assert emit.items.index(final) < emit.items.index(emit.of(TurnStarted)[0])
    assert done.timings.endpoint_ms == pytest.approx(500)
    assert done.timings.first_audio_ms >= 500


async def test_an_interrupt_stops_the_answer_and_its_audio(autojump_clock):
    tts = ToneSynthesizer()
    async with running(tts=tts) as (conversation, emit):
        turn = conversation.user_text("x" * 200)
        await emit.wait_for(AudioFrame, 20)
        conversation.interrupt(turn + 1)  # another turn: nothing happens
        conversation.interrupt(turn)
        conversation.interrupt(None)  # twice does no harm
        stopped = await emit.wait_for(StreamInterrupted)
        assert tts.open_now == 0
        at = len(emit.items)
        await trio.sleep(5)
        assert len(emit.items) == at, "nothing of the turn comes after its interruption"
        conversation.user_text("next")
        await emit.wait_for(ResponseComplete)
    assert (stopped.turn, stopped.reason) == (turn, StopReason.INTERRUPTED)
    assert emit.of(ResponseComplete)[0].turn == turn + 1


async def test_a_new_question_stops_the_old_answer(autojump_clock):
    async with running() as (conversation, emit):
        conversation.user_text("x" * 200)
        await emit.wait_for(AudioFrame, 5)
        await conversation.heard(said("what time is it"))
        done = await emit.wait_for(ResponseComplete)
    assert done.turn == 2
    assert emit.of(StreamInterrupted)[0].reason is StopReason.NEW_TURN
    started = [item.turn for item in emit.of(TurnStarted)]
    assert started == [1, 2]
    two = emit.items.index(emit.of(TurnStarted)[1])
    assert all(frame.stream == 2 for frame in emit.items[two:] if isinstance(frame, AudioFrame))


async def test_questions_in_a_row_are_all_answered_and_only_the_last_is_spoken(autojump_clock):
    agent = EchoAgent()
    async with running(agent) as (conversation, emit):
        turns = [conversation.user_text(f"question {n}") for n in range(10)]
        with pytest.raises(ProtocolError) as caught:  # noqa: PT012  (the one too many)
            for n in range(50):
                turns.append(conversation.user_text(f"more {n}"))
        assert caught.value.code is ErrorCode.BACKPRESSURE
        await emit.wait_for(ResponseComplete, len(turns))
    assert [done.turn for done in emit.of(ResponseComplete)] == turns
    assert {frame.stream for frame in emit.of(AudioFrame)} == {turns[-1]}
    assert len(agent.asked) == len(turns)


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
        async def respond(self, text, say):  # noqa: ARG002  (the port's)
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
            conversation.played(n + 1, done=True)
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
        await emit.wait_for(ResponseComplete)
        # All has been sent, but the loudspeaker is half a second behind.
        await conversation.heard(said("noise", accepted=False))
        assert not emit.of(StreamInterrupted)
        conversation.played(1, done=True)
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


@pytest.mark.parametrize(("reported", "waits"), [(True, 0.0), (False, 0.5)])
async def test_an_announcement_waits_until_the_answer_has_been_heard(
    autojump_clock, reported, waits
):
    async with running() as (conversation, emit), trio.open_nursery() as nursery:
        conversation.user_text("x" * 20)
        await emit.wait_for(AudioFrame)
        nursery.start_soon(conversation.announce, "Your timer is done.")
        await emit.wait_for(ResponseComplete)
        sent = trio.current_time()
        if reported:
            conversation.played(1, done=True)
        await emit.wait_for(TurnStarted, 2)
        assert trio.current_time() - sent == pytest.approx(waits, abs=0.06)


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
    slow = trio.Event()

    class SlowClient(Collector):
        async def __call__(self, item, /):
            await super().__call__(item)
            if isinstance(item, TurnStarted) and item.turn == 1:
                await slow.wait()

    emit = SlowClient()
    conversation = Conversation(
        agent=EchoAgent(),
        tts=ToneSynthesizer(),
        emit=emit,
        report=emit.report,
        output_rate=RATE,
        speak=True,
        ahead_s=0.5,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        conversation.user_text("x" * 100)
        await emit.wait_for(TurnStarted)
        conversation.user_text("and now this")
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

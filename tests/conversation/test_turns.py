"""Turns with fakes and virtual time: what reaches the client, and in which order."""

from __future__ import annotations

import pytest
import trio

from tests.conversation.turn_tools import RATE, running, said
from tests.fakes import EchoAgent, ToneSynthesizer
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import Outcome, TurnTrace


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
        while not (emit.of(AudioFrame) and emit.of(AudioFrame)[-1].last):
            await emit.wait_for(AudioFrame, len(emit.of(AudioFrame)) + 1)
        sent = trio.current_time() - start
        await emit.wait_for(ResponseComplete)
        heard = trio.current_time() - start
    seconds = sum(frame.samples for frame in emit.of(AudioFrame)) / RATE
    assert sent == pytest.approx(seconds - 0.5, abs=0.1)
    assert heard == pytest.approx(seconds, abs=0.1)


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
        await conversation.heard(said("what time is it", ago_s=0.5))
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
        (trace,) = emit.items[at:]  # nothing else of the turn comes after its interruption
        assert isinstance(trace, TurnTrace)
        assert (trace.outcome, trace.stopped) == (Outcome.INTERRUPTED, StopReason.INTERRUPTED)
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

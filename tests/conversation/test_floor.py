"""Speech against answers, with fake engines: drafts, reopened turns, barge-in, what was heard."""

from __future__ import annotations

import pytest
import trio

from tests.conversation.floor_tools import RATE, room
from tests.fakes import EchoAgent
from voicechat.agents.ports import Completeness, Message, Role
from voicechat.errors import EngineFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    Duck,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import EndpointReason, Outcome, Speculation, TurnTrace
from voicechat.speech.ports import Transcript

TIME = Transcript("what time is it")
PLEASE = Transcript("what time is it please")
LONG = Transcript("say " + "again and " * 12 + "again")
ALL = {TIME.text: Completeness.COMPLETE, PLEASE.text: Completeness.COMPLETE}


def turns_of(emit):
    return [started.turn for started in emit.of(TurnStarted)]


@pytest.mark.requirement("V-4", "V-11")
async def test_a_prepared_answer_leaves_at_the_endpoint(autojump_clock):
    """The agent needs 100 ms for a word, the pause 192: the first word is there at the endpoint."""
    async with room([TIME], EchoAgent(pause=0.1, complete=ALL)) as it:
        await it.silence(0.5)
        await it.speech(1.0)
        await it.silence(4)
        trace = await it.emit.wait_for(TurnTrace)
    assert it.agent.asked == ["what time is it"]
    assert trace.speculation is Speculation.HIT
    assert (trace.endpoint, trace.outcome) == (EndpointReason.COMPLETE, Outcome.COMPLETE)
    timings = trace.timings
    assert timings.first_token_ms < timings.endpoint_ms, "it thought in the pause"
    kinds = [type(item) for item in it.emit.items]
    assert kinds.index(TranscriptFinal) < kinds.index(TurnStarted) < kinds.index(StreamDelta)
    assert trace.heard_chars == len("You said: what time is it.")


@pytest.mark.requirement("V-4")
async def test_a_draft_for_other_words_is_dropped_without_trace(autojump_clock):
    agent = EchoAgent(pause=0.02, complete={TIME.text: Completeness.EXTENDABLE})
    async with room([PLEASE], agent, word_s=0.25) as it:
        await it.silence(0.4)
        await it.speech(0.6)  # four words with the pre-roll
        await it.silence(0.2)
        await it.speech(0.5)
        await it.silence(5)
        trace = await it.emit.wait_for(TurnTrace)
    assert it.agent.asked[0] == "what time is it"
    assert it.agent.asked[-1] == PLEASE.text
    assert turns_of(it.emit) == [1]
    assert trace.drafts_dropped == len(it.agent.asked) - 1
    text = "".join(delta.text for delta in it.emit.of(StreamDelta))
    assert text == f"You said: {PLEASE.text}. "


async def test_side_effects_wait_until_the_turn_is_certain(autojump_clock):
    agent = EchoAgent(changes="time", complete={TIME.text: Completeness.EXTENDABLE})
    async with room([PLEASE], agent, word_s=0.25) as it:
        await it.silence(0.4)
        await it.speech(0.6)
        await it.silence(0.2)
        assert agent.asked == [TIME.text]
        assert agent.changed == []
        await it.speech(0.5)
        await it.silence(5)
        await it.emit.wait_for(ResponseComplete)
    assert agent.changed == [PLEASE.text]


@pytest.mark.requirement("V-4")
async def test_who_goes_on_before_hearing_an_answer_reopens_the_turn(autojump_clock):
    agent = EchoAgent(pause=0.5, complete=ALL)
    async with room([TIME, PLEASE], agent) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(0.5)  # the endpoint was after 0.2 s; the agent thinks
        await it.speech(0.6)
        await it.silence(5)
        await it.emit.wait_for(ResponseComplete)
        trace = await it.emit.wait_for(TurnTrace, 2)
    (stopped,) = it.emit.of(StreamInterrupted)
    assert (stopped.turn, stopped.reason) == (1, StopReason.REOPENED)
    finals = [(f.text, f.turn, f.replaces) for f in it.emit.of(TranscriptFinal)]
    assert finals == [(TIME.text, 1, None), (PLEASE.text, 2, 1)]
    assert {frame.stream for frame in it.emit.of(AudioFrame)} == {2}
    assert trace.replaces == 1
    # The second time the recogniser heard all of it.
    seconds = [len(audio) / 2 / RATE for audio in it.stt.audio]
    assert seconds[1] == pytest.approx(0.3 + 0.8 + 0.5 + 0.6 + 0.2, abs=0.1)
    assert agent.questions[-1].history == (), "the first part was no question of its own"


async def test_a_noise_after_the_endpoint_does_not_lose_the_question(autojump_clock):
    agent = EchoAgent(pause=0.5, complete=ALL)
    noise = Transcript("five", accepted=False)
    async with room([TIME, noise], agent) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(0.5)
        await it.speech(0.2)
        await it.silence(5)
        done = await it.emit.wait_for(ResponseComplete)
    finals = [(f.text, f.turn, f.replaces) for f in it.emit.of(TranscriptFinal)]
    assert finals == [(TIME.text, 1, None), (TIME.text, 2, 1)]
    assert done.text == "You said: what time is it. "


async def test_a_recogniser_that_breaks_then_does_not_either(autojump_clock):
    class Fragile(EchoAgent):
        pass

    async with room([TIME], Fragile(pause=0.5, complete=ALL)) as it:
        really = it.stt.open

        def fail_once(on_partial):
            if it.stt.transcripts:
                return really(on_partial)
            raise EngineFailed("It broke down.", suggested_action="Say it again.")

        it.stt.__class__.open, kept = (lambda _, p: fail_once(p)), it.stt.__class__.open
        try:
            await it.silence(0.5)
            await it.speech(0.8)
            await it.silence(0.5)
            await it.speech(0.3)
            await it.silence(5)
            await it.emit.wait_for(ResponseComplete)
        finally:
            it.stt.__class__.open = kept
    assert len(it.emit.of(Error)) == 1
    assert [f.turn for f in it.emit.of(TranscriptFinal)] == [1, 2]


@pytest.mark.requirement("V-4")
async def test_what_was_done_cannot_be_reopened(autojump_clock):
    agent = EchoAgent(pause=0.5, changes="time", complete=ALL)
    async with room([TIME, PLEASE], agent) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(0.5)
        await it.speech(0.6)
        await it.silence(5)
        await it.emit.wait_for(ResponseComplete)
    assert [item.reason for item in it.emit.of(StreamInterrupted)] == [StopReason.BARGE_IN]
    assert agent.changed == [TIME.text, PLEASE.text]


@pytest.mark.requirement("V-7", "V-8")
async def test_barge_in_stops_the_answer_and_the_history_keeps_what_was_heard(autojump_clock):
    agent = EchoAgent(complete=ALL)
    async with room([LONG, TIME], agent) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(3)
        began = trio.current_time()
        await it.speech(0.8)
        await it.silence(4)
        (stopped,) = it.emit.of(StreamInterrupted)
        await it.emit.wait_for(TurnTrace, 2)
    assert (stopped.turn, stopped.reason) == (1, StopReason.BARGE_IN)
    at = it.emit.items.index(stopped)
    assert not [i for i in it.emit.items[at:] if isinstance(i, AudioFrame) and i.stream == 1]
    trace = it.emit.of(TurnTrace)[0]
    assert trace.outcome is Outcome.INTERRUPTED
    assert 0 < trace.heard_chars < trace.text_chars
    assert trace.played_ms < trace.audio_ms < trace.played_ms + 650
    question, answer = agent.questions[-1].history
    assert question == Message(Role.USER, LONG.text)
    assert answer.cut
    assert answer.intended == f"You said: {LONG.text}."
    assert answer.intended.startswith(answer.text)
    assert len(answer.text) == trace.heard_chars
    assert trio.current_time() - began < 10


@pytest.mark.requirement("V-7")
async def test_assent_ducks_the_answer_and_it_goes_on(autojump_clock):
    async with room([LONG, Transcript("uh huh")], word_s=0.05) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(3)
        await it.speech(0.5)
        await it.silence(7)
        trace = await it.emit.wait_for(TurnTrace)
    assert [duck.gain for duck in it.emit.of(Duck)] == [0.25, 1.0]
    assert not it.emit.of(StreamInterrupted)
    assert (trace.outcome, trace.false_alarms) == (Outcome.COMPLETE, 1)
    assert trace.text_chars - trace.heard_chars <= 1, "all but the blank at its end"


@pytest.mark.requirement("V-7")
async def test_half_duplex_lets_the_answer_end(autojump_clock):
    async with room([LONG], barge_in=False) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(3)
        await it.speech(1)
        await it.silence(7)
        await it.emit.wait_for(ResponseComplete)
    assert not it.emit.of(StreamInterrupted) + it.emit.of(Duck)


@pytest.mark.requirement("V-6")
async def test_a_client_that_does_not_play_gets_the_text_only(autojump_clock):
    async with room([]) as it:
        it.refuses = True
        it.conversation.user_text("x" * 100)
        done = await it.emit.wait_for(ResponseComplete)
    sent = sum(frame.samples for frame in it.emit.of(AudioFrame))
    assert sent <= 0.5 * RATE
    assert done.text.startswith("You said: xxx")
    (error,) = it.emit.of(Error)
    assert "does not play" in error.message


class Voice:
    """An acoustic model that says what it is told; keeps how much it was given."""

    def __init__(self, probability):
        self.probability_ = probability
        self.seconds = []

    async def probability(self, pcm):
        self.seconds.append(len(pcm) / 2 / RATE)
        if self.probability_ is None:
            raise EngineFailed("planted")
        return self.probability_


@pytest.mark.requirement("V-4")
@pytest.mark.parametrize(
    ("probability", "reason"),
    [
        (0.05, EndpointReason.OPEN),
        (0.9, EndpointReason.SILENCE),
        (None, EndpointReason.SILENCE),
    ],
    ids=["sounds open", "sounds finished", "breaks down"],
)
async def test_the_voice_is_asked_once_a_pause(autojump_clock, probability, reason):
    voice = Voice(probability)
    async with room([TIME], end_of_turn=voice) as it:
        await it.silence(0.5)
        await it.speech(0.8)
        await it.silence(0.4)
        await it.speech(0.5)
        await it.silence(4)
        trace = await it.emit.wait_for(TurnTrace)
    assert trace.endpoint is reason
    assert voice.seconds == pytest.approx([0.3 + 0.8 + 0.2, 0.3 + 0.8 + 0.4 + 0.5 + 0.2], abs=0.1)

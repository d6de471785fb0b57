"""Answers that heat stops: they go on there, whole, and end at once if they are told to."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.conversation.heat_tools import (
    COOL,
    BreakingSynthesizer,
    Oven,
    audio,
    completed,
    heard_words,
    words_of,
)
from tests.conversation.turn_tools import running, said
from tests.fakes import EchoAgent, ToneSynthesizer
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
)
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.protocol.messages.trace import Outcome, TurnTrace

PAUSED, PHRASES = ThermalState.PAUSED, ThermalState.PHRASES
QUESTION = "one two three four. Five six seven eight nine. Ten, eleven and twelve"
ANSWER = f"You said: {QUESTION}. "

KINDS = pytest.mark.parametrize("phrases", [None, EchoAgent()], ids=["phrases", "agent"])


@KINDS
@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("thinks_s", [0.0, 0.2])
@pytest.mark.parametrize("at", [n * 0.23 for n in range(14)])
async def test_an_answer_goes_on_where_it_was(at, thinks_s, phrases, autojump_clock):
    """Before its first token, between tokens, between sentences, in the midst of one's sound."""
    async with running(EchoAgent(thinks_s)) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await emit.wait_for(ResponseComplete)
        without = audio(emit, turn)
    assert completed(emit, turn) == ANSWER

    oven = Oven()
    async with running(EchoAgent(thinks_s), owner=oven.owner, phrases=phrases) as (
        conversation,
        emit,
    ):
        oven.become(COOL)
        turn = conversation.user_text(QUESTION)
        if at:
            await trio.sleep(at)
        oven.become(PAUSED)
        await trio.sleep(2)
        before = emit.items.copy()
        await trio.sleep(60)
        assert emit.items == before, "nothing comes in a pause, once what was made has left"
        assert oven.gate.occupied == 0
        assert oven.waits
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
        await emit.wait_for(TurnTrace)
    assert completed(emit, turn) == ANSWER
    assert audio(emit, turn) == without
    assert oven.clean
    (trace,) = emit.of(TurnTrace)
    assert trace.outcome is Outcome.COMPLETE


@KINDS
@pytest.mark.requirement("T-2", "V-8")
@pytest.mark.parametrize("goes_on_s", [None, 0.4, 0.7])
@pytest.mark.parametrize("at", [0.3, 0.9, 1.6, 2.4])
async def test_after_an_interruption_the_history_has_what_was_heard(
    at, goes_on_s, phrases, autojump_clock
):
    """In the pause, or some time after it."""
    oven, tts, agent = Oven(), ToneSynthesizer(), EchoAgent()
    async with running(agent, tts, owner=oven.owner, phrases=phrases) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await trio.sleep(at)
        oven.become(PAUSED)
        await trio.sleep(30)
        if goes_on_s is not None:
            oven.become(COOL)
            await trio.sleep(goes_on_s)
        sent = len(audio(emit, turn)) // 2
        conversation.interrupt(turn)
        await emit.wait_for(StreamInterrupted)
        await wait_all_tasks_blocked()
        assert oven.clean
        oven.become(COOL)
        await trio.sleep(1)
        conversation.user_text("next")
        await emit.wait_for(ResponseComplete)
    heard = words_of(agent.questions[-1].history[-1].text)
    if goes_on_s is None:
        assert heard == heard_words(tts.spoken, sent), "all that was sent was heard in the pause"
    else:
        most = heard_words(tts.spoken, sent)
        least = heard_words(tts.spoken, sent - 16_000)
        assert heard == most[: len(heard)]
        assert len(least) <= len(heard) <= len(most)
    assert 0 < len(heard) < len(words_of(ANSWER))


@KINDS
@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("at", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("how", ["interrupt", "barge-in", "question", "close"])
async def test_who_interrupts_in_a_pause_does_so_at_once(how, at, phrases, autojump_clock):
    oven, tts = Oven(1), ToneSynthesizer()
    async with running(EchoAgent(0.1), tts, owner=oven.owner, phrases=phrases) as (
        conversation,
        emit,
    ):
        turn = conversation.user_text(QUESTION)
        await trio.sleep(at)
        oven.become(PAUSED)
        await trio.sleep(10)
        assert oven.waits
        began = trio.current_time()
        match how:
            case "interrupt":
                conversation.interrupt(turn)
            case "barge-in":
                conversation.barge_in()
            case "question":
                conversation.user_text("something else")
            case "close":
                conversation.stop()
        stopped = await emit.wait_for(StreamInterrupted)
        assert (stopped.turn, trio.current_time() - began) == (turn, 0.0)
        await wait_all_tasks_blocked()
        assert tts.open_now == 0
        assert oven.gate.occupied == 0
        if how == "question":
            assert oven.gate.waiting == 1, "the new question waits instead"
            oven.become(COOL)
            done = await emit.wait_for(ResponseComplete)
            assert done.text == "You said: something else. "
    assert oven.clean


@pytest.mark.requirement("T-2", "L-7")
@pytest.mark.parametrize("at", [0.0, 1.5])
async def test_a_server_that_shuts_down_in_a_pause_waits_no_longer_than_the_grace(
    at, autojump_clock
):
    oven = Oven()
    async with running(owner=oven.owner) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await trio.sleep(at)
        oven.become(PAUSED)
        began = trio.current_time()
        with trio.move_on_after(5) as grace:
            await conversation.drain()
        assert grace.cancelled_caught
        conversation.stop()
        await conversation.drain()
        assert trio.current_time() - began == pytest.approx(5)
        assert oven.clean
    (stopped,) = emit.of(StreamInterrupted)
    assert (stopped.turn, stopped.reason) == (turn, StopReason.SHUTDOWN)


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("chunks", [0, 1, 20, 60])
@pytest.mark.parametrize("at", [0.0, 0.5, 2.0])
async def test_a_voice_that_fails_in_a_pause_costs_the_sound_alone(chunks, at, autojump_clock):
    oven, tts = Oven(), BreakingSynthesizer(chunks=chunks)
    async with running(EchoAgent(0.05), tts, owner=oven.owner) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await trio.sleep(at)
        oven.become(PAUSED)
        await trio.sleep(30)
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
        assert oven.clean
        conversation.user_text("next")
        await emit.wait_for(ResponseComplete, 2)
    assert completed(emit, turn) == ANSWER
    assert len(audio(emit, turn)) <= chunks * 1600
    assert len(emit.of(Error)) == 1
    assert len(audio(emit, turn + 1)) == 1600 * len("You said: next.")


async def test_an_agent_that_fails_after_a_pause_fails_its_turn_alone(autojump_clock):
    oven, agent = Oven(), EchoAgent()
    async with running(agent, owner=oven.owner) as (conversation, emit):
        oven.become(PAUSED)
        conversation.user_text("bad")
        agent.fail_on = "bad"
        await trio.sleep(10)
        oven.become(COOL)
        await emit.wait_for(StreamError)
        await wait_all_tasks_blocked()
        assert oven.clean
        conversation.user_text("good")
        await emit.wait_for(ResponseComplete)


@pytest.mark.requirement("T-8")
async def test_while_only_phrases_are_allowed_another_agent_answers_what_is_new(autojump_clock):
    oven, agent, phrases = Oven(), EchoAgent(0.5), EchoAgent()
    async with running(agent, owner=oven.owner, phrases=phrases) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await emit.wait_for(StreamDelta, 3)
        oven.become(PHRASES)
        await emit.wait_for(ResponseComplete)
        assert completed(emit, turn) == ANSWER
        conversation.user_text("quick one")
        done = await emit.wait_for(ResponseComplete, 2)
        assert done.text == "You said: quick one. "
        assert (agent.asked, phrases.asked) == ([QUESTION], ["quick one"])
        oven.become(COOL)
        conversation.user_text("thoughts")
        await emit.wait_for(ResponseComplete, 3)
    assert agent.asked == [QUESTION, "thoughts"]
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_an_announcement_in_a_pause_is_read_at_once_and_heard_later(autojump_clock):
    oven = Oven()
    async with running(owner=oven.owner) as (conversation, emit), trio.open_nursery() as nursery:
        oven.become(PAUSED)
        began = trio.current_time()
        nursery.start_soon(conversation.announce, "The tea is ready.")
        delta = await emit.wait_for(StreamDelta)
        assert (delta.text, trio.current_time() - began) == ("The tea is ready.", 0.0)
        await trio.sleep(30)
        assert emit.of(AudioFrame) == []
        assert oven.waits == 1
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
        assert len(audio(emit, 1)) == 1600 * len("The tea is ready.")
    assert oven.clean


@pytest.mark.requirement("T-2")
async def test_spoken_questions_in_a_pause_are_answered_after_it(autojump_clock):
    oven, agent = Oven(), EchoAgent()
    async with running(agent, owner=oven.owner) as (conversation, emit):
        oven.become(PAUSED)
        await conversation.heard(said("what time is it"))
        await conversation.heard(said("noise", accepted=False))
        await trio.sleep(30)
        assert emit.of(StreamDelta) == []
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
    assert agent.asked == ["what time is it"]

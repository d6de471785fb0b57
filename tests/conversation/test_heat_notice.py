"""The notice of a pause, by voice: in the answer that waits, or by itself; never as part of it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from tests.conversation.floor_tools import room
from tests.conversation.heat_tools import (
    COOL,
    BreakingSynthesizer,
    Oven,
    audio,
    completed,
    heard_words,
    words_of,
)
from tests.conversation.turn_tools import running
from tests.fakes import Collector, EchoAgent, ToneSynthesizer, loud
from voicechat.agents.ports import Role
from voicechat.conversation.notice import WORDS, Notice
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StreamDelta,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.speech.ports import Transcript

PAUSED = ThermalState.PAUSED
QUESTION = "one two three four. Five six seven eight nine"
ANSWER = f"You said: {QUESTION}. "
SOUND = loud(1.0)  # louder than the tones of the synthesizer
SOUND_WORDS = len(SOUND) // 2


@asynccontextmanager
async def noticed(at, **how):
    """An answer that is paused `at`, and the notice in it after 2 s, which is said to its end."""
    oven = Oven()
    async with running(owner=oven.owner, **how) as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await trio.sleep(at)
        oven.become(PAUSED)
        await trio.sleep(2)
        await conversation.notice("hot", SOUND)
        await trio.sleep(5)
        yield oven, conversation, emit, turn
    assert oven.clean


async def test_it_is_prepared_while_it_is_cool():
    tts = ToneSynthesizer()
    notice = Notice(tts)
    assert notice.pcm == b""
    await notice.prepare()
    assert tts.spoken == [WORDS]
    assert len(notice.pcm) == 1600 * len(WORDS)
    assert tts.open_now == 0


@pytest.mark.parametrize("chunks", [0, 5])
async def test_without_a_voice_there_is_none(chunks):
    """And half of it is none either."""
    notice = Notice(BreakingSynthesizer(chunks=chunks))
    await notice.prepare()
    assert notice.pcm == b""


async def keep(coroutine, results):
    results.append(await coroutine)


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("at", [n * 0.31 for n in range(7)])
async def test_it_is_said_in_the_middle_of_the_answer(at, autojump_clock):
    """Of the same turn; the answer is not changed by it, and goes on behind it."""
    async with running() as (conversation, emit):
        turn = conversation.user_text(QUESTION)
        await emit.wait_for(ResponseComplete)
        without = audio(emit, turn)

    async with noticed(at) as (oven, conversation, emit, turn):
        before = audio(emit, turn)
        assert before.endswith(SOUND), "the whole notice, though the answer waits"
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
        assert completed(emit, turn) == ANSWER
        whole = audio(emit, turn)
        begin = whole.index(SOUND)
        assert whole[:begin] + whole[begin + len(SOUND) :] == without
        assert [frame.last for frame in emit.of(AudioFrame)][-1]
        assert len(emit.of(TurnStarted)) == 1


@pytest.mark.requirement("T-2", "V-8")
@pytest.mark.parametrize("goes_on_s", [None, 0.6, 1.0])
@pytest.mark.parametrize("at", [0.0, 0.3, 0.8])
async def test_its_words_do_not_count_as_heard_of_the_answer(at, goes_on_s, autojump_clock):
    tts, agent = ToneSynthesizer(), EchoAgent()
    async with noticed(at, tts=tts, agent=agent) as (oven, conversation, emit, turn):
        if goes_on_s is not None:
            oven.become(COOL)
            await trio.sleep(goes_on_s)
        sent = len(audio(emit, turn)) // 2 - SOUND_WORDS
        conversation.interrupt(turn)
        await emit.wait_for(StreamInterrupted)
        oven.become(COOL)
        conversation.user_text("next")
        await emit.wait_for(ResponseComplete)
    last = agent.questions[-1].history[-1]
    heard = words_of(last.text) if last.role is Role.ASSISTANT else []
    if goes_on_s is None:
        # The end of the notice may still wait for a whole frame, 640 samples.
        assert heard in (heard_words(tts.spoken, sent), heard_words(tts.spoken, sent + 640))
    else:
        most = heard_words(tts.spoken, sent)
        assert heard == most[: len(heard)]
        assert len(heard) >= len(heard_words(tts.spoken, sent - 16_000))
    assert "hot" not in heard


async def test_it_stops_with_the_answer(autojump_clock):
    oven = Oven()
    async with running(owner=oven.owner) as (conversation, emit), trio.open_nursery() as nursery:
        oven.become(PAUSED)
        turn = conversation.user_text(QUESTION)
        await trio.sleep(1)
        said = []
        nursery.start_soon(keep, conversation.notice("hot", loud(20)), said)
        await trio.sleep(3)
        conversation.interrupt(turn)
        await emit.wait_for(StreamInterrupted)
        sent = len(audio(emit, turn))
        assert 2 * 32_000 < sent < 5 * 32_000
        await trio.sleep(20)
        assert len(audio(emit, turn)) == sent
        assert said == [False], "it may be said again"
    assert oven.clean


class SlowCollector(Collector):
    """A client to which everything takes half a second."""

    async def __call__(self, item):
        await trio.sleep(0.5)
        await super().__call__(item)


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("emit", [Collector, SlowCollector])
async def test_while_nothing_is_answered_it_is_a_turn_of_its_own(emit, autojump_clock):
    oven, agent = Oven(), EchoAgent()
    async with running(agent, owner=oven.owner, emit=emit()) as (conversation, emit):
        oven.become(PAUSED)
        await conversation.notice("hot", SOUND)
        (done,) = emit.of(ResponseComplete)
        assert done.text == "hot"
        assert audio(emit, done.turn) == SOUND
        assert emit.of(AudioFrame)[-1].last
        assert oven.waited == 0, "it needs no engine"
        oven.become(COOL)
        conversation.user_text("next")
        await emit.wait_for(ResponseComplete, 2)
    assert agent.questions[0].history == (), "nothing that the agent has said"


@pytest.mark.requirement("T-2")
async def test_it_is_said_while_the_users_utterance_is_open(autojump_clock):
    """Who has spoken into a pause hears why nothing comes; what was said is answered later."""
    time = Transcript("what time is it")
    oven = Oven()
    async with room([time], owner=oven.owner) as it, trio.open_nursery() as nursery:
        await it.silence(0.5)
        oven.become(PAUSED)
        await it.speech(1.0)
        await it.silence(1)
        nursery.start_soon(it.conversation.notice, "hot", SOUND)
        await it.silence(5)
        assert [delta.text for delta in it.emit.of(StreamDelta)] == ["hot"]
        assert audio(it.emit, 1) == SOUND
        assert it.emit.of(TranscriptFinal) == []
        oven.become(COOL)
        await it.silence(6)
        assert completed(it.emit, 2) == "You said: what time is it. "
    assert oven.clean


async def test_who_hears_no_answers_hears_no_notice(autojump_clock):
    oven = Oven()
    async with running(owner=oven.owner, speak=False) as (conversation, emit):
        await conversation.notice("hot", SOUND)
        oven.become(PAUSED)
        conversation.user_text(QUESTION)
        await trio.sleep(1)
        await conversation.notice("hot", SOUND)
        await trio.sleep(5)
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
    assert emit.of(AudioFrame) == []
    assert len(emit.of(TurnStarted)) == 1


async def test_while_the_server_shuts_down_it_is_not_said(autojump_clock):
    async with running() as (conversation, emit):
        await conversation.drain()
        await conversation.notice("hot", SOUND)
    assert emit.items == []


async def test_a_voice_that_fails_behind_it_costs_the_sound_alone(autojump_clock):
    oven = Oven()
    async with running(tts=BreakingSynthesizer(chunks=10), owner=oven.owner) as (
        conversation,
        emit,
    ):
        oven.become(PAUSED)
        turn = conversation.user_text(QUESTION)
        await trio.sleep(1)
        await conversation.notice("hot", SOUND)
        await trio.sleep(5)
        oven.become(COOL)
        await emit.wait_for(ResponseComplete)
    assert completed(emit, turn) == ANSWER
    assert SOUND in audio(emit, turn)
    assert len(emit.of(Error)) == 1
    assert oven.clean

"""An agent that nobody asks is put to rest, and another one is there when it is needed."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes import Collector, EchoAgent, ToneSynthesizer, ungated
from voicechat.agents.assistant.assistant import AssistantFactory
from voicechat.agents.ports import Question
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.speaker import Speech
from voicechat.conversation.thinking import Thinkers
from voicechat.protocol.messages.conversation import ResponseComplete
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.ladder import LIMITS

pytestmark = pytest.mark.requirement("S-5")

NORMAL, HOT = LIMITS[ThermalState.NORMAL], LIMITS[ThermalState.PHRASES]


class Worker(EchoAgent):
    """Counts its runs; may have something to do."""

    def __init__(self, name=""):
        super().__init__()
        self.name = name
        self.running = 0
        self.busy = False

    async def run(self, announce):  # noqa: ARG002  (the port's)
        self.running += 1
        try:
            await trio.sleep_forever()
        finally:
            self.running -= 1


class Made:
    """Makes agents and remembers them."""

    def __init__(self, *, phrases=False):
        self.agents = []
        self.phrases = phrases
        self.woken = 0

    def make(self):
        agent = Worker(f"agent {len(self.agents)}")
        phrases = Worker("phrases") if self.phrases else None
        self.agents.append((agent, phrases))
        return agent, phrases

    def wake(self):
        self.woken += 1

    def thinkers(self):
        return Thinkers(*self.make(), self.make, self.wake)

    @property
    def running(self):
        return [sum(each.running for each in pair if each is not None) for pair in self.agents]


@asynccontextmanager
async def at_work(thinkers):
    async def announce(_):
        raise AssertionError

    async with trio.open_nursery() as nursery:
        nursery.start_soon(thinkers.run, announce)
        await wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("phrases", [False, True])
async def test_at_rest_nothing_of_an_agent_runs(phrases):
    made = Made(phrases=phrases)
    thinkers = made.thinkers()
    async with at_work(thinkers):
        assert made.running == [1 + phrases]
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert made.running == [0]
        assert made.woken == 0


async def test_the_next_question_wakes_another_one():
    made = Made()
    thinkers = made.thinkers()
    async with at_work(thinkers):
        thinkers.rest()
        await wait_all_tasks_blocked()
        chosen = thinkers.choose(NORMAL)
        assert chosen is made.agents[1][0]
        await wait_all_tasks_blocked()
        assert made.running == [0, 1]
        assert made.woken == 1
        assert thinkers.choose(NORMAL) is chosen, "it is awake"
        assert made.woken == 1
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert thinkers.choose(NORMAL) is made.agents[2][0]
        await wait_all_tasks_blocked()
        assert made.running == [0, 0, 1]


async def test_a_question_at_the_moment_of_rest_is_answered():
    made = Made()
    thinkers = made.thinkers()
    async with at_work(thinkers):
        thinkers.rest()
        thinkers.choose(NORMAL)
        await wait_all_tasks_blocked()
        assert made.running == [0, 1]
        thinkers.rest()
        thinkers.choose(NORMAL)
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert sum(made.running) == 0
        thinkers.choose(NORMAL)
        await wait_all_tasks_blocked()
        assert made.running == [0, 0, 0, 1]


async def test_who_matches_phrases_is_made_anew_too():
    made = Made(phrases=True)
    thinkers = made.thinkers()
    assert thinkers.choose(HOT) is made.agents[0][1]
    assert thinkers.choose(NORMAL) is made.agents[0][0]
    thinkers.rest()
    assert thinkers.choose(HOT) is made.agents[1][1]
    assert thinkers.choose(NORMAL) is made.agents[1][0]
    assert made.woken == 1


@pytest.mark.parametrize("which", [0, 1])
async def test_who_is_busy_does_not_rest(which):
    made = Made(phrases=True)
    thinkers = made.thinkers()
    async with at_work(thinkers):
        made.agents[0][which].busy = True
        assert thinkers.busy
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert made.running == [2]
        made.agents[0][which].busy = False
        assert not thinkers.busy
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert made.running == [0]


async def test_who_cannot_be_made_again_does_not_rest():
    agent = Worker()
    thinkers = Thinkers(agent)
    async with at_work(thinkers):
        thinkers.rest()
        await wait_all_tasks_blocked()
        assert agent.running == 1
        assert thinkers.choose(NORMAL) is agent


async def test_an_agent_that_does_not_tell_is_never_busy():
    thinkers = Thinkers(EchoAgent(), EchoAgent())
    assert not thinkers.busy


async def test_a_conversation_goes_on_with_another_agent(autojump_clock):
    """It is told what was said before, for it has no memory."""
    made, emit = Made(), Collector()
    conversation = Conversation(
        thinkers=(thinkers := made.thinkers()),
        owner=ungated(),
        speech=Speech(ToneSynthesizer(), 16_000, reports=False, ahead_s=0.5),
        emit=emit,
        report=emit.report,
        speak=False,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        conversation.user_text("one")
        await emit.wait_for(ResponseComplete)
        thinkers.rest()
        conversation.user_text("two")
        await emit.wait_for(ResponseComplete, 2)
        nursery.cancel_scope.cancel()
    (question,) = made.agents[1][0].questions
    assert [message.text for message in question.history] == ["one", "You said: one."]
    assert made.agents[0][0].asked == ["one"]


@pytest.mark.requirement("S-5")
async def test_the_assistant_is_busy_while_a_timer_is_going_to_ring(autojump_clock):
    assistant, told, rung = AssistantFactory().create("s"), [], []

    async def say(text):
        told.append(text)

    async def announce(text):
        rung.append(text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, announce)
        assert not assistant.busy
        await assistant.respond(Question("set a timer for ten seconds"), say)
        assert assistant.busy
        await trio.sleep(9)
        assert (assistant.busy, rung) == (True, [])
        await trio.sleep(2)
        assert not assistant.busy
        assert len(rung) == 1
        await assistant.respond(Question("set a timer for ten minutes"), say)
        assert assistant.busy
        await assistant.respond(Question("cancel the timer"), say)
        assert not assistant.busy
        nursery.cancel_scope.cancel()

"""What every agent has to do, whichever it is; the fake of the other tests has to do it, too."""

from __future__ import annotations

import pytest
import trio

from tests.fakes import EchoAgent
from voicechat.agents.assistant.assistant import AssistantFactory
from voicechat.agents.ports import Completeness, Message, Question, Role
from voicechat.speech.ports import Transcript

AGENTS = {
    "assistant": lambda: AssistantFactory().create("session"),
    "fake": EchoAgent,
}


@pytest.fixture(params=sorted(AGENTS))
def agent(request):
    return AGENTS[request.param]()


class Said:
    def __init__(self):
        self.deltas = []

    async def __call__(self, delta):
        await trio.lowlevel.checkpoint()
        self.deltas.append(delta)


@pytest.mark.requirement("A-1")
async def test_it_answers_whatever_it_is_asked(agent):
    for text in ("what time is it", "xyzzy", "?", "x" * 32_000, "日本", "\n"):
        said = Said()
        await agent.respond(Question(text), said)
        assert "".join(said.deltas).strip()
        assert all(isinstance(delta, str) for delta in said.deltas)


@pytest.mark.requirement("A-1")
async def test_it_answers_speech_that_was_refused(agent):
    said = Said()
    await agent.not_understood(Transcript("set a timer", accepted=False), said)
    assert "".join(said.deltas).strip()


@pytest.mark.requirement("A-1")
async def test_an_answer_can_be_cancelled_at_each_delta(agent):
    for stop_after in range(3):
        deltas = []

        async def say(delta, deltas=deltas, stop_after=stop_after):
            deltas.append(delta)
            if len(deltas) > stop_after:
                await trio.sleep_forever()

        with trio.move_on_after(0.2):
            await agent.respond(Question("what can you do"), say)
        assert len(deltas) <= stop_after + 1
    said = Said()
    await agent.respond(Question("what time is it"), said)
    assert said.deltas, "and it works afterwards"


@pytest.mark.requirement("A-1")
async def test_its_background_work_ends_when_cancelled(agent):
    async def announce(text):
        raise AssertionError(text)

    with trio.move_on_after(0.2) as scope:
        await agent.run(announce)
    assert scope.cancelled_caught, "it runs until it is cancelled"


@pytest.mark.requirement("A-1")
async def test_it_takes_any_history(agent):
    history = (
        Message(Role.ASSISTANT, "Your timer", "Your timer is done.", cut=True),
        Message(Role.USER, "日本"),
        Message(Role.ASSISTANT, ""),
        Message(Role.USER, ""),
    )
    for text in ("say that again", "what did i say", "tell me a joke", "xyzzy"):
        said = Said()
        await agent.respond(Question(text, history), said)
        assert "".join(said.deltas).strip()


@pytest.mark.requirement("V-4")
async def test_a_guess_can_be_cancelled_before_it_is_certain(agent):
    for text in ("set a timer for one hour", "what time is it", "xyzzy"):
        with trio.move_on_after(0.1):
            await agent.respond(Question(text, certain=trio.sleep_forever), Said())
    said = Said()
    await agent.respond(Question("do i have any timers"), said)
    assert said.deltas


@pytest.mark.requirement("V-4")
async def test_it_tells_at_once_how_finished_any_words_are(agent):
    for words in ("", "set a timer for", "what time is it", "...", "x " * 5_000, "日本", "\n"):
        assert agent.completeness(words) in Completeness

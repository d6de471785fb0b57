"""A session with the assistant: its answers, its memory, and the device that it reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from voicechat.agents.assistant import Assistant, AssistantFactory, local_environment
from voicechat.agents.assistant.answers.smalltalk import JOKES
from voicechat.agents.assistant.device import PsutilReadings, processor_celsius
from voicechat.agents.assistant.timers import Wanted
from voicechat.agents.ports import Question

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.agents.assistant.conftest import Conversation, Surroundings
    from voicechat.agents.ports import Agent, AgentFactory, Announce

pytestmark = pytest.mark.requirement("A-2")


async def nothing(text: str) -> None:
    raise AssertionError(text)


def test_it_is_an_agent(surroundings: Surroundings):
    factory: AgentFactory = AssistantFactory(surroundings.environment())
    agent: Agent = factory.create("session")
    announce: Announce = nothing
    assert agent
    assert announce


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what time is it", "It is 3:05 PM."),
        ("what is the date today", "Today is Saturday, November 21st, 2026."),
        ("what is the date", "Today is Saturday, November 21st, 2026."),
        ("what day is it", "Today is Saturday."),
        ("what day was yesterday", "Yesterday was Friday."),
        ("what is tomorrow's date", "Tomorrow is Sunday, November 22nd, 2026."),
        ("what month is it", "It is November."),
        ("what year is it", "It is 2026."),
        ("hello", "Good afternoon! What can I do for you?"),
        ("how hot is the processor", "The processor is at 54.3 degrees Celsius. That is fine."),
        ("what is the system load", "The load is 0.5 on 4 processors, which is 12 percent."),
        (
            "how much memory is free",
            "6.8 gigabytes of memory are free, out of 8 gigabytes. 15 percent are in use.",
        ),
        (
            "how much disk space is left",
            "20 gigabytes of disk space are free, out of 64 gigabytes. 69 percent are in use.",
        ),
        (
            "what is your uptime",
            "This machine has been running for 1 day, 2 hours and 3 minutes.",
        ),
        ("stop", "Okay."),
        ("cancel the timer", "There is no timer running."),
        ("how much time is left", "There is no timer running."),
        ("do i have any timers", "There is no timer running."),
        ("set a timer", "For how long? Say, for example, set a timer for 10 minutes."),
        ("set a timer for 0 minutes", "A timer needs at least 1 second."),
        ("set a timer for -5 minutes", "A timer needs at least 1 second."),
        (
            "set a timer for 1000 hours",
            "That is too long for me. A timer can run for up to 7 days.",
        ),
        ("pick a number between seven and seven", "I pick 7."),
        ("random number between 0.2 and 0.4", "There is no whole number between those two."),
        ("say that again", "I haven't said anything yet."),
        ("what did i say", "You haven't said anything before that."),
    ],
)
async def test_answers(chat: Conversation, text: str, answer: str):
    assert await chat.ask(text) == answer


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "12 AM"),
        (0, 5, "12:05 AM"),
        (9, 0, "9 AM"),
        (12, 30, "12:30 PM"),
        (23, 59, "11:59 PM"),
    ],
)
async def test_the_clock(
    chat: Conversation, surroundings: Surroundings, hour: int, minute: int, spoken: str
):
    surroundings.now = surroundings.now.replace(hour=hour, minute=minute)
    assert await chat.ask("what time is it") == f"It is {spoken}."


@pytest.mark.parametrize(
    ("celsius", "answer"),
    [
        (None, "I can't read a temperature sensor on this machine."),
        (66.0, "The processor is at 66 degrees Celsius. That is warm, but all right."),
        (85.0, "The processor is at 85 degrees Celsius. That is too hot."),
    ],
)
async def test_temperature(
    chat: Conversation, surroundings: Surroundings, celsius: float | None, answer: str
):
    device = surroundings.device
    device.snapshot = attrs.evolve(device.snapshot, celsius=celsius)
    assert await chat.ask("how hot are you") == answer


async def test_answers_come_by_the_sentence(chat: Conversation):
    deltas = await chat.deltas("how is the device doing")
    assert len(deltas) == 5
    assert all(delta.rstrip().endswith(".") for delta in deltas)
    assert "".join(deltas).count("  ") == 0


async def test_memory_of_the_conversation(chat: Conversation):
    await chat.ask("What time is it?")
    assert await chat.ask("say that again") == "It is 3:05 PM."
    assert await chat.ask("what did you say") == "It is 3:05 PM."
    assert await chat.ask("what did i say") == "You said: What time is it."
    assert await chat.ask("what did i just say") == "You said: What time is it."


async def test_what_is_not_understood_gets_examples_and_less_of_them(chat: Conversation):
    answers = [await chat.ask("my sister works as a doctor") for _ in range(4)]
    assert answers[0].startswith("Sorry, I only understand commands, like: ")
    assert len(answers[0]) > len(answers[1]) > len(answers[2])
    assert len(set(answers)) == 4
    await chat.ask("stop")
    assert (await chat.ask("what a day")).startswith("Sorry, I only understand commands, like: ")


async def test_rejected_speech_is_told_that_typing_helps(assistant: Assistant):
    said: list[str] = []

    async def say(delta: str) -> None:
        said.append(delta)

    await assistant.not_understood(object(), say)
    assert "".join(said).startswith("Sorry, I only understand commands, like: ")
    assert said[-1] == "You can also type."


async def test_each_joke_is_told_before_one_comes_again(chat: Conversation):
    told = [await chat.ask("tell me a joke") for _ in JOKES]
    assert sorted(told) == sorted(JOKES)
    assert await chat.ask("tell me another joke") in JOKES


async def test_chance(chat: Conversation):
    assert {await chat.ask("flip a coin") for _ in range(50)} == {"It is heads.", "It is tails."}
    assert {await chat.ask("roll a die") for _ in range(200)} == {
        f"You rolled a {n}." for n in range(1, 7)
    }


async def test_the_real_surroundings():
    environment = local_environment()
    assert environment.now().tzinfo is not None
    assert isinstance(environment.now(), datetime)
    snapshot = await PsutilReadings().read()
    assert snapshot.processors >= 1
    assert 0 < snapshot.memory_used < snapshot.memory_total
    assert 0 <= snapshot.disk_free <= snapshot.disk_total
    assert snapshot.uptime > 0


@pytest.mark.parametrize(
    ("sensors", "celsius"),
    [
        ({}, None),
        ({"coretemp": []}, None),
        ({"nvme": [40.0], "coretemp": [50.0, 55.0]}, 55.0),
        ({"cpu_thermal": [48.2]}, 48.2),
        ({"odd_driver": [33.0]}, 33.0),
        ({"acpitz": [0.0], "odd_driver": [33.0]}, 33.0),
    ],
)
def test_the_processors_sensor_is_chosen(sensors: dict[str, list[float]], celsius: float | None):
    assert processor_celsius(sensors) == celsius


async def test_what_was_interrupted_is_repeated_in_full(chat: Conversation):
    await chat.ask("how hot are you")
    chat.answered("It is 3:05 PM. It is late.", heard="It is 3:05")
    assert await chat.ask("say that again") == "It is 3:05 PM. It is late."


async def test_a_backchannel_is_answered_with_silence(chat: Conversation):
    await chat.ask("what time is it")
    assert await chat.deltas("Uh-huh.") == []
    assert await chat.deltas("okay") == []
    assert await chat.ask("what did i say") == "You said: what time is it."


async def test_refused_speech_begins_anew_after_a_command(assistant: Assistant, chat: Conversation):
    async def refused() -> str:
        said: list[str] = []

        async def say(delta: str) -> None:
            said.append(delta)

        await assistant.not_understood(object(), say)
        return "".join(said)

    first, second = await refused(), await refused()
    assert second.startswith("Sorry, I didn't get that.")
    await chat.ask("stop")
    assert (await refused())[:30] == first[:30]


class Uncertain:
    """A `Question.certain` that the test releases."""

    def __init__(self) -> None:
        self.asked = trio.Event()
        self.released = trio.Event()

    async def __call__(self) -> None:
        self.asked.set()
        await self.released.wait()


@pytest.mark.requirement("V-4")
async def test_a_timer_starts_when_it_is_certain_and_not_before(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    said: list[str] = []

    async def say(delta: str) -> None:
        said.append(delta)

    certain = Uncertain()
    async with trio.open_nursery() as nursery:
        question = Question("set a timer for ten minutes", certain=certain)
        nursery.start_soon(assistant.respond, question, say)
        await certain.asked.wait()
        await trio.sleep(2)
        assert said == []
        assert await chat.ask("do i have any timers") == "There is no timer running."
        certain.released.set()
    assert said == ["Timer set for 10 minutes."]
    await trio.sleep(1)
    assert await chat.ask("how much time is left") == (
        "The 10 minute timer has 9 minutes and 59 seconds left."
    )


@pytest.mark.requirement("V-4")
@pytest.mark.parametrize(
    "text", ["set a timer for ten minutes", "cancel all timers", "tell me a joke", "xyzzy", "stop"]
)
async def test_a_cancelled_guess_leaves_no_trace(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock, text: str
):
    await chat.ask("set a timer for one hour")
    await assistant.not_understood(object(), nothing_said)
    before = attrs.asdict(assistant._memory), assistant._memory.timers.find(Wanted())
    with trio.move_on_after(1):
        await assistant.respond(Question(text, certain=Uncertain()), nothing_said)
    assert (attrs.asdict(assistant._memory), assistant._memory.timers.find(Wanted())) == before


@pytest.mark.requirement("V-4")
@pytest.mark.parametrize("text", ["what time is it", "tell me a joke", "xyzzy", "uh huh"])
async def test_what_changes_nothing_is_said_without_waiting(assistant: Assistant, text: str):
    async def never() -> None:
        raise AssertionError(text)

    await assistant.respond(Question(text, certain=never), nothing_said)


async def nothing_said(_text: str) -> None:
    pass

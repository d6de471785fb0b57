"""A session with the assistant: its answers, its timers on a virtual clock, its memory."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from voicechat.agents.assistant import Assistant, AssistantFactory, local_environment
from voicechat.agents.assistant.answers.smalltalk import JOKES
from voicechat.agents.assistant.device import PsutilReadings, processor_celsius
from voicechat.agents.assistant.timers import MAX_TIMERS

if TYPE_CHECKING:
    from conftest import Conversation, Surroundings
    from trio.testing import MockClock

    from voicechat.agents.ports import Agent, AgentFactory, Announce

pytestmark = pytest.mark.requirement("A-2")


async def nothing(text: str) -> None:
    raise AssertionError(text)


@attrs.define
class Rings:
    """Records what is announced, and when."""

    heard: list[tuple[float, str]] = attrs.field(factory=list)
    speaking_s: float = 0.0

    async def announce(self, text: str) -> None:
        self.heard.append((trio.current_time(), text))
        await trio.sleep(self.speaking_s)


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


async def test_a_timer_rings_on_time_and_once(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    rings = Rings()
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, rings.announce)
        assert await chat.ask("set a timer for ten minutes") == "Timer set for 10 minutes."
        await trio.sleep(599)
        assert rings.heard == []
        assert await chat.ask("how much time is left") == "The 10 minute timer has 1 second left."
        await trio.sleep(3600)
        nursery.cancel_scope.cancel()
    assert [(round(at - start), text) for at, text in rings.heard] == [
        (600, "Your 10 minute timer is done.")
    ]


async def test_several_timers_ring_in_their_order_even_while_one_is_announced(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    rings = Rings(speaking_s=5)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, rings.announce)
        await chat.ask("set a pasta timer for two minutes")
        await chat.ask("set a timer for one minute")
        await chat.ask("set an egg timer for sixty two seconds")
        await chat.ask("remind me in 3 minutes to call mom")
        await trio.sleep(3600)
        nursery.cancel_scope.cancel()
    assert [(round(at - start), text) for at, text in rings.heard] == [
        (60, "Your 1 minute timer is done."),
        (65, "Your egg timer is done."),
        (120, "Your pasta timer is done."),
        (180, "This is your reminder: call mom."),
    ]
    assert await chat.ask("do i have any timers") == "There is no timer running."
    assert await chat.ask("say that again") == "There is no timer running."


async def test_a_ring_can_be_repeated(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    rings = Rings()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, rings.announce)
        await chat.ask("set a tea timer for three minutes")
        await trio.sleep(200)
        assert await chat.ask("say that again") == "Your tea timer is done."
        nursery.cancel_scope.cancel()


async def test_a_timer_set_before_run_rings_late_rather_than_never(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    rings = Rings()
    await chat.ask("set a timer for five seconds")
    await trio.sleep(10)
    with trio.move_on_after(1):
        await assistant.run(rings.announce)
    assert [text for _, text in rings.heard] == ["Your 5 second timer is done."]


async def test_cancelling(chat: Conversation, autojump_clock: MockClock):
    for text in (
        "set a timer for five minutes",
        "set a timer for ten minutes",
        "set a pasta timer for ten minutes",
    ):
        await chat.ask(text)
    listed = "3 timers running: the 5 minute timer, the 10 minute timer and the pasta timer."
    assert await chat.ask("what timers are running") == f"There are {listed}"
    assert await chat.ask("cancel the timer") == (
        f"Which one? There are {listed} Say, for example, cancel the 5 minute timer."
    )
    assert await chat.ask("cancel the pizza timer") == f"There is no such timer. There are {listed}"
    assert await chat.ask("cancel the five minute one") == "The 5 minute timer is cancelled."
    assert await chat.ask("cancel the pasta timer") == "The pasta timer is cancelled."
    assert await chat.ask("how much time is left on the pizza timer") == "There is no such timer."
    assert await chat.ask("cancel the timer") == "The 10 minute timer is cancelled."
    for _ in range(2):
        await chat.ask("set a timer for five minutes")
    assert await chat.ask("cancel all timers") == "Cancelled 2 timers."
    assert await chat.ask("list my timers") == "There is no timer running."


async def test_a_cancelled_timer_is_silent(
    assistant: Assistant, chat: Conversation, autojump_clock: MockClock
):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, nothing)
        await chat.ask("set a timer for five minutes")
        await chat.ask("cancel the timer")
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()


async def test_timers_are_limited(chat: Conversation):
    for _ in range(MAX_TIMERS):
        assert await chat.ask("set a timer for five minutes") == "Timer set for 5 minutes."
    refused = await chat.ask("set a timer for five minutes")
    assert refused == f"You already have {MAX_TIMERS} timers. Cancel one first."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("set a timer for fifty minutes", "Timer set for 50 minutes."),
        ("set a timer for an hour and a half", "Timer set for 1 hour and 30 minutes."),
        ("set a timer for half an hour", "Timer set for 30 minutes."),
        ("set a timer for one hour and thirty minutes", "Timer set for 1 hour and 30 minutes."),
        ("set a pasta timer for 90 seconds", "Pasta timer set for 1 minute and 30 seconds."),
        ("set a big cake timer for 1 hour", "Big cake timer set for 1 hour."),
        ("remind me in 5 min to eat", "Okay, I will remind you in 5 minutes to eat."),
    ],
)
async def test_a_timer_repeats_its_number(chat: Conversation, text: str, answer: str):
    assert await chat.ask(text) == answer


async def test_sessions_share_nothing(surroundings: Surroundings, chat: Conversation):
    factory = AssistantFactory(surroundings.environment())
    first, second = factory.create("one"), factory.create("two")
    await attrs.evolve(chat, assistant=first).ask("set a timer for five minutes")
    answer = await attrs.evolve(chat, assistant=second).ask("do i have any timers")
    assert answer == "There is no timer running."


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

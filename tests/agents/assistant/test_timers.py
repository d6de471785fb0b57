"""The assistant's timers on a virtual clock: when they ring, how they are named and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from voicechat.agents.assistant import Assistant, AssistantFactory
from voicechat.agents.assistant.timers import MAX_TIMERS

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.agents.assistant.conftest import Conversation, Surroundings

pytestmark = pytest.mark.requirement("A-2")


@attrs.define
class Rings:
    """Records what is announced, and when."""

    heard: list[tuple[float, str]] = attrs.field(factory=list)
    speaking_s: float = 0.0

    async def announce(self, text: str) -> None:
        self.heard.append((trio.current_time(), text))
        await trio.sleep(self.speaking_s)


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
        chat.answered(rings.heard[0][1])
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
    rings = Rings()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(assistant.run, rings.announce)
        await chat.ask("set a timer for five minutes")
        await chat.ask("cancel the timer")
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()
    assert rings.heard == []


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

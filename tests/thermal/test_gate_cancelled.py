"""Whoever is cancelled at the gate, wherever that is, leaves nothing behind and takes nothing."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.slot import Kind, Owner

COOL, PAUSED = LIMITS[ThermalState.NORMAL], LIMITS[ThermalState.PAUSED]
SINGLE = LIMITS[ThermalState.SINGLE]


class Waits:
    """What an owner was told of its waits: they come in pairs, one inside the other never ends."""

    def __init__(self):
        self.open = self.begun = 0

    def __call__(self, begins):
        self.open += 1 if begins else -1
        self.begun += begins
        assert self.open >= 0


def idle(gate):
    statistics = gate._limiter.statistics()
    return not (gate.occupied or gate.waiting or statistics.borrowers or statistics.tasks_waiting)


async def hold(owner, kind=Kind.TTS, *, scope=None, then=None):
    with scope or trio.CancelScope():
        async with owner.slot(kind) as slot:
            await (then or forever)(slot)


async def forever(slot):
    while True:
        await trio.sleep(0.1)
        await slot.checkpoint()


async def at_once(_):
    await trio.lowlevel.checkpoint()


async def away(slot):
    async with slot.away():
        await trio.sleep_forever()


async def away_twice(slot):
    async with slot.away(), slot.away():
        await trio.sleep_forever()


async def back_from_away(slot):
    async with slot.away():
        await trio.sleep(0.5)  # meanwhile it becomes hot, so that it waits at the end of the block
    await trio.sleep_forever()


async def full_channel(slot):
    send, _receive = trio.open_memory_channel(0)
    await slot.send(send, "nobody takes it")


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("then", [forever, away, away_twice, back_from_away, full_channel])
@pytest.mark.parametrize("hot", [False, True])
async def test_cancelled_wherever_it_is(then, hot, autojump_clock):
    gate, waits, scope = InferenceGate(1), Waits(), trio.CancelScope()
    owner = Owner(gate, "test", on_wait=waits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: hold(owner, scope=scope, then=then))
        await trio.sleep(0.25)
        if hot:
            gate.limit(PAUSED)
        await trio.sleep(5)
        assert waits.open == (1 if hot and then in {forever, back_from_away} else 0)
        scope.cancel()
    assert waits.open == 0
    assert idle(gate)
    gate.limit(COOL)
    await hold(owner, then=at_once)  # and the next one has it


@pytest.mark.requirement("T-2")
async def test_cancelled_while_it_waits(autojump_clock):
    gate, waits = InferenceGate(2), Waits()
    gate.limit(SINGLE)
    first, second = trio.CancelScope(), trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: hold(Owner(gate, "first"), scope=first))
        await trio.sleep(0.01)
        nursery.start_soon(lambda: hold(Owner(gate, "second", on_wait=waits), scope=second))
        await wait_all_tasks_blocked()
        assert (gate.occupied, gate.waiting, waits.open) == (1, 1, 1)
        second.cancel()
        await wait_all_tasks_blocked()
        assert (gate.occupied, gate.waiting, waits.open) == (1, 0, 0)
        first.cancel()
    assert idle(gate)


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("by_limit", [False, True])
async def test_cancelled_in_the_moment_in_which_it_gets_its_slot(by_limit, autojump_clock):
    """It was woken to be cancelled, and is handed a slot before it runs."""
    gate = InferenceGate(1)
    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        async with Owner(gate, "first").slot(Kind.TTS) as slot:
            if by_limit:
                gate.limit(PAUSED)
                gate.release(slot)
            waits = Waits()
            nursery.start_soon(lambda: hold(Owner(gate, "it", on_wait=waits), scope=scope))
            await wait_all_tasks_blocked()
            scope.cancel()
            if by_limit:
                gate.limit(COOL)
        await wait_all_tasks_blocked()
        assert waits.open == 0
    assert idle(gate)


async def test_cancelled_before_it_begins(autojump_clock):
    gate = InferenceGate(1)
    scope = trio.CancelScope()
    scope.cancel()
    await hold(Owner(gate, "late"), scope=scope)
    assert scope.cancelled_caught
    assert idle(gate)


async def test_a_fault_gives_the_slot_back(autojump_clock):
    gate = InferenceGate(1)
    with pytest.raises(ValueError, match="planted"):
        async with Owner(gate, "it").slot(Kind.AGENT) as slot, slot.away():
            raise ValueError("planted")
    with pytest.raises(ValueError, match="planted"):
        async with Owner(gate, "it").slot(Kind.AGENT):
            raise ValueError("planted")
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_who_catches_an_error_of_a_tool_computes_on_in_a_slot(autojump_clock):
    """And not without one, past the gate."""
    gate = InferenceGate(1)
    async with Owner(gate, "agent").slot(Kind.AGENT) as slot:
        with trio.move_on_after(1):
            async with slot.away(), slot.away():
                await trio.sleep_forever()
        await slot.checkpoint()
        assert slot.held
        gate.limit(PAUSED)
        with trio.move_on_after(1) as parked:
            await slot.checkpoint()
        assert parked.cancelled_caught
        assert gate.occupied == 0
        gate.limit(COOL)
        await slot.checkpoint()
        assert slot.held
    assert idle(gate)


async def test_blocks_of_away_that_overlap(autojump_clock):
    """Two tools at once: the slot comes back with the last of them."""
    gate = InferenceGate(1)

    async def tool(slot, seconds):
        async with slot.away():
            await trio.sleep(seconds)

    async with Owner(gate, "agent").slot(Kind.AGENT) as slot:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tool, slot, 1)
            nursery.start_soon(tool, slot, 3)
            await trio.sleep(2)
            assert not slot.held
            await slot.checkpoint()  # "still working" is said meanwhile
            assert not slot.held
        assert slot.held
    assert idle(gate)


async def test_a_slot_that_is_away_is_free_for_others(autojump_clock):
    gate = InferenceGate(1)
    async with Owner(gate, "one").slot(Kind.AGENT) as slot:
        async with slot.away():
            async with Owner(gate, "two").slot(Kind.TTS):
                assert gate.occupied == 1
            assert gate.occupied == 0
        assert slot.held
    assert idle(gate)


async def test_what_is_sent_arrives_in_order_and_without_the_slot(autojump_clock):
    gate = InferenceGate(1)
    send, receive = trio.open_memory_channel(1)
    got = []
    async with trio.open_nursery() as nursery:

        async def make():
            async with Owner(gate, "voice").slot(Kind.TTS) as slot, send:
                for n in range(5):
                    await slot.send(send, n)
                    assert slot.held

        nursery.start_soon(make)
        await trio.sleep(1)
        assert (gate.occupied, send.statistics().current_buffer_used) == (0, 1)
        async for n in receive:
            got.append(n)
    assert got == list(range(5))
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_waits_are_told_of_when_it_gets_hot_and_when_it_is_over(autojump_clock):
    """A wait for others is none for heat; it becomes one, and stops being one, with the limits."""
    gate, waits = InferenceGate(2), Waits()
    async with trio.open_nursery() as nursery:
        async with (
            Owner(gate, "first").slot(Kind.TTS),
            Owner(gate, "second").slot(Kind.TTS),
        ):
            nursery.start_soon(lambda: hold(Owner(gate, "it", on_wait=waits), then=at_once))
            await wait_all_tasks_blocked()
            for _ in range(3):
                assert (waits.open, gate.waiting) == (0, 1)
                gate.limit(PAUSED)
                assert waits.open == 1
                gate.limit(SINGLE)
                assert waits.open == 1
                gate.limit(COOL)
        await wait_all_tasks_blocked()
    assert (waits.open, waits.begun) == (0, 3)
    assert idle(gate)

"""An agent that works in several tasks: its slot is one, and none of them computes without it."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.slot import Kind, Owner

COOL, PAUSED = LIMITS[ThermalState.NORMAL], LIMITS[ThermalState.PAUSED]
TOKEN_S = 0.1


def idle(gate):
    statistics = gate._limiter.statistics()
    return not (gate.occupied or gate.waiting or statistics.borrowers or statistics.tasks_waiting)


async def tool(slot, done, tokens=10):
    for _ in range(tokens):
        await trio.sleep(TOKEN_S)
        await slot.checkpoint()
        done.append(slot.held)


@pytest.mark.requirement("T-2")
async def test_a_pause_stops_every_task(autojump_clock):
    gate, done = InferenceGate(2), []
    async with Owner(gate, "agent").slot(Kind.AGENT) as slot, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(tool, slot, done)
        await trio.sleep(2.5 * TOKEN_S)
        gate.limit(PAUSED)
        await trio.sleep(60)
        assert len(done) == 6
        assert (gate.occupied, gate.waiting) == (0, 1)
        gate.limit(COOL)
    assert done == [True] * 30
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_a_tool_that_comes_back_in_a_pause_stops_the_others_as_well(autojump_clock):
    gate, done = InferenceGate(2), []

    async def remote(slot):
        async with slot.away():
            await trio.sleep(1)

    async with Owner(gate, "agent").slot(Kind.AGENT) as slot, trio.open_nursery() as nursery:
        nursery.start_soon(remote, slot)
        nursery.start_soon(tool, slot, done, 40)
        await trio.sleep(0.5)
        gate.limit(PAUSED)
        await trio.sleep(1)
        before = len(done)
        await trio.sleep(60)
        assert len(done) == before
        gate.limit(COOL)
    assert len(done) == 40
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_who_waits_with_another_that_is_cancelled_does_not_wait_for_ever(autojump_clock):
    gate, done, waits = InferenceGate(1), [], []
    owner = Owner(gate, "agent", on_wait=waits.append)
    first = trio.CancelScope()

    async def cancelled(slot):
        with first:
            await tool(slot, [])

    async with owner.slot(Kind.AGENT) as slot, trio.open_nursery() as nursery:
        nursery.start_soon(cancelled, slot)
        await wait_all_tasks_blocked()
        await trio.sleep(TOKEN_S / 2)
        nursery.start_soon(tool, slot, done, 1)
        gate.limit(PAUSED)
        await trio.sleep(5)
        assert (gate.waiting, done, waits) == (1, [], [True])
        first.cancel()
        await wait_all_tasks_blocked()
        assert (gate.waiting, done, waits) == (1, [], [True, False, True])
        gate.limit(COOL)
    assert done == [True]
    assert waits == [True, False, True, False]
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_who_waits_with_another_may_be_cancelled_itself(autojump_clock):
    gate, done = InferenceGate(1), []
    second = trio.CancelScope()

    async def cancelled(slot):
        with second:
            await trio.sleep(TOKEN_S / 2)
            await tool(slot, [])

    async with Owner(gate, "agent").slot(Kind.AGENT) as slot, trio.open_nursery() as nursery:
        nursery.start_soon(tool, slot, done, 1)
        nursery.start_soon(cancelled, slot)
        gate.limit(PAUSED)
        await trio.sleep(5)
        second.cancel()
        await wait_all_tasks_blocked()
        assert (gate.waiting, done) == (1, [])
        gate.limit(COOL)
    assert done == [True]
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_one_cancelled_in_the_moment_of_the_grant_takes_nothing_from_the_other(
    autojump_clock,
):
    """Whichever of the two runs first."""
    for _ in range(20):
        gate, done = InferenceGate(1), []
        first = trio.CancelScope()

        async def cancelled(slot, scope=first):
            with scope:
                await tool(slot, [])

        async with Owner(gate, "agent").slot(Kind.AGENT) as slot, trio.open_nursery() as nursery:
            nursery.start_soon(cancelled, slot)
            await trio.sleep(TOKEN_S / 2)
            nursery.start_soon(tool, slot, done, 3)
            gate.limit(PAUSED)
            await trio.sleep(5)
            first.cancel()
            gate.limit(COOL)
        assert done == [True] * 3
        assert idle(gate)


steps = st.lists(
    st.tuples(st.sampled_from(["compute", "compute", "away"]), st.integers(1, 8)), max_size=12
)
tasks = st.tuples(steps, st.none() | st.integers(1, 60))
pauses = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=3)


async def share(slots, scripts, hot):
    gate, finished, pause_at = InferenceGate(slots), set(), [None]
    waits = [0]

    def on_wait(begins):
        waits[0] += 1 if begins else -1
        assert waits[0] in {0, 1}

    async def work(number, script, ends, slot):
        scope = trio.CancelScope()
        if ends is not None:
            scope.deadline = trio.current_time() + ends / 10 + 0.001 * number
        with scope:
            for what, tenths in script:
                if what == "away":
                    async with slot.away():
                        await trio.sleep(tenths / 10)
                else:
                    for _ in range(tenths):
                        paused = pause_at[0] is not None and trio.current_time() > pause_at[0]
                        assert not paused or slot.absences, "it begins a token in a pause"
                        await trio.sleep(TOKEN_S)
                        await slot.checkpoint()
        finished.add(number)

    async def other():
        async with Owner(gate, "other").slot(Kind.AGENT) as slot:
            for _ in range(20):
                await trio.sleep(0.07)
                assert slot.held
                await slot.checkpoint()

    async def weather():
        for cool, warm in hot:
            await trio.sleep(cool / 10)
            pause_at[0] = trio.current_time()
            gate.limit(PAUSED)
            await trio.sleep(warm / 10)
            pause_at[0] = None
            gate.limit(COOL)

    async def agent():
        async with (
            Owner(gate, "agent", on_wait=on_wait).slot(Kind.AGENT) as slot,
            trio.open_nursery() as nursery,
        ):
            for number, (script, ends) in enumerate(scripts):
                nursery.start_soon(work, number, script, ends, slot)

    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(weather)
            nursery.start_soon(agent)
            nursery.start_soon(other)
    assert finished == set(range(len(scripts)))
    assert waits == [0]
    assert idle(gate)


@pytest.mark.requirement("T-2")
@settings(max_examples=150)
@given(st.integers(1, 3), st.lists(tasks, min_size=1, max_size=4), pauses)
def test_any_tasks_that_share_a_slot(slots, scripts, hot):
    trio.run(share, slots, scripts, hot, clock=MockClock(autojump_threshold=0))

"""What holds for agents alone: a slot is kept from them, and beginning goes before going on."""

from __future__ import annotations

import itertools

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS, Limits
from voicechat.thermal.slot import Kind, Owner

SINGLE = LIMITS[ThermalState.SINGLE]
TOKEN_S = 0.05
PREFILL_S = 20.0


async def compute(gate, name, done, *, kind=Kind.AGENT, tokens=1, token_s=TOKEN_S):
    """Work in tokens; `done` gets the name after each."""
    async with Owner(gate, name).slot(kind) as slot:
        for _ in range(tokens):
            await trio.sleep(token_s)
            done.append(name)
            await slot.checkpoint()


@pytest.mark.requirement("T-2")
@pytest.mark.parametrize("slots", [2, 3, 4])
async def test_agents_that_do_not_look_up_leave_a_slot_to_others(slots, autojump_clock):
    gate, done = InferenceGate(slots), []
    async with trio.open_nursery() as nursery:
        for n in range(slots):
            nursery.start_soon(lambda n=n: compute(gate, f"agent {n}", done, token_s=PREFILL_S))
        await wait_all_tasks_blocked()
        assert (gate.occupied, gate.waiting) == (slots - 1, 1)
        for kind in (Kind.STT, Kind.TTS):
            began = trio.current_time()
            await compute(gate, kind, done, kind=kind, tokens=10)
            assert trio.current_time() - began == pytest.approx(10 * TOKEN_S)
        assert not any(name.startswith("agent") for name in done)
    assert sum(name.startswith("agent") for name in done) == slots
    assert (gate.occupied, gate.waiting) == (0, 0)


async def test_the_only_slot_is_for_agents_too(autojump_clock):
    for gate in (InferenceGate(1), InferenceGate(4)):
        gate.limit(SINGLE)
        done = []
        await compute(gate, "agent", done)
        assert done == ["agent"]


@pytest.mark.requirement("T-2")
async def test_with_fewer_slots_in_force_agents_leave_one_again(autojump_clock):
    """Each of the two that hold the two that are left looks up, and one of them goes."""
    gate, done = InferenceGate(4), []
    async with trio.open_nursery() as nursery:
        for n in range(3):
            nursery.start_soon(lambda n=n: compute(gate, f"agent {n}", done, tokens=100))
        await trio.sleep(TOKEN_S / 2)
        assert gate.occupied == 3
        gate.limit(Limits(slots=2))
        await trio.sleep(TOKEN_S)
        for _ in range(60):
            assert gate.occupied == 1
            await trio.sleep(TOKEN_S)
        began = trio.current_time()
        await compute(gate, "voice", done, kind=Kind.TTS)
        assert trio.current_time() - began == pytest.approx(TOKEN_S)
    assert len(done) == 301


async def test_a_question_is_begun_before_answers_in_the_middle(autojump_clock):
    """At the next token of who holds the slot, as long as none of the others is overdue."""
    gate, done = InferenceGate(1), []
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(lambda name=name: compute(gate, name, done, tokens=20))
        await trio.sleep(8.5 * TOKEN_S)
        before = len(done)
        await compute(gate, "phrase", done)
        assert done[before + 1] == "phrase"
    assert len(done) == 61


async def test_a_question_comes_after_what_was_overdue_before_it(autojump_clock):
    gate, done = InferenceGate(1), []
    gate.limit(SINGLE)
    async with trio.open_nursery() as nursery:
        for name in "abcdefghij":
            nursery.start_soon(lambda name=name: compute(gate, name, done, tokens=60))
        await trio.sleep(10)
        began = trio.current_time()
        await compute(gate, "phrase", done)
        # Of the nine that wait, those who come within the next second are not overdue.
        assert trio.current_time() - began < 9 * 0.3 - 0.5
    assert len(done) == 601


async def test_who_has_begun_gives_way_to_real_time_work_at_once(autojump_clock):
    """Though it was given its slot before the other, and as one of its rank."""
    gate, done = InferenceGate(1), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: compute(gate, "first", done, kind=Kind.TTS))
        await wait_all_tasks_blocked()
        nursery.start_soon(lambda: compute(gate, "agent", done, tokens=3))
        await wait_all_tasks_blocked()
        nursery.start_soon(lambda: compute(gate, "voice", done, kind=Kind.TTS, tokens=2))
    assert done == ["first", "agent", "voice", "voice", "agent", "agent"]


@pytest.mark.parametrize("slots", [1, 2])
async def test_overdue_agents_have_their_quarter_of_a_second(slots, autojump_clock):
    gate, done = InferenceGate(slots), []
    async with trio.open_nursery() as nursery:
        for n in range(12):
            nursery.start_soon(lambda n=n: compute(gate, f"agent {n}", done, tokens=60))
    assert len(done) == 12 * 60
    # At first nobody is overdue, and in the end each has as many tokens as are left to it.
    settled = done[60:600]
    runs = [len(list(run)) for _, run in itertools.groupby(settled)][1:-1]
    assert set(runs) <= {5, 6}


async def test_an_overdue_agent_gives_way_to_others_after_its_quarter(autojump_clock):
    gate, done = InferenceGate(1), []
    async with trio.open_nursery() as nursery:
        for n in range(8):
            nursery.start_soon(lambda n=n: compute(gate, f"agent {n}", done, tokens=60))
        await trio.sleep(10)
        for _ in range(5):
            began = trio.current_time()
            await compute(gate, "voice", done, kind=Kind.TTS)
            # The turn of who holds it, and the turns of those who were overdue.
            assert trio.current_time() - began < 5 * 0.3 + TOKEN_S


async def test_an_overdue_agent_gives_way_after_its_quarter_to_one_that_is_not(autojump_clock):
    gate, done = InferenceGate(1), []
    began = trio.current_time()

    async def with_a_tool():
        async with Owner(gate, "tool").slot(Kind.AGENT) as slot:
            async with slot.away():
                await trio.sleep(1.4)
            # The voice ends at 1.55 s, and a quarter of a second later the other one looks up.
            assert trio.current_time() - began == pytest.approx(1.85, abs=TOKEN_S + 0.01)
            done.append("tool")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(with_a_tool)
        await wait_all_tasks_blocked()
        nursery.start_soon(lambda: compute(gate, "agent", done, tokens=40))
        await wait_all_tasks_blocked()
        async with Owner(gate, "voice").slot(Kind.TTS):
            await trio.sleep(1.5)
    assert done.index("tool") in {6, 7}

"""Who gets a slot of the gate, in which order, and what heat changes about that."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS, Limits
from voicechat.thermal.slot import Kind, Owner

COOL = LIMITS[ThermalState.NORMAL]
NO_SPECULATION = LIMITS[ThermalState.NO_SPECULATION]
SINGLE = LIMITS[ThermalState.SINGLE]
PHRASES = LIMITS[ThermalState.PHRASES]
PAUSED = LIMITS[ThermalState.PAUSED]
TOKEN_S = 0.05


def idle(gate: InferenceGate) -> bool:
    """Nothing of it is held or waited for, also by the limiter's own account."""
    statistics = gate._limiter.statistics()
    nobody = not gate.occupied and not gate.waiting and not statistics.borrowers
    return nobody and not statistics.tasks_waiting


@attrs.define
class Work:
    """Engines that compute in tokens; `done` holds their names in the order of their tokens."""

    gate: InferenceGate
    nursery: trio.Nursery
    done: list[str] = attrs.field(factory=list)

    async def start(self, name, kind=Kind.TTS, *, tokens=1, speculative=False, owner=None):
        """Begin, and return when it holds a slot or waits."""
        owner = owner or Owner(self.gate, name, speculative)
        scope = trio.CancelScope()
        self.nursery.start_soon(self._run, name, kind, tokens, owner, scope)
        await wait_all_tasks_blocked()
        return scope

    async def _run(self, name, kind, tokens, owner, scope):
        with scope:
            async with owner.slot(kind) as slot:
                for _ in range(tokens):
                    await trio.sleep(TOKEN_S)
                    assert slot.held
                    self.done.append(name)
                    await slot.checkpoint()


async def test_first_come_first_served(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        for name in "abcdef":
            await work.start(name)
        assert (gate.occupied, gate.waiting) == (1, 5)
    assert work.done == list("abcdef")
    assert idle(gate)


async def test_what_users_wait_for_goes_before_speculation(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("first")
        await work.start("draft", Kind.TTS, speculative=True)
        await work.start("agent", Kind.AGENT, tokens=2)
        await work.start("recogniser", Kind.STT)
        await work.start("voice", Kind.TTS)
    assert work.done == ["first", "agent", "recogniser", "voice", "agent", "draft"]


async def test_speculation_gives_way_at_its_next_token(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("draft", Kind.AGENT, tokens=3, speculative=True)
        await work.start("user", Kind.AGENT, tokens=3)
    assert work.done == ["draft", "user", "user", "user", "draft", "draft"]


async def test_an_agent_gives_way_to_real_time_work_at_its_next_token(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("agent", Kind.AGENT, tokens=3)
        await work.start("voice", Kind.TTS, tokens=2)
    assert work.done == ["agent", "voice", "voice", "agent", "agent"]


async def test_an_agent_that_has_waited_for_a_second_is_not_passed_over(autojump_clock):
    """However much real-time work there is."""
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("agent", Kind.AGENT, tokens=2)
        for n in range(4):
            await work.start(f"voice {n}", tokens=100)
        # A second, and then a quarter of one for each that waits as well.
        await trio.sleep(1.0)
        assert work.done.count("agent") == 1
        await trio.sleep(1.6)
        assert work.done.count("agent") == 2
    assert len(work.done) == 402


async def test_work_of_the_same_rank_takes_turns_of_a_quarter_of_a_second(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("a", tokens=12)
        await work.start("b", tokens=12)
    runs = "".join(work.done)
    assert runs.startswith("aaaaa")
    assert "b" in runs[:7]
    assert max(map(len, runs.replace("ab", "a b").replace("ba", "b a").split())) <= 7
    assert sorted(runs) == ["a"] * 12 + ["b"] * 12


async def test_who_gave_way_goes_to_the_end_of_the_queue(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("a", tokens=7)
        await work.start("b", tokens=6)
        await work.start("c", tokens=1)
    assert work.done.index("c") < len(work.done) - 1 - work.done[::-1].index("a")


async def test_alone_nobody_gives_way(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        await Work(gate, nursery).start("a", tokens=100)
    assert trio.current_time() - began == pytest.approx(100 * TOKEN_S)


@pytest.mark.requirement("T-2")
async def test_a_pause_stops_all_at_the_next_token_and_loses_nothing(autojump_clock):
    gate = InferenceGate(len(Kind))
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        for kind in Kind:
            await work.start(kind, kind, tokens=20)
        assert gate.occupied == len(Kind)
        await trio.sleep(0.3 + TOKEN_S / 2)
        gate.limit(PAUSED)
        before = len(work.done)
        await trio.sleep(60)
        assert len(work.done) - before == len(Kind), "the token on which each was at work"
        assert (gate.occupied, gate.waiting) == (0, len(Kind))
        gate.limit(COOL)
    assert sorted(work.done) == sorted(20 * list(Kind))
    assert idle(gate)


@pytest.mark.requirement("T-2")
async def test_one_at_a_time(autojump_clock):
    gate = InferenceGate(3)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        for name in "abc":
            await work.start(name, tokens=10)
        await trio.sleep(TOKEN_S / 2)
        gate.limit(SINGLE)
        await trio.sleep(TOKEN_S)
        assert (gate.occupied, gate.waiting) == (1, 2)
        for _ in range(20):
            await trio.sleep(TOKEN_S)
            assert gate.occupied == 1
    assert idle(gate)


async def test_heat_keeps_the_place_in_the_queue(autojump_clock):
    gate = InferenceGate(2)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("a", tokens=2)
        await work.start("b", tokens=2)
        await work.start("later", tokens=2)
        gate.limit(PAUSED)
        await trio.sleep(60)
        assert sorted(work.done) == ["a", "b"]
        gate.limit(SINGLE)
    assert work.done[2:] == ["a", "b", "later", "later"]


@pytest.mark.requirement("T-8")
async def test_what_has_begun_is_finished_one_at_a_time_while_only_phrases_are_allowed(
    autojump_clock,
):
    gate = InferenceGate(2)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("agent", Kind.AGENT, tokens=5)
        await work.start("other", Kind.AGENT, tokens=5)
        gate.limit(PHRASES)
        await trio.sleep(60)
    assert sorted(work.done) == 5 * ["agent"] + 5 * ["other"]
    assert idle(gate)


@pytest.mark.requirement("T-8")
async def test_a_draft_rests_without_speculation_until_it_is_certain(autojump_clock):
    gate = InferenceGate(2)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        waits: list[bool] = []
        owner = Owner(gate, "draft", speculative=True, on_wait=waits.append)
        await work.start("draft", Kind.AGENT, tokens=5, owner=owner)
        gate.limit(NO_SPECULATION)
        await work.start("user", tokens=1)
        await trio.sleep(60)
        assert work.done.count("draft") == 1
        assert (gate.occupied, gate.waiting) == (0, 1)
        owner.settle()
        assert (gate.occupied, gate.waiting) == (1, 0)
    assert work.done.count("draft") == 5
    assert waits == [], "nobody waited for it, and nobody waits now"


@pytest.mark.requirement("T-2")
async def test_a_draft_that_becomes_certain_in_a_pause_waits_like_all_others(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        waits: list[bool] = []
        owner = Owner(gate, "draft", speculative=True, on_wait=waits.append)
        await work.start("draft", Kind.AGENT, tokens=5, owner=owner)
        gate.limit(PAUSED)
        await trio.sleep(10)
        assert waits == []
        owner.settle()
        owner.settle()
        assert waits == [True]
        await trio.sleep(10)
        gate.limit(NO_SPECULATION)
        await wait_all_tasks_blocked()
        assert waits == [True, False]
    assert work.done == ["draft"] * 5


async def test_a_settled_draft_that_holds_its_slot_goes_on(autojump_clock):
    gate = InferenceGate(1)
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        owner = Owner(gate, "draft", speculative=True)
        await work.start("draft", Kind.TTS, tokens=3, owner=owner)
        owner.settle()
        await work.start("agent", Kind.AGENT)
    assert work.done == ["draft"] * 3 + ["agent"]


async def test_limits_above_the_number_of_slots_add_none(autojump_clock):
    gate = InferenceGate(1)
    gate.limit(Limits(slots=5))
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await work.start("a")
        await work.start("b")
        assert (gate.occupied, gate.waiting) == (1, 1)


async def test_what_slots_were_held_adds_up(autojump_clock):
    gate = InferenceGate(4)
    assert gate.busy_s == 0
    async with trio.open_nursery() as nursery:
        work = Work(gate, nursery)
        await trio.sleep(5)
        assert gate.busy_s == 0
        for name in "abc":
            await work.start(name, tokens=20)  # 1 s
        await trio.sleep(0.5)
        assert gate.busy_s == pytest.approx(1.5)
        gate.limit(PAUSED)
        held = gate.busy_s
        await trio.sleep(10)
        assert held <= gate.busy_s <= held + 3 * TOKEN_S + 1e-6
        gate.limit(SINGLE)
        at, rest = trio.current_time(), gate.busy_s
        await trio.sleep(0.5)
        assert gate.busy_s - rest == pytest.approx(trio.current_time() - at)
    assert gate.busy_s == pytest.approx(3.0)

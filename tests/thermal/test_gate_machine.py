"""The gate, the ladder and any engines together: generated scripts in virtual time.

Each engine checks what must hold whenever it passes a checkpoint; a watcher checks the rest.
"""

from __future__ import annotations

import attrs
import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from voicechat.settings import Band
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS, STEPS, Ladder
from voicechat.thermal.slot import Kind, Owner

BANDS = {step: Band(75 + 3 * n, 70 + 3 * n) for n, step in enumerate(STEPS)}
LONGEST_TOKEN_S = 0.2
EPS = 1e-6


@attrs.frozen
class Script:
    """What one engine does: `tokens` says whether each is computed, or waited for elsewhere."""

    begins: float
    kind: Kind
    speculative: bool
    tokens: tuple[tuple[bool, float], ...]
    settles: float | None
    ends: float | None


moments = st.integers(0, 60).map(lambda n: n / 20)
tokens = st.lists(
    st.tuples(st.sampled_from([True, True, True, False]), st.sampled_from([0.01, 0.05, 0.2])),
    min_size=1,
    max_size=25,
).map(tuple)
engines = st.builds(
    Script,
    moments,
    st.sampled_from(Kind),
    st.booleans(),
    tokens,
    settles=st.none() | moments,
    ends=st.none() | moments,
)
LONG_AGENT = Script(0.0, Kind.AGENT, False, 25 * ((True, 0.2),), None, None)
heat = st.lists(st.tuples(moments, st.integers(65, 90)), max_size=8).map(sorted)


@attrs.define(eq=False)
class Engine:
    house: House
    script: Script
    owner: Owner
    waits: int = 0
    waiting_since: float | None = None
    settled_at: float = -1.0
    slot: object = None
    computed: int = 0

    def on_wait(self, begins):
        self.waits += 1 if begins else -1
        assert self.waits in {0, 1}

    async def run(self):
        await trio.sleep(self.script.begins)
        async with trio.open_nursery() as nursery:
            if self.script.settles is not None:
                nursery.start_soon(self._settle, self.script.settles)
            nursery.start_soon(self._work, nursery.cancel_scope)

    async def _settle(self, after):
        await trio.sleep(after)
        self.settled_at = trio.current_time()
        self.owner.settle()

    async def _work(self, scope):
        with trio.CancelScope() as mine:
            if self.script.ends is not None:
                mine.deadline = trio.current_time() + self.script.ends
            self.slot = self.owner.slot(self.script.kind)
            self.waiting_since = trio.current_time()
            async with self.slot:
                for computes, seconds in self.script.tokens:
                    self.passed()
                    if computes:
                        await trio.sleep(seconds)
                        self.computed += 1
                        self.waiting_since = trio.current_time()
                        await self.slot.checkpoint()
                    else:
                        async with self.slot.away():
                            await trio.sleep(seconds)
                            self.waiting_since = trio.current_time()
                self.passed()
        self.waiting_since = None
        assert not self.slot.held
        if not mine.cancelled_caught:
            self.house.finished.add(self)
        scope.cancel()

    def passed(self):
        now, waited = trio.current_time(), self.waiting_since
        self.waiting_since = None
        assert self.slot.held
        assert self.waits == 0
        if self.house.changed_at >= now - EPS:
            return
        assert self.admitted, "what heat forbids goes on"
        for other in self.house.engines:
            since = other.waiting_since
            if since is None or since >= now - EPS or other.settled_at >= now - EPS:
                continue
            if not self.house.gate.queues(other.slot) or not other.admitted:
                continue
            if self.owner.speculative and (self.is_agent or not self.house.agents_are_full(other)):
                assert other.owner.speculative, "a draft goes before a user"
            if waited is not None and waited < now - EPS and self.real_time and other.real_time:
                assert other.slot.place > self.slot.place, "not first come, first served"

    @property
    def is_agent(self):
        return self.script.kind is Kind.AGENT

    @property
    def real_time(self):
        return self.script.kind in {Kind.STT, Kind.TTS} and not self.owner.speculative

    @property
    def admitted(self):
        return self.house.gate.limits.speculation or not self.owner.speculative


@attrs.define(eq=False)
class House:
    gate: InferenceGate
    engines: list[Engine] = attrs.field(factory=list)
    finished: set[Engine] = attrs.field(factory=set)
    changed_at: float = -1.0
    working: bool = True

    def add(self, number, script):
        owner = Owner(self.gate, f"engine {number}", script.speculative)
        engine = Engine(self, script, owner)
        owner.on_wait = engine.on_wait
        self.engines.append(engine)
        return engine

    @property
    def in_force(self):
        slots = self.gate.limits.slots
        return self.gate.slots if slots is None else min(slots, self.gate.slots)

    @property
    def held_by_agents(self):
        return sum(
            engine.is_agent and engine.slot is not None and engine.slot.held
            for engine in self.engines
        )

    def agents_are_full(self, engine):
        """Whether it is an agent, for which there is no slot because others have to have one."""
        return engine.is_agent and self.in_force > 1 and self.held_by_agents >= self.in_force - 1

    async def warm(self, temperatures):
        """Follow the temperatures, and be cool again in the end."""
        began = trio.current_time()
        ladder = Ladder.of(BANDS)
        for at, celsius in [*temperatures, (4.0, 40)]:
            await trio.sleep_until(began + at)
            move = ladder.observe(celsius, trio.current_time())
            if move is not None:
                ladder = move.after
                self.changed_at = trio.current_time()
                self.gate.limit(LIMITS[ladder.state])

    async def watch(self):
        while self.working:
            await trio.sleep(0.013)
            most = self.in_force
            assert 0 <= self.gate.occupied <= self.gate.slots
            if trio.current_time() > self.changed_at + LONGEST_TOKEN_S + EPS:
                assert self.gate.occupied <= most, "too much for the heat"
                assert most == 1 or self.held_by_agents <= max(0, most - 1), "agents hold all"
            for engine in self.engines:
                hot = self.gate.restricted and not engine.owner.speculative
                assert engine.waits <= hot
                if engine.slot is not None and self.gate.queues(engine.slot):
                    assert engine.waits == hot, "a user is not told that the heat is in the way"


async def live(slots, scripts, temperatures):
    house = House(InferenceGate(slots))
    engines = [house.add(number, script) for number, script in enumerate(scripts)]
    longest = sum(seconds for script in scripts for _, seconds in script.tokens)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.watch)
        with trio.move_on_after(8.0 + longest) as patience:
            async with trio.open_nursery() as work:
                work.start_soon(house.warm, temperatures)
                for engine in engines:
                    work.start_soon(engine.run)
        house.working = False
    assert not patience.cancelled_caught, "somebody was never served"
    assert all(engine in house.finished for engine in engines if engine.script.ends is None), (
        "somebody lost work"
    )
    for engine in house.finished:
        assert engine.computed == sum(computes for computes, _ in engine.script.tokens)
    assert all(engine.waits == 0 for engine in engines)
    gate = house.gate
    statistics = gate._limiter.statistics()
    assert (gate.occupied, gate.waiting, statistics.tasks_waiting) == (0, 0, 0)
    assert gate.busy_s <= slots * (trio.current_time() - began) + EPS
    computing = sum(
        seconds
        for engine in house.finished
        for computes, seconds in engine.script.tokens
        if computes
    )
    assert gate.busy_s >= computing - EPS


@pytest.mark.requirement("T-1", "T-2", "T-8")
@settings(max_examples=150)
@given(st.integers(1, 4), st.lists(engines, min_size=1, max_size=8), heat)
@example(1, 8 * [LONG_AGENT], [])
@example(2, [*4 * [LONG_AGENT], *4 * [attrs.evolve(LONG_AGENT, speculative=True, settles=2.0)]], [])
def test_any_engines_in_any_weather(slots, scripts, temperatures):
    trio.run(live, slots, scripts, temperatures, clock=MockClock(autojump_threshold=0))

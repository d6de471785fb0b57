"""The ladder of steps, against one look-back model a step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Band
from voicechat.thermal.hysteresis import Hysteresis
from voicechat.thermal.ladder import LIMITS, STEPS, Ladder

pytestmark = pytest.mark.requirement("T-8")

NORMAL, NO_SPECULATION, SINGLE, PHRASES, PAUSED = (ThermalState.NORMAL, *STEPS)
USUAL = {
    NO_SPECULATION: Band(75, 70),
    SINGLE: Band(80, 76),
    PHRASES: Band(83, 79),
    PAUSED: Band(85, 80),
}
CELSIUS = st.integers(55, 100).map(float) | st.floats(-40, 150)
RANK = {state: rank for rank, state in enumerate((NORMAL, *STEPS))}


@st.composite
def ladders(draw: st.DrawFn) -> dict[ThermalState, Band]:
    """Any subset of the steps in order; two steps may end at the same temperature."""
    states = draw(st.lists(st.sampled_from(STEPS), unique=True).map(set))
    count = len(states)
    temperatures = st.integers(60, 99).map(float)
    triggers = sorted(draw(st.lists(temperatures, min_size=count, max_size=count, unique=True)))
    resumes: list[float] = []
    for trigger in triggers:
        low = resumes[-1] if resumes else 50.0
        resumes.append(float(draw(st.integers(int(low), int(trigger) - 1))))
    ordered = [state for state in STEPS if state in states]
    return {
        state: Band(*both)
        for state, both in zip(ordered, zip(triggers, resumes, strict=True), strict=True)
    }


def looked_back(bands: dict[ThermalState, Band], seen: list[float]) -> ThermalState:
    """The hottest step whose band was last left upwards."""
    state = NORMAL
    for step, band in bands.items():
        outside = [c for c in seen if not band.resume < c < band.trigger]
        if outside and outside[-1] >= band.trigger:
            state = step
    return state


@given(bands=ladders() | st.just(USUAL), seen=st.lists(CELSIUS, max_size=40))
def test_it_stands_where_the_past_says(bands, seen):
    ladder = Ladder.of(bands)
    for at, celsius in enumerate(seen):
        before = ladder.state
        move = ladder.observe(celsius, float(at))
        if move is not None:
            assert (move.before, move.celsius, move.at) == (before, celsius, at)
            ladder = move.after
            assert ladder.state is not before
        assert ladder.state is looked_back(bands, seen[: at + 1])
        assert ladder.bands == bands


@given(bands=ladders() | st.just(USUAL), seen=st.lists(CELSIUS, max_size=40))
def test_it_never_goes_up_while_it_cools_nor_down_while_it_warms(bands, seen):
    ladder, last = Ladder.of(bands), -40.0
    for celsius in seen:
        move = ladder.observe(celsius, 0.0)
        if move is not None:
            climbed = RANK[move.after.state] - RANK[move.before]
            assert climbed > 0 if celsius > last else climbed < 0
            ladder = move.after
        last = celsius


@given(bands=ladders(), seen=st.lists(CELSIUS, max_size=40))
def test_no_step_is_hot_without_those_before_it(bands, seen):
    ladder = Ladder.of(bands)
    for celsius in seen:
        move = ladder.observe(celsius, 0.0)
        ladder = ladder if move is None else move.after
        hot = [step.hot for _, step in ladder.steps]
        assert hot == sorted(hot, reverse=True)


def walk(temperatures: list[float]) -> list[tuple[float, ThermalState]]:
    ladder, moves = Ladder.of(USUAL), []
    for celsius in temperatures:
        if (move := ladder.observe(celsius, 0.0)) is not None:
            ladder = move.after
            moves.append((celsius, ladder.state))
    return moves


def test_a_slow_day_goes_through_every_step():
    up = [float(c) for c in range(60, 91)]
    assert walk(up) == [(75, NO_SPECULATION), (80, SINGLE), (83, PHRASES), (85, PAUSED)]
    assert walk([*up, *reversed(up)])[4:] == [
        (80, PHRASES),
        (79, SINGLE),
        (76, NO_SPECULATION),
        (70, NORMAL),
    ]


def test_a_jump_goes_to_the_hottest_step_at_once():
    assert walk([20.0, 86.0, 20.0]) == [(86.0, PAUSED), (20.0, NORMAL)]


def test_without_steps_nothing_is_ever_hot():
    assert Ladder.of({}).observe(150.0, 0.0) is None
    assert Ladder.of({}).state is NORMAL


@pytest.mark.parametrize(
    ("single", "reason"),
    [(Band(85, 75), "same begin"), (Band(90, 75), "hotter begin"), (Band(84, 80.5), "hotter end")],
)
def test_steps_out_of_order_are_refused(single, reason):
    with pytest.raises(ValueError, match=r"paused \(85/80\) must be above single"):
        Ladder.of({SINGLE: single, PAUSED: Band(85, 80)})


def test_steps_may_end_at_the_same_temperature():
    ladder = Ladder.of({SINGLE: Band(84, 80), PAUSED: Band(85, 80)})
    paused = ladder.observe(86, 0.0)
    assert paused is not None
    normal = paused.after.observe(80, 1.0)
    assert normal is not None
    assert normal.after.state is NORMAL


@pytest.mark.parametrize("states", [(PAUSED, SINGLE), (SINGLE, SINGLE), (NORMAL,)])
def test_only_states_that_are_steps_and_in_their_order(states):
    steps = tuple((state, Hysteresis(Band(80 + i, 70 + i))) for i, state in enumerate(states))
    with pytest.raises(ValueError, match="order of their states"):
        Ladder(steps)


def test_each_state_leaves_out_what_those_before_it_do():
    assert LIMITS.keys() == RANK.keys()
    for cooler, hotter in zip(LIMITS.values(), list(LIMITS.values())[1:], strict=False):
        assert hotter != cooler
        assert hotter.speculation <= cooler.speculation
        assert hotter.agents <= cooler.agents
        assert hotter.slots is not None or cooler.slots is None
        if hotter.slots is not None and cooler.slots is not None:
            assert hotter.slots <= cooler.slots
    assert LIMITS[PAUSED].slots == 0


@given(bands=ladders(), celsius=CELSIUS, seen=st.lists(CELSIUS, max_size=20))
def test_what_is_suspected_is_never_cooler_than_what_is_known(bands, celsius, seen):
    ladder = Ladder.of(bands)
    for each in [*seen, celsius]:
        move = ladder.observe(each, 0.0)
        ladder = ladder if move is None else move.after
    suspected = ladder.suspects(celsius)
    assert RANK[suspected] >= RANK[ladder.state]
    assert (suspected is NORMAL) == all(celsius <= band.resume for band in bands.values())


@pytest.mark.parametrize(
    ("celsius", "suspected"),
    [(70, NORMAL), (70.1, NO_SPECULATION), (79, SINGLE), (79.5, PHRASES), (80.1, PAUSED)],
)
def test_within_a_band_its_step_is_suspected(celsius, suspected):
    assert Ladder.of(USUAL).suspects(celsius) is suspected


def test_other_thresholds_keep_what_has_tripped():
    paused = Ladder.of(USUAL).observe(86, 0.0)
    assert paused is not None
    kept = paused.after.on({SINGLE: Band(90, 60), PAUSED: Band(95, 70)})
    assert [step.hot for _, step in kept.steps] == [True, True]
    without = paused.after.on({SINGLE: Band(90, 60)})
    assert without.state is SINGLE
    assert paused.after.on({}).state is NORMAL
    assert Ladder.of(USUAL).on({PAUSED: Band(50, 40)}).state is NORMAL


def test_a_new_step_below_one_that_has_tripped_has_tripped_too():
    paused = Ladder.of({PAUSED: Band(85, 80)}).observe(85, 0.0)
    assert paused is not None
    assert [step.hot for _, step in paused.after.on(USUAL).steps] == [True] * 4
    nothing = Ladder.of({SINGLE: Band(75, 70)}).on(USUAL)
    assert nothing == Ladder.of(USUAL)


class Day(RuleBasedStateMachine):
    """Heat, cold and new thresholds in any order; what must hold is told from the outside."""

    @initialize(bands=ladders())
    def begin(self, bands):
        self.ladder, self.celsius = Ladder.of(bands), 20.0

    @rule(celsius=CELSIUS)
    def measure(self, celsius):
        before, cooler = self.ladder.state, celsius <= self.celsius
        self.observe(celsius)
        if cooler:
            assert RANK[self.ladder.state] <= RANK[before]
        else:
            assert RANK[self.ladder.state] >= RANK[before]

    @rule(bands=ladders())
    def change(self, bands):
        was_hot = {state: step.hot for state, step in self.ladder.steps}
        self.ladder = self.ladder.on(bands)
        self.observe(self.celsius)
        for state, step in self.ladder.steps:
            within = step.band.resume < self.celsius < step.band.trigger
            if within and was_hot.get(state):
                assert step.hot

    def observe(self, celsius):
        self.celsius = celsius
        move = self.ladder.observe(celsius, 0.0)
        if move is not None:
            assert move.before is self.ladder.state is not move.after.state
            self.ladder = move.after
        assert self.ladder.observe(celsius, 0.0) is None  # seen once is seen

    @invariant()
    def every_step_is_on_its_side(self):
        if not hasattr(self, "ladder"):
            return
        for _, step in self.ladder.steps:
            assert step.hot or self.celsius < step.band.trigger
            assert not step.hot or self.celsius > step.band.resume
        hot = [step.hot for _, step in self.ladder.steps]
        assert hot == sorted(hot, reverse=True)


TestDay = Day.TestCase

"""Two thresholds and one bit, against a model that looks back instead of remembering."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from voicechat.settings import Band
from voicechat.thermal.hysteresis import Hysteresis

pytestmark = pytest.mark.requirement("T-1")

# Whole numbers too, so that sequences land exactly on thresholds.
CELSIUS = st.one_of(st.integers(-40, 150).map(float), st.floats(-40, 150))
NEAR = st.one_of(st.integers(75, 90).map(float), st.floats(75, 90))
NONSENSE = [math.nan, math.inf, -math.inf, -40.1, 150.1, 1e300]


@st.composite
def bands(draw: st.DrawFn) -> Band:
    resume, trigger = sorted(draw(st.lists(CELSIUS, min_size=2, max_size=2, unique=True)))
    return Band(trigger, resume)


def hot_by_looking_back(band: Band, seen: list[float]) -> bool:
    """Hot if the newest temperature that is not strictly within the band is above it."""
    for celsius in reversed(seen):
        if celsius >= band.trigger:
            return True
        if celsius <= band.resume:
            return False
    return False


@given(band=bands() | st.just(Band(85, 80)), seen=st.lists(CELSIUS | NEAR, max_size=40))
def test_it_is_as_hot_as_the_past_says(band, seen):
    state = Hysteresis(band)
    for at, celsius in enumerate(seen):
        change = state.observe(celsius, float(at))
        expected = hot_by_looking_back(band, seen[: at + 1])
        assert (change is not None) == (expected is not state.hot)
        if change is not None:
            assert (change.hot, change.celsius, change.at) == (expected, celsius, at)
            state = change.after
        assert state == Hysteresis(band, expected)


@given(band=bands() | st.just(Band(85, 80)), seen=st.lists(CELSIUS | NEAR, max_size=40))
def test_it_changes_at_most_once_each_time_the_whole_band_is_crossed(band, seen):
    outside = [
        celsius >= band.trigger
        for celsius in [-40.0, *seen]
        if not band.resume < celsius < band.trigger
    ]
    crossings = sum(a is not b for a, b in itertools.pairwise(outside))
    changes, state = 0, Hysteresis(band)
    for celsius in seen:
        if (change := state.observe(celsius, 0.0)) is not None:
            changes, state = changes + 1, change.after
    assert changes <= crossings


@given(hot=st.booleans(), seen=st.lists(st.floats(80, 85, exclude_min=True, exclude_max=True)))
def test_nothing_changes_within_the_band(hot, seen):
    state = Hysteresis(Band(85, 80), hot)
    assert [state.observe(celsius, 0.0) for celsius in seen] == [None] * len(seen)


@pytest.mark.parametrize(
    ("hot", "celsius", "turned"),
    [
        (False, 84.999, False),
        (False, 85.0, True),
        (False, 150.0, True),
        (False, -40.0, False),
        (True, 80.001, False),
        (True, 80.0, True),
        (True, -40.0, True),
        (True, 150.0, False),
    ],
)
def test_the_thresholds_themselves_count(hot, celsius, turned):
    change = Hysteresis(Band(85, 80), hot).observe(celsius, 7.0)
    assert (change is not None) is turned
    if change is not None:
        assert change.hot is not hot


@pytest.mark.parametrize("celsius", NONSENSE)
@pytest.mark.parametrize("hot", [False, True])
def test_nonsense_is_refused(hot, celsius):
    with pytest.raises(ValueError, match="a chip cannot have"):
        Hysteresis(Band(85, 80), hot).observe(celsius, 0.0)


@pytest.mark.parametrize("celsius", NONSENSE)
def test_a_band_has_sensible_temperatures(celsius):
    with pytest.raises(ValueError, match="from -40 to 150"):
        Band(celsius, 20)
    with pytest.raises(ValueError, match="from -40 to 150"):
        Band(20, celsius)


@pytest.mark.parametrize("resume", [85.0, 85.1, 150.0])
def test_a_band_ends_below_its_begin(resume):
    with pytest.raises(ValueError, match=f"resume, {resume:g} °C, is not below 85 °C"):
        Band(85.0, resume)


class Chip(RuleBasedStateMachine):
    """A chip that warms and cools in steps; the model counts how far it went since a change."""

    @initialize(band=bands())
    def begin(self, band):
        self.band, self.state, self.celsius = band, Hysteresis(band), band.resume
        self.lowest = self.highest = band.resume  # since the last change

    @rule(by=st.floats(0, 30))
    def warm(self, by):
        self.measure(min(150.0, self.celsius + by))

    @rule(by=st.floats(0, 30))
    def cool(self, by):
        self.measure(max(-40.0, self.celsius - by))

    @rule(upper=st.booleans())
    def reach_a_threshold(self, upper):
        self.measure(self.band.trigger if upper else self.band.resume)

    @precondition(lambda self: hasattr(self, "band"))
    @rule(celsius=st.sampled_from(NONSENSE))
    def misread(self, celsius):
        with pytest.raises(ValueError, match="cannot have"):
            self.state.observe(celsius, 0.0)

    def measure(self, celsius):
        self.celsius = celsius
        self.lowest, self.highest = min(self.lowest, celsius), max(self.highest, celsius)
        change = self.state.observe(celsius, 0.0)
        if change is None:
            return
        # A change proves that the whole band was crossed since the one before.
        assert self.lowest <= self.band.resume < self.band.trigger <= self.highest
        self.lowest = self.highest = celsius
        self.state = change.after

    @invariant()
    def never_on_the_wrong_side(self):
        if not hasattr(self, "state"):
            return
        if self.celsius >= self.band.trigger:
            assert self.state.hot
        if self.celsius <= self.band.resume:
            assert not self.state.hot


TestChip = Chip.TestCase

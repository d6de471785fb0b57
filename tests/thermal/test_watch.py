"""What holds while the thermometer fails: nothing new at first, the worst case later."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings import Band
from voicechat.thermal.ladder import STEPS, Ladder
from voicechat.thermal.watch import PATIENCE, Watch

pytestmark = pytest.mark.requirement("T-4")

NORMAL, UNKNOWN = ThermalState.NORMAL, ThermalState.UNKNOWN
NO_SPECULATION, SINGLE, PHRASES, PAUSED = STEPS
USUAL = {
    NO_SPECULATION: Band(75, 70),
    SINGLE: Band(80, 76),
    PHRASES: Band(83, 79),
    PAUSED: Band(85, 80),
}
RANK = {state: rank for rank, state in enumerate((NORMAL, *STEPS))}
FAILED = None
READINGS = st.none() | st.integers(60, 95).map(float) | st.sampled_from([math.nan, 200.0])


def after(*readings: float | None, bands=USUAL) -> Watch:
    watch = Watch.of(bands, supported=True, now=0.0)
    for at, reading in enumerate(readings, 1):
        watch = watch.failed(at) if reading is None else watch.read(reading, (), at)
    return watch


def test_five_failures_in_a_row_are_too_many():
    assert PATIENCE == 5


@pytest.mark.parametrize(
    ("readings", "state", "limited_to", "celsius", "since"),
    [
        # Nothing was ever read: nobody knows, and nothing says that it is hot.
        ([FAILED] * 4, NORMAL, NORMAL, None, 0),
        ([FAILED] * 5, UNKNOWN, NORMAL, None, 5),
        ([FAILED] * 9, UNKNOWN, NORMAL, None, 5),
        # Cool when last seen.
        ([60, *[FAILED] * 4], NORMAL, NORMAL, 60, 0),
        ([60, *[FAILED] * 5], UNKNOWN, NORMAL, None, 6),
        ([70, *[FAILED] * 5], UNKNOWN, NORMAL, None, 6),
        # Within a band: treated as hot, although that step had not tripped.
        ([71, *[FAILED] * 4], NORMAL, NORMAL, 71, 0),
        ([71, *[FAILED] * 5], UNKNOWN, NO_SPECULATION, None, 6),
        ([77, *[FAILED] * 5], UNKNOWN, SINGLE, None, 6),
        ([79.5, *[FAILED] * 5], UNKNOWN, PHRASES, None, 6),
        ([81, *[FAILED] * 5], UNKNOWN, PAUSED, None, 6),
        # Above.
        ([99, *[FAILED] * 5], UNKNOWN, PAUSED, None, 6),
        # A good reading in between begins the count anew, and one ends the state.
        ([60, *[FAILED] * 4, 60, *[FAILED] * 4], NORMAL, NORMAL, 60, 0),
        ([81, *[FAILED] * 7, 60], NORMAL, NORMAL, 60, 9),
        ([81, *[FAILED] * 7, 81], SINGLE, SINGLE, 81, 9),
        # What had tripped before has still tripped after.
        ([86, *[FAILED] * 7, 81], PAUSED, PAUSED, 81, 9),
        ([60, *[FAILED] * 7, 90], PAUSED, PAUSED, 90, 9),
        # A temperature that no chip can have is a failed reading.
        ([60, *[math.nan] * 5], UNKNOWN, NORMAL, None, 6),
        ([60, math.inf, -math.inf, 151, -41, 1e9], UNKNOWN, NORMAL, None, 6),
        # States have their beginnings.
        ([60, 76, 77, 76], NO_SPECULATION, NO_SPECULATION, 76, 2),
        ([60, 76, 86, 86, 81], PAUSED, PAUSED, 81, 3),
    ],
)
def test_what_holds(readings, state, limited_to, celsius, since):
    watch = after(*readings)
    assert (watch.state, watch.limited_to) == (state, limited_to)
    assert (watch.celsius, watch.since) == (celsius, since)


def good(readings: list[float | None]) -> list[float]:
    return [each for each in readings if each is not None and -40 <= each <= 150]


@given(readings=st.lists(READINGS, max_size=30))
def test_failures_change_nothing_but_what_is_told(readings):
    watch = after(*readings)
    ladder = Ladder.of(USUAL)
    for celsius in good(readings):
        move = ladder.observe(celsius, 0.0)
        ladder = ladder if move is None else move.after
    assert watch.ladder == ladder
    assert watch.last == (good(readings) or [None])[-1]
    in_a_row = next(
        (count for count, each in enumerate(reversed(readings)) if good([each])), len(readings)
    )
    assert watch.failures == in_a_row
    assert (watch.state is UNKNOWN) == (in_a_row >= 5)


@given(readings=st.lists(READINGS, max_size=30), more=st.integers(0, 12))
def test_not_knowing_never_allows_more(readings, more):
    known = after(*readings)
    blind = known
    for at in range(more):
        blind = blind.failed(100.0 + at)
        assert RANK[blind.limited_to] >= RANK[blind.ladder.state] == RANK[known.ladder.state]


@given(readings=st.lists(READINGS, min_size=1, max_size=30))
def test_a_state_began_when_it_was_first_told(readings):
    watch = Watch.of(USUAL, supported=True, now=0.0)
    began = 0.0
    for at, reading in enumerate(readings, 1):
        before = watch.state
        watch = watch.failed(at) if reading is None else watch.read(reading, (), at)
        began = began if watch.state is before else at
        assert watch.since == began


def test_flags_come_with_a_reading_and_stay_until_the_next():
    flags = (ThrottleFlag.UNDER_VOLTAGE, ThrottleFlag.THROTTLED)
    watch = Watch.of(USUAL, supported=True, now=0.0).read(60, flags, 1)
    assert watch.failed(2).flags == flags
    assert watch.read(60, (), 2).flags == ()


def test_without_a_thermometer_nothing_is_limited():
    watch = Watch.of(USUAL, supported=False, now=3.0)
    assert (watch.state, watch.limited_to) == (ThermalState.UNSUPPORTED, NORMAL)
    assert (watch.celsius, watch.since, watch.lost) == (None, 3.0, False)
    assert watch.on({PAUSED: Band(50, 40)}, 9.0).state is ThermalState.UNSUPPORTED


@pytest.mark.requirement("T-6")
@pytest.mark.parametrize(
    ("readings", "bands", "state"),
    [
        ([82], {PAUSED: Band(82, 70)}, PAUSED),  # lowered below it: trips at once
        ([82], {PAUSED: Band(82.5, 70)}, NORMAL),
        ([86, 82], {PAUSED: Band(90, 82)}, NORMAL),  # raised above it: released at once
        ([86, 82], {PAUSED: Band(90, 81)}, PAUSED),  # still within the band: stays
        ([82], {PAUSED: Band(90, 81)}, NORMAL),  # the same, and it had not tripped
        ([86, 82], {SINGLE: Band(80, 76)}, SINGLE),  # the step is gone, the one below is not
        ([86], {}, NORMAL),
        ([], {PAUSED: Band(50, 40)}, NORMAL),  # nothing was read yet
    ],
)
def test_other_thresholds_judge_the_last_temperature_at_once(readings, bands, state):
    watch = after(*readings).on(bands, 50.0)
    assert (watch.state, watch.limited_to, watch.ladder.bands) == (state, state, bands)
    assert watch.since == (50.0 if after(*readings).state is not state else len(readings[:1]))


def test_other_thresholds_count_while_nothing_can_be_read():
    watch = after(81, *[FAILED] * 5)
    assert watch.limited_to is PAUSED
    raised = watch.on({PAUSED: Band(90, 85)}, 50.0)
    assert (raised.state, raised.limited_to, raised.since) == (UNKNOWN, NORMAL, 6)


def test_thresholds_out_of_order_are_refused():
    bad = {SINGLE: Band(90, 80), PAUSED: Band(85, 80)}
    with pytest.raises(ValueError, match="must be above"):
        Watch.of(bad, supported=True, now=0.0)
    with pytest.raises(ValueError, match="must be above"):
        after(60).on(bad, 1.0)

"""What the scenarios promise, with the default ladder and a gate reduced to its number of slots."""

from __future__ import annotations

import itertools

import pytest
import trio

from voicechat.errors import SensorFailed
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings.band import Band
from voicechat.thermal.ladder import LIMITS, Ladder
from voicechat.thermal.scenarios import SCENARIOS, Scenario
from voicechat.thermal.sensors.board import BARE
from voicechat.thermal.sensors.choose import simulate

DEFAULT = {
    ThermalState.NO_SPECULATION: Band(75, 70),
    ThermalState.SINGLE: Band(80, 76),
    ThermalState.PHRASES: Band(83, 79),
    ThermalState.PAUSED: Band(85, 80),
}
PLAIN = {ThermalState.PAUSED: Band(85, 80)}


async def play(
    scenario: Scenario,
    *,
    bands: dict[ThermalState, Band] | None,
    seconds: float,
    interval: float = 1.0,
    phrases: float = 1.0,
) -> list[tuple[float, ThermalState]]:
    """Poll while there is always work for every slot; `bands` None is no gate at all.

    `phrases` is how many slots are in use while only phrases are answered.
    """
    ladder = Ladder.of(bands or {})
    work = 0.0
    sensor = simulate(scenario, busy_s=lambda: work)
    course = []
    began = trio.current_time()
    while trio.current_time() < began + seconds:
        celsius = (await sensor.read()).celsius
        if move := ladder.observe(celsius, trio.current_time()):
            ladder = move.after
        course.append((celsius, ladder.state))
        limits = LIMITS[ladder.state]
        slots = 4.0 if limits.slots is None else limits.slots
        await trio.sleep(interval)
        work += interval * (slots if limits.agents else min(slots, phrases))
    return course


def peak(course: list[tuple[float, ThermalState]]) -> float:
    return max(celsius for celsius, _ in course)


def states(course: list[tuple[float, ThermalState]]) -> list[ThermalState]:
    return [state for state, _ in itertools.groupby(state for _, state in course)]


@pytest.mark.requirement("T-5")
@pytest.mark.parametrize("bands", [DEFAULT, PLAIN], ids=["ladder", "two thresholds"])
async def test_a_hot_day_is_held_below_87_degrees(
    autojump_clock: trio.testing.MockClock, bands: dict[ThermalState, Band]
) -> None:
    course = await play(SCENARIOS["hot-day"], bands=bands, seconds=1800)
    assert peak(course) <= 87
    assert states(course).count(ThermalState.PAUSED) > 1, "it must go on after a pause"


async def test_a_hot_day_ungated_exceeds_90_degrees(
    autojump_clock: trio.testing.MockClock,
) -> None:
    assert peak(await play(SCENARIOS["hot-day"], bands=None, seconds=60)) > 90


async def test_a_hot_day_of_phrases_needs_no_pause(
    autojump_clock: trio.testing.MockClock,
) -> None:
    course = await play(SCENARIOS["hot-day"], bands=DEFAULT, seconds=600, phrases=0.2)
    assert ThermalState.PAUSED not in states(course)
    assert states(course).count(ThermalState.PHRASES) > 1
    assert peak(course) < 85


@pytest.mark.requirement("T-5", "T-8")
async def test_a_fan_leaves_out_speculation_at_most(
    autojump_clock: trio.testing.MockClock,
) -> None:
    course = await play(SCENARIOS["fan"], bands=DEFAULT, seconds=3600)
    assert set(states(course)) <= {ThermalState.NORMAL, ThermalState.NO_SPECULATION}


@pytest.mark.requirement("T-8")
@pytest.mark.parametrize("interval", [0.5, 1.0, 2.0, 5.0])
async def test_a_spike_walks_through_every_state_both_ways(
    autojump_clock: trio.testing.MockClock, interval: float
) -> None:
    course = await play(SCENARIOS["spike"], bands=DEFAULT, seconds=95, interval=interval)
    up = [
        ThermalState.NORMAL,
        ThermalState.NO_SPECULATION,
        ThermalState.SINGLE,
        ThermalState.PHRASES,
        ThermalState.PAUSED,
    ]
    assert states(course) == up + up[-2::-1]


async def test_a_stuck_sensor_fails_and_recovers(autojump_clock: trio.testing.MockClock) -> None:
    sensor = simulate(SCENARIOS["stuck"], busy_s=float)
    seen = ""
    for _ in range(10):
        try:
            seen += "." if (await sensor.read()).celsius == 78 else "?"
        except SensorFailed:
            seen += "x"
        await trio.sleep(10)
    assert seen == "..xxxxxx.."
    assert Ladder.of(DEFAULT).suspects(78) is ThermalState.SINGLE, "hot enough to matter"


def test_each_has_its_own_name_and_a_sentence() -> None:
    assert {"hot-day", "fan", "spike", "stuck"} <= set(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.help.endswith(".")


def test_a_scenario_is_a_board_or_a_script() -> None:
    with pytest.raises(ValueError, match="either"):
        Scenario("both", "Both.", board=BARE, script=((0, 50),))
    with pytest.raises(ValueError, match="either"):
        Scenario("neither", "Neither.")
    with pytest.raises(ValueError, match="speed"):
        Scenario("still", "Still.", board=BARE, speed=0)

"""The model of a Raspberry Pi 5: its physics, and the measurements that it was fitted to."""

from __future__ import annotations

import math

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from voicechat.thermal.sensors.board import BARE, COOLED, Board
from voicechat.thermal.sensors.rc import SimulatedBoard

amounts = st.floats(0.1, 50)
boards = st.builds(
    Board,
    ambient=st.floats(-20, 45),
    resistance=amounts,
    capacity=amounts,
    idle_w=st.floats(0, 10),
    slot_w=st.floats(0, 5),
    slots=st.integers(1, 8),
    other_w=st.floats(0, 5),
)
temperatures = st.floats(-40, 150)
loads = st.floats(0, 10)
times = st.floats(0, 1e5)


@pytest.mark.requirement("T-3")
@given(boards, temperatures, loads)
def test_it_settles_at_ambient_plus_resistance_times_power(
    board: Board, celsius: float, busy: float
) -> None:
    final = board.ambient + board.resistance * board.power(busy)
    assert board.settles_at(busy) == final
    assert board.step(celsius, busy, 60 * board.time_constant) == pytest.approx(final, abs=1e-9)


@given(boards, temperatures, loads, times)
def test_it_never_overshoots(board: Board, celsius: float, busy: float, seconds: float) -> None:
    later, final = board.step(celsius, busy, seconds), board.settles_at(busy)
    slack = 1e-9 * max(1.0, abs(final), abs(celsius))
    assert min(celsius, final) - slack <= later <= max(celsius, final) + slack


@given(boards, temperatures, loads, times, times)
def test_it_only_comes_closer(
    board: Board, celsius: float, busy: float, one: float, other: float
) -> None:
    final = board.settles_at(busy)
    early, late = sorted((one, other))
    gap = abs(board.step(celsius, busy, early) - final)
    assert abs(board.step(celsius, busy, late) - final) <= gap + 1e-9 * max(1.0, abs(final))


@given(boards, temperatures, temperatures, loads, loads, times)
def test_hotter_before_or_more_work_is_never_cooler_after(
    board: Board, cool: float, hot: float, less: float, more: float, seconds: float
) -> None:
    cool, hot = sorted((cool, hot))
    less, more = sorted((less, more))
    low, high = board.step(cool, less, seconds), board.step(hot, more, seconds)
    assert low <= high + 1e-9 * max(1.0, abs(high))


@given(boards, temperatures, loads, st.lists(st.floats(0, 100), max_size=20))
def test_it_does_not_matter_how_often_it_is_taken(
    board: Board, celsius: float, busy: float, parts: list[float]
) -> None:
    stepwise = celsius
    for part in parts:
        stepwise = board.step(stepwise, busy, part)
    whole = board.step(celsius, busy, math.fsum(parts))
    assert stepwise == pytest.approx(whole, abs=1e-6)


@given(boards, st.floats(-5, 20))
def test_only_real_slots_heat(board: Board, busy: float) -> None:
    assert board.power(0) <= board.power(busy) <= board.power(board.slots)
    assert board.power(board.slots) == board.power(board.slots + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"ambient": math.nan},
        {"ambient": -300},
        {"resistance": 0},
        {"resistance": math.inf},
        {"capacity": -1},
        {"capacity": math.nan},
        {"idle_w": -0.1},
        {"slot_w": math.nan},
        {"slots": 0},
        {"other_w": -1},
    ],
)
def test_impossible_boards(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        attrs.evolve(BARE, **change)


# `stress` on four cores takes 7.2 W of the plug, 3 of which idle (see Board).
STRESS_W = (7.2 - 3.0) / 4


@pytest.mark.requirement("T-3")
def test_a_bare_board_heats_as_measured() -> None:
    board = attrs.evolve(BARE, ambient=20.0, slot_w=STRESS_W)
    assert board.step(40.0, 4, 60) == pytest.approx(82.3, abs=2.5)  # before it throttled


@pytest.mark.requirement("T-3")
def test_a_cooled_board_heats_as_measured() -> None:
    # At 60 °C the fan has half its speed: 5.7 K/W instead of the 4.3 of full speed.
    board = attrs.evolve(COOLED, ambient=20.0, slot_w=STRESS_W, resistance=5.7)
    measured = {60: 55.4, 120: 58.2, 180: 59.8}
    for seconds, celsius in measured.items():
        assert board.step(40.0, 4, seconds) == pytest.approx(celsius, abs=2)


@pytest.mark.requirement("T-5")
def test_a_hot_day_without_a_gate_exceeds_90_degrees() -> None:
    assert BARE.ambient == 35
    assert BARE.step(50.0, 4, 60) > 90
    assert BARE.settles_at(0) < 70, "and idle it must get cool enough for everything"


async def test_the_sensor_takes_the_work_of_the_gate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    work = 100.0  # whatever was done before the first reading is of no account
    sensor = SimulatedBoard(BARE, busy_s=lambda: work, start=60.0)
    assert (await sensor.read()).celsius == 60.0
    await trio.sleep(5)
    work += 10.0  # two slots on average
    assert (await sensor.read()).celsius == pytest.approx(BARE.step(60.0, 2, 5))
    again = await sensor.read()
    assert again == await sensor.read(), "no time, no change"
    await trio.sleep(1)
    work += 50.0  # more slots than the board has
    assert (await sensor.read()).celsius == pytest.approx(BARE.step(again.celsius, 4, 1))


@pytest.mark.parametrize("interval", [0.1, 0.7, 5.0])
@pytest.mark.parametrize("speed", [1.0, 5.0])
async def test_polling_does_not_change_the_course(
    autojump_clock: trio.testing.MockClock, interval: float, speed: float
) -> None:
    sensor = SimulatedBoard(
        BARE, busy_s=lambda: 3 * trio.current_time(), start=60.0, speed=speed, name="simulation x"
    )
    assert sensor.name == "simulation x"
    began = trio.current_time()
    reading = await sensor.read()
    while trio.current_time() < began + 30:
        await trio.sleep(interval)
        reading = await sensor.read()
    elapsed = trio.current_time() - began
    assert reading.celsius == pytest.approx(BARE.step(60.0, 3, elapsed * speed))

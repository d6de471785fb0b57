"""Scripted temperatures, alone and as a sensor."""

from __future__ import annotations

import itertools

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import SensorFailed
from voicechat.thermal.sensors.constant import ConstantSensor
from voicechat.thermal.sensors.failing import FailingSensor
from voicechat.thermal.sensors.script import Script
from voicechat.thermal.sensors.trace import TraceSensor

scripts = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(-40, 150)),
    min_size=1,
    max_size=20,
    unique_by=lambda point: point[0],
).map(lambda points: Script(tuple(sorted(points))))


@given(scripts)
def test_it_passes_through_every_point(script: Script) -> None:
    assert all(script.at(seconds) == celsius for seconds, celsius in script.points)


@given(scripts, st.floats(-2e6, 2e6))
def test_it_stays_between_its_neighbours(script: Script, seconds: float) -> None:
    earlier = [celsius for time, celsius in script.points if time <= seconds][-1:]
    later = [celsius for time, celsius in script.points if time > seconds][:1]
    near = earlier + later
    assert min(near) - 1e-9 <= script.at(seconds) <= max(near) + 1e-9


@given(scripts)
def test_a_half_way_is_half_the_difference(script: Script) -> None:
    for (start, low), (end, high) in itertools.pairwise(script.points):
        if end - start > 1e-6:
            assert script.at(start + (end - start) / 2) == pytest.approx((low + high) / 2, abs=1e-3)


@given(scripts)
def test_what_is_written_down_can_be_read(script: Script) -> None:
    lines = "\n".join(
        f" {time!r}\t{celsius!r} # {i}" for i, (time, celsius) in enumerate(script.points)
    )
    assert Script.parse(f"# a trace\n\n{lines}\n") == script


def test_before_and_after() -> None:
    script = Script.parse("10 50\n20 60\n")
    assert script.at(-5) == script.at(10) == 50
    assert script.at(15) == 55
    assert script.at(20) == script.at(1e9) == 60


@pytest.mark.requirement("T-3")
async def test_time_counts_from_the_first_reading(autojump_clock: trio.testing.MockClock) -> None:
    await trio.sleep(100)
    sensor = TraceSensor(Script(((0, 50), (10, 70))), speed=2)
    assert sensor.name == "trace"
    seen = []
    for _ in range(4):
        seen.append((await sensor.read()).celsius)
        await trio.sleep(2)
    assert seen == pytest.approx([50, 58, 66, 70])


@pytest.mark.requirement("T-4")
async def test_a_sensor_that_fails_for_a_while(autojump_clock: trio.testing.MockClock) -> None:
    await trio.sleep(100)
    sensor = FailingSensor(ConstantSensor(60), start_s=3, end_s=5)
    assert sensor.name == "constant"
    seen: list[float | None] = []
    for _ in range(7):
        try:
            seen.append((await sensor.read()).celsius)
        except SensorFailed:
            seen.append(None)
        await trio.sleep(1)
    assert seen == [60, 60, 60, None, None, 60, 60]

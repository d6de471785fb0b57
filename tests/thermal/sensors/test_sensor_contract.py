"""What every sensor keeps, and what those that read files do with bad ones."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

import voicechat.thermal.sensors
from tests.thermal.sensors.machines import MACHINES
from voicechat.errors import SensorFailed
from voicechat.thermal.ports import Reading
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors import choose

if TYPE_CHECKING:
    from tests.thermal.sensors.machines import Plant
    from voicechat.thermal.ports import ThermalSensor


ZONE, MONITOR = "class/thermal/thermal_zone0", "class/hwmon/hwmon0"


@attrs.frozen
class Adapter:
    """A sensor to make: on which machine, with which setting, and the file that it reads."""

    machine: str
    setting: str
    file: str | None = None


FILES = [
    Adapter("pi5", "auto", f"{ZONE}/temp"),
    Adapter("pi4", "zone:cpu-thermal", f"{ZONE}/temp"),
    Adapter("ryzen", "hwmon:k10temp", f"{MONITOR}/temp2_input"),
    Adapter("pi5", "file:{sysfs}/class/thermal/thermal_zone0/temp", f"{ZONE}/temp"),
]
ADAPTERS = [
    *FILES,
    Adapter("container", "constant:60"),
    Adapter("container", "trace:{sysfs}/trace"),
    *(Adapter("container", f"simulate:{name}") for name in SCENARIOS),
]


def build(adapter: Adapter, plant: Plant) -> tuple[ThermalSensor, Path]:
    sysfs = plant(MACHINES[adapter.machine])
    (sysfs / "trace").write_text("0 50 # cool\n10 90\n")
    made = choose.make(adapter.setting.format(sysfs=sysfs), busy_s=lambda: 0.0, sysfs=sysfs)
    assert made is not None
    return made, sysfs


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda each: each.setting.partition("{")[0])
async def test_tells_a_temperature_again_and_again(adapter: Adapter, plant: Plant) -> None:
    sensor, sysfs = build(adapter, plant)
    assert sensor.name
    assert str(sysfs) not in sensor.name
    for _ in range(3):
        reading = await sensor.read()
        assert isinstance(reading, Reading)
        assert math.isfinite(reading.celsius)
        assert -40 <= reading.celsius <= 150
        assert isinstance(reading.flags, tuple)


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda each: each.setting.partition("{")[0])
async def test_can_be_cancelled_and_read_afterwards(adapter: Adapter, plant: Plant) -> None:
    sensor, _ = build(adapter, plant)
    with trio.CancelScope() as scope:
        scope.cancel()
        await sensor.read()
    assert scope.cancelled_caught
    assert (await sensor.read()).celsius > 0


@pytest.mark.requirement("T-3", "T-4")
@pytest.mark.parametrize("adapter", FILES, ids=lambda each: each.setting.partition("{")[0])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "hot",
        "48.3",
        "48312.5",
        "nan",
        "inf",
        "1e3",
        "4_8312",
        "٤٨٣١٢",  # digits, but not the kernel's
        "0xbd00",
        "48312 48312",
        "-40001",
        "150001",
        "999999999",
        "9" * 500,
        "\0" * 8,
        "48312\0",
    ],
)
async def test_nonsense_in_the_file_is_no_temperature(
    adapter: Adapter, plant: Plant, text: str
) -> None:
    sensor, sysfs = build(adapter, plant)
    for file in good_files(adapter, sysfs):
        file.write_text(text)
    with pytest.raises(SensorFailed) as failed:
        await sensor.read()
    assert not names_a_path(failed.value, sysfs)
    plant(MACHINES[adapter.machine])
    assert (await sensor.read()).celsius > 0, "it must work again once the file does"


@pytest.mark.requirement("T-3", "T-4")
@pytest.mark.parametrize("adapter", FILES, ids=lambda each: each.setting.partition("{")[0])
@pytest.mark.parametrize("fault", ["vanished", "unreadable", "machine gone"])
async def test_a_file_that_vanishes_between_readings(
    adapter: Adapter, plant: Plant, fault: str
) -> None:
    sensor, sysfs = build(adapter, plant)
    await sensor.read()
    files = good_files(adapter, sysfs)
    for file in files:
        file.unlink()
        if fault == "unreadable":  # permissions mean nothing to root: a directory can't be read
            file.mkdir()
    if fault == "machine gone":
        shutil.rmtree(sysfs)
    with pytest.raises(SensorFailed) as failed:
        await sensor.read()
    assert not names_a_path(failed.value, sysfs)
    if fault == "unreadable":
        for file in files:
            file.rmdir()
    plant(MACHINES[adapter.machine])
    assert (await sensor.read()).celsius > 0


@pytest.mark.parametrize("edge", ["-40000", "1000", "150000", "+60000", "  60000  "])
async def test_the_edges_of_what_is_plausible(plant: Plant, edge: str) -> None:
    sysfs = plant({"temp": edge})
    sensor = choose.make(f"file:{sysfs}/temp", busy_s=lambda: 0.0, sysfs=sysfs)
    assert sensor is not None
    assert (await sensor.read()).celsius == int(edge) / 1000


@pytest.mark.requirement("T-4")
async def test_a_reading_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    pipe = tmp_path / "temp"
    os.mkfifo(pipe)  # opening it blocks until somebody writes, like a driver that hangs
    sensor = choose.make(f"file:{pipe}", busy_s=lambda: 0.0, sysfs=tmp_path)
    assert sensor is not None
    with trio.move_on_after(0.05) as first:
        await sensor.read()
    assert first.cancelled_caught
    # The abandoned thread has the only token of the sensor: a second reading makes no thread.
    with trio.move_on_after(0.05) as second:
        await sensor.read()
    assert second.cancelled_caught
    assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    descriptor = os.open(pipe, os.O_WRONLY)  # does not block: the abandoned thread is the reader
    os.write(descriptor, b"61000\n")
    os.close(descriptor)
    pipe.unlink()
    pipe.write_text("62000\n")
    with trio.fail_after(5):
        assert (await sensor.read()).celsius == 62.0


async def test_a_slow_file_holds_up_no_other_task(tmp_path: Path) -> None:
    pipe = tmp_path / "temp"
    os.mkfifo(pipe)
    sensor = choose.make(f"file:{pipe}", busy_s=lambda: 0.0, sysfs=tmp_path)
    assert sensor is not None
    readings: list[Reading] = []

    async def measure() -> None:
        assert sensor is not None
        readings.append(await sensor.read())

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(measure)
            for _ in range(20):
                await trio.lowlevel.checkpoint()
            assert not readings
            descriptor = await trio.to_thread.run_sync(os.open, pipe, os.O_WRONLY)
            os.write(descriptor, b"61000\n")
            os.close(descriptor)
    assert readings == [Reading(61.0)]


def test_every_adapter_is_in_the_table() -> None:
    package = Path(str(voicechat.thermal.sensors.__file__)).parent
    helpers = {
        "__init__",
        "blocking",
        "board",
        "choose",
        "files",
        "guarded",
        "script",
        "throttling",
    }
    adapters = {path.stem for path in package.glob("*.py")} - helpers
    assert adapters == {"constant", "failing", "file", "hwmon", "linux", "rc", "trace"}, (
        "a new sensor belongs into the table of this file"
    )


def good_files(adapter: Adapter, sysfs: Path) -> list[Path]:
    """The file that the sensor reads, and those it would read instead."""
    assert adapter.file is not None
    file = sysfs / adapter.file
    return sorted(file.parent.glob("temp*_input")) or [file]


def names_a_path(error: SensorFailed, sysfs: Path) -> bool:
    text = f"{error} {error.suggested_action}"
    return "/" in text or str(sysfs) in text or "Errno" in text

"""Which sensor a machine and a setting lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.thermal.sensors.machines import (
    CORES,
    FIRMWARE_PI4,
    FIRMWARE_PI5,
    LAPTOP,
    MACHINES,
    PC,
    PI4,
    PI5,
)
from voicechat.errors import SensorFailed
from voicechat.protocol.messages.thermal import ThrottleFlag
from voicechat.thermal.ports import Reading
from voicechat.thermal.sensors import choose
from voicechat.thermal.sensors.constant import ConstantSensor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.thermal.sensors.machines import Plant
    from voicechat.thermal.ports import ThermalSensor


def make(text: str, sysfs: Path) -> ThermalSensor | None:
    return choose.make(text, busy_s=lambda: 0.0, sysfs=sysfs)


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize(
    ("machine", "setting", "name", "celsius"),
    [
        ("pi4", "auto", "cpu-thermal", 48.312),
        ("pi5", "auto", "cpu-thermal", 61.25),
        ("pc", "auto", "coretemp", 57.0),
        ("laptop", "auto", "x86_pkg_temp", 56.0),
        ("ryzen", "auto", "k10temp", 50.25),
        ("clusters", "auto", "bigcore0-thermal and 1 more", 52.7),
        ("cores", "auto", "cpu0-thermal and 1 more", 66.5),
        ("pc", "zone:acpitz", "acpitz", 27.8),
        ("pc", "zone:iwlwifi_1", "iwlwifi_1", 44.0),
        ("pc", "hwmon:nvme", "nvme", 71.85),
        ("laptop", " zone: BAT0 ", "BAT0", 31.0),
    ],
)
async def test_the_processor_is_found_by_what_a_zone_is(
    plant: Plant, machine: str, setting: str, name: str, celsius: float
) -> None:
    sensor = make(setting, plant(MACHINES[machine]))
    assert sensor is not None
    assert sensor.name == name
    assert (await sensor.read()).celsius == celsius


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize("setting", ["auto", "none"])
def test_a_container_has_no_sensor(plant: Plant, setting: str) -> None:
    assert make(setting, plant({})) is None


def test_none_is_none_on_any_machine(plant: Plant) -> None:
    assert make("none", plant(PI5)) is None


def test_no_sysfs_at_all(tmp_path: Path) -> None:
    assert make("auto", tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "kinds",
    [
        ["battery"],
        ["pch_skylake"],
        ["iwlwifi_1"],
        ["nvme"],
        ["acpitz"],
        ["gpu-thermal"],
        ["pmic-cpu-thermal"],
    ],
)
def test_other_zones_are_only_taken_when_named(plant: Plant, kinds: list[str]) -> None:
    files = {}
    for number, kind in enumerate(kinds):
        files[f"class/thermal/thermal_zone{number}/type"] = kind
        files[f"class/thermal/thermal_zone{number}/temp"] = "50000"
    sysfs = plant(files)
    assert make("auto", sysfs) is None
    named = make(f"zone:{kinds[0]}", sysfs)
    assert named is not None
    assert named.name == kinds[0]


async def test_of_two_kinds_the_one_that_can_be_read(plant: Plant) -> None:
    sysfs = plant(LAPTOP | {"class/thermal/thermal_zone9/type": "cpu-thermal"})
    sensor = make("auto", sysfs)
    assert sensor is not None
    assert sensor.name == "x86_pkg_temp"


async def test_one_that_can_not_be_read_yet_is_better_than_none(plant: Plant) -> None:
    sensor = make("auto", plant({"class/thermal/thermal_zone0/type": "cpu-thermal"}))
    assert sensor is not None
    plant(PI5)
    assert await sensor.read() == Reading(61.25)


async def test_a_cluster_that_sleeps_does_not_hide_the_others(plant: Plant) -> None:
    sysfs = plant(CORES)
    sensor = make("auto", sysfs)
    assert sensor is not None
    (sysfs / "class/thermal/thermal_zone10/temp").unlink()
    assert (await sensor.read()).celsius == 61.0


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize("path", [FIRMWARE_PI4, FIRMWARE_PI5])
@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("0", ()),
        ("1", (ThrottleFlag.UNDER_VOLTAGE,)),
        ("2", (ThrottleFlag.FREQUENCY_CAPPED,)),
        ("4", (ThrottleFlag.THROTTLED,)),
        ("8", (ThrottleFlag.SOFT_LIMIT,)),
        ("f", tuple(ThrottleFlag)),
        ("0x50005", (ThrottleFlag.UNDER_VOLTAGE, ThrottleFlag.THROTTLED)),
        ("50000", ()),  # only since the start
        ("80008", (ThrottleFlag.SOFT_LIMIT,)),
    ],
)
async def test_flags_of_the_firmware(
    plant: Plant, path: str, text: str, flags: tuple[ThrottleFlag, ...]
) -> None:
    rest = {name: value for name, value in PI4.items() if name != FIRMWARE_PI4}
    sensor = make("auto", plant({**rest, path: text}))
    assert sensor is not None
    assert (await sensor.read()).flags == flags


@pytest.mark.requirement("T-3")
async def test_under_voltage_where_the_firmware_has_no_file(plant: Plant) -> None:
    sysfs = plant(PI5)
    sensor = make("auto", sysfs)
    assert sensor is not None
    assert (await sensor.read()).flags == (ThrottleFlag.UNDER_VOLTAGE,)
    (sysfs / "class/hwmon/hwmon3/in0_lcrit_alarm").write_text("0\n")
    assert (await sensor.read()).flags == ()


@pytest.mark.requirement("T-3")
@pytest.mark.parametrize("fault", ["garbage", "gone", "directory"])
async def test_a_flag_that_can_not_be_read_hides_no_temperature(plant: Plant, fault: str) -> None:
    sysfs = plant(PI4)
    sensor = make("auto", sysfs)
    assert sensor is not None
    for name in (FIRMWARE_PI4, "class/hwmon/hwmon1/in0_lcrit_alarm"):
        path = sysfs / name
        path.write_text("what?\n")
        if fault != "garbage":
            path.unlink()
        if fault == "directory":
            path.mkdir()
    assert await sensor.read() == Reading(48.312)


@pytest.mark.requirement("T-3")
async def test_a_broken_file_of_the_firmware_leaves_the_monitor(plant: Plant) -> None:
    sysfs = plant(PI4 | {FIRMWARE_PI4: "?", "class/hwmon/hwmon1/in0_lcrit_alarm": "1"})
    sensor = make("auto", sysfs)
    assert sensor is not None
    assert (await sensor.read()).flags == (ThrottleFlag.UNDER_VOLTAGE,)


async def test_paths_may_be_relative_or_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temp").write_text("60000\n")
    (tmp_path / "trace").write_text("0 61\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text, celsius in {
        "file:temp": 60,
        "file:~/temp": 60,
        "trace:trace": 61,
        "trace:~/trace": 61,
    }.items():
        sensor = make(text, tmp_path)
        assert sensor is not None
        assert (await sensor.read()).celsius == celsius


@pytest.mark.parametrize(
    ("text", "tells"),
    [(None, "cannot be read"), ("82\n", "82 °C is 82000"), ("0", "82 °C is 82000")],
)
def test_a_file_that_is_none_of_millidegrees_is_refused(
    tmp_path: Path, text: str | None, tells: str
) -> None:
    """Else the server would run without protection, and seem to have it."""
    if text is not None:
        (tmp_path / "temp").write_text(text)
    with pytest.raises(ValueError, match=tells) as caught:
        make(f"file:{tmp_path}/temp", tmp_path)
    assert str(tmp_path) not in str(caught.value)


async def test_degrees_instead_of_millidegrees_are_noticed_later_too(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("60000\n")
    sensor = make(f"file:{tmp_path}/temp", tmp_path)
    assert sensor is not None
    (tmp_path / "temp").write_text("86\n")
    with pytest.raises(SensorFailed, match="86"):
        await sensor.read()


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("", "auto"),
        ("automatic", "auto"),
        ("auto:", "auto"),
        ("none:x", "none"),
        ("zone:", "zone:TYPE"),
        ("zone:cpu-thermal", "acpitz"),
        ("hwmon:", "hwmon:NAME"),
        ("hwmon:k10temp", "coretemp"),
        ("file:", "file:PATH"),
        ("constant:", "constant:CELSIUS"),
        ("constant:hot", "constant:60"),
        ("constant:nan", "-40 to 150"),
        ("constant:151", "-40 to 150"),
        ("trace:/nowhere/at/all", "cannot be read"),
        ("simulate:", "hot-day"),
        ("simulate:snow", "hot-day"),
        ("AUTO", "auto"),
    ],
)
def test_what_is_not_allowed_tells_what_is(plant: Plant, text: str, tells: str) -> None:
    with pytest.raises(ValueError, match=r"temperature|sensor|scenario|machine|trace") as error:
        make(text, plant(PC))
    assert tells in str(error.value)


@pytest.mark.parametrize(
    ("lines", "tells"),
    [
        ("", "no temperature"),
        ("# nothing\n", "no temperature"),
        ("0 50\n\n1 hot\n", "line 3"),
        ("0 50 60\n", "line 1"),
        ("0 50\n0 60\n", "does not come after"),
        ("0 50\n1 200\n", "200"),
        ("0 50\n1 nan\n", "nan"),
        ("inf 50\n", "no number"),
        ("\udcff", "cannot be used"),
    ],
)
def test_a_trace_that_makes_no_sense(tmp_path: Path, lines: str, tells: str) -> None:
    (tmp_path / "trace").write_text(lines, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ValueError, match="trace cannot be used") as error:
        make(f"trace:{tmp_path}/trace", tmp_path)
    assert tells in str(error.value)


async def test_sensors_of_other_packages(tmp_path: Path) -> None:
    theirs = ConstantSensor(20.0)
    others = {"fridge": lambda: theirs, "none": lambda: theirs, "nothing": lambda: None}
    fridge = choose.make(" fridge ", busy_s=float, sysfs=tmp_path, others=others)
    assert fridge is not None
    assert fridge.name == theirs.name
    assert (await fridge.read()).celsius == 20.0
    assert choose.make("none", busy_s=float, sysfs=tmp_path, others=others) is None
    assert choose.make("nothing", busy_s=float, sysfs=tmp_path, others=others) is None
    with pytest.raises(ValueError, match="fridge"):
        choose.make("oven", busy_s=float, sysfs=tmp_path, others=others)

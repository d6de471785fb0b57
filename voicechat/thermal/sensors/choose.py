"""Makes the sensor that the settings name: the only place that knows which there are."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from voicechat.thermal.ports import Reading
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors import file, hwmon, linux
from voicechat.thermal.sensors.blocking import BlockingSensor
from voicechat.thermal.sensors.constant import ConstantSensor
from voicechat.thermal.sensors.failing import FailingSensor
from voicechat.thermal.sensors.guarded import GuardedSensor
from voicechat.thermal.sensors.rc import SimulatedBoard
from voicechat.thermal.sensors.script import Script
from voicechat.thermal.sensors.throttling import Throttling
from voicechat.thermal.sensors.trace import TraceSensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.thermal.ports import ThermalSensor
    from voicechat.thermal.scenarios import Scenario
    from voicechat.thermal.sensors.files import Probe

SYSFS: Final = Path("/sys")

ALLOWED: Final = (
    "auto, none, zone:TYPE, hwmon:NAME, file:PATH, constant:CELSIUS, trace:PATH, "
    f"simulate:NAME (NAME is {', '.join(SCENARIOS)})"
)
"""What the setting can be, for messages and help."""

LONGEST_TRACE: Final = 1 << 20
"""Bytes of a trace; a day of a line a second has as many."""


def make(
    text: str,
    *,
    busy_s: Callable[[], float],
    sysfs: Path = SYSFS,
    others: Mapping[str, Callable[[], ThermalSensor | None]] = MappingProxyType({}),
) -> ThermalSensor | None:
    """Make a sensor; blocks for some small files, so call it before there is anything to delay.

    Args:
        text: The setting; see `ALLOWED`.
        busy_s: The slots in use, integrated over time (slot-seconds), for the simulations.
        sysfs: Where sysfs is mounted.
        others: Makers of sensors of other packages by name; those of this one come first. Whatever
            such a sensor does, at worst it cannot be read.

    Returns:
        None when the machine has none or none is wanted.

    Raises:
        ValueError: There is no such sensor; the message tells what is allowed.
    """
    name, colon, rest = text.strip().partition(":")
    words: dict[str, Callable[[], ThermalSensor | None]] = {
        "auto": lambda: _on_board(linux.find(sysfs) or hwmon.find(sysfs), sysfs),
        "none": lambda: None,
    }
    kinds: dict[str, Callable[[str], ThermalSensor | None]] = {
        "zone": lambda kind: _on_board(
            _present(linux.find(sysfs, kind), kind, linux.types(sysfs)), sysfs
        ),
        "hwmon": lambda driver: _on_board(
            _present(hwmon.find(sysfs, driver), driver, hwmon.drivers(sysfs)), sysfs
        ),
        "file": lambda path: _blocking(file.find(_path(path)), Throttling()),
        "constant": lambda celsius: ConstantSensor(_celsius(celsius)),
        "trace": lambda path: TraceSensor(_script(_path(path))),
        "simulate": lambda scenario: simulate(_scenario(scenario), busy_s=busy_s),
    }
    if colon and name in kinds and (argument := rest.strip()):
        return kinds[name](argument)
    if (made := words.get(text.strip())) is not None:
        return made()
    if (made := others.get(text.strip())) is not None:
        theirs = made()
        return None if theirs is None else GuardedSensor(theirs, text.strip())
    allowed = ", ".join((ALLOWED, *others))
    raise ValueError(f"there is no thermal sensor {text!r}; it can be {allowed}")


def simulate(scenario: Scenario, *, busy_s: Callable[[], float]) -> ThermalSensor:
    """The sensor of a scenario.

    Args:
        scenario: It.
        busy_s: The slots in use, integrated over time (slot-seconds).
    """
    name = f"simulation {scenario.name}"
    sensor: ThermalSensor
    if scenario.board is None:
        sensor = TraceSensor(
            Script(scenario.script), name=name, speed=scenario.speed, repeats=scenario.repeats
        )
    else:
        sensor = SimulatedBoard(
            scenario.board,
            busy_s=busy_s,
            start=scenario.start_celsius,
            name=name,
            speed=scenario.speed,
        )
    if scenario.fails_s is None:
        return sensor
    start_s, end_s = scenario.fails_s
    return FailingSensor(sensor, start_s=start_s, end_s=end_s)


def _on_board(probe: Probe | None, sysfs: Path) -> ThermalSensor | None:
    """Files that measure this machine, so the flags of its firmware belong to them."""
    if probe is None:
        return None
    return _blocking(probe, Throttling.find(sysfs))


def _blocking(probe: Probe, throttling: Throttling) -> ThermalSensor:
    return BlockingSensor(probe.name, lambda: Reading(probe.celsius(), throttling.flags()))


def _present(probe: Probe | None, name: str, there: list[str]) -> Probe:
    if probe is None:
        raise ValueError(f"this machine has no {name!r}; it has {', '.join(there) or 'none'}")
    return probe


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("there is no home directory for ~; write the whole path") from None


def _celsius(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no temperature; write constant:60, say") from None


def _script(path: Path) -> Script:
    try:
        with path.open(encoding="utf-8") as trace:
            return Script.parse(trace.read(LONGEST_TRACE))
    except OSError:
        raise ValueError("the trace cannot be read; check its path") from None
    except ValueError as error:
        raise ValueError(f"the trace cannot be used: {error}") from None

"""The hardware monitors of Linux: PCs, with few thermal zones, tell of the processor there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voicechat.thermal.sensors.files import Probe, best, name_in

if TYPE_CHECKING:
    from pathlib import Path

_DRIVERS: Final = (
    "coretemp",  # Intel
    "k10temp",  # AMD
    "zenpower",  # AMD, out of tree
    "k8temp",  # AMD, until 2008
    "cpu_thermal",  # a thermal zone's twin
    "soc_thermal",
    "via_cputemp",
)
"""Drivers that measure the processor, best first; others are only taken when they are named."""


def drivers(sysfs: Path) -> list[str]:
    """The names of the monitors that have a temperature, in their order (blocking)."""
    return [driver for driver, files in _monitors(sysfs) if files]


def find(sysfs: Path, driver: str | None = None) -> Probe | None:
    """The monitors of the processor (blocking); all their temperatures, of each socket.

    Args:
        sysfs: Where sysfs is mounted.
        driver: Take the monitors of this name instead, whatever they measure.

    Returns:
        None when there is no such monitor. One that can be read now comes before one that can't.
    """
    monitors = _monitors(sysfs)
    probes = []
    for wanted in _DRIVERS if driver is None else (driver,):
        files = tuple(file for name, files in monitors if name == wanted for file in files)
        if files:
            probes.append(Probe(wanted, files))
    return best(probes)


def _monitors(sysfs: Path) -> list[tuple[str, tuple[Path, ...]]]:
    return [
        (name_in(path), _temperatures(path.parent))
        for path in sorted(sysfs.glob("class/hwmon/hwmon*/name"))
    ]


def _temperatures(monitor: Path) -> tuple[Path, ...]:
    files = sorted(monitor.glob("temp*_input"))
    labels = {
        file: name_in(file.with_name(file.name.replace("_input", "_label"))) for file in files
    }
    if "Tdie" in labels.values():
        # Tctl then is Tdie plus an offset that makes the fan run faster; no chip is that hot.
        return tuple(file for file in files if labels[file] != "Tctl")
    return tuple(files)

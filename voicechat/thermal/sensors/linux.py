"""The thermal zones of Linux, chosen by what they measure: zone 0 may be a battery or the Wi-Fi."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voicechat.thermal.sensors.files import Probe, best, name_in

if TYPE_CHECKING:
    from pathlib import Path

_KINDS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"cpu[-_]therm(al)?",  # Raspberry Pi, Allwinner, Amlogic, Jetson
        r"x86_pkg_temp",
        r"soc[-_]thermal",  # Rockchip
        r"package[-_]thermal",  # Rockchip, mainline kernel
        r"(cpu|bigcore|littlecore|midcore|big|little|mid)[-_]?[0-9].*",  # one a core or cluster
        r"(cpu|bigcore|littlecore|midcore|tcpu).*",
    )
)
"""Types of zones that measure the processor, best first.

A zone of any other type is only taken when it is named: batteries, radios, disks, chipsets, and
``acpitz``, which is the mainboard's, and on many machines a constant.
"""


def types(sysfs: Path) -> list[str]:
    """The types of the thermal zones that there are, in their order (blocking)."""
    return [kind for kind, _ in _zones(sysfs)]


def find(sysfs: Path, kind: str | None = None) -> Probe | None:
    """The zones that measure the processor (blocking).

    Args:
        sysfs: Where sysfs is mounted.
        kind: Take the zones of this type instead, whatever they measure.

    Returns:
        None when there is no such zone. A type that can be read now comes before one that can't.
    """
    zones = _zones(sysfs)
    if kind is not None:
        groups = [[zone for zone in zones if zone[0] == kind]]
    else:
        groups = [[zone for zone in zones if wanted.fullmatch(zone[0])] for wanted in _KINDS]
    return best(_probe(group) for group in groups if group)


def _zones(sysfs: Path) -> list[tuple[str, Path]]:
    found = [
        (name_in(path), path.with_name("temp"))
        for path in sorted(sysfs.glob("class/thermal/thermal_zone*/type"))
    ]
    return [(kind, path) for kind, path in found if kind]


def _probe(group: list[tuple[str, Path]]) -> Probe:
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return Probe(group[0][0] + more, tuple(path for _, path in group))

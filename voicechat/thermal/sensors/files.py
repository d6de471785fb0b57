"""The kernel's small files, and the ones of them that measure the same thing; all calls block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.errors import SensorFailed
from voicechat.settings.band import COLDEST, HOTTEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LONGEST: Final = 64
"""Bytes read of a file; the kernel's numbers have ten, a wrong path may have any amount."""

_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}")


def text_of(path: Path) -> str:
    """The beginning of a small text file, without the white space around it.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no ASCII text.
    """
    with path.open("rb") as file:
        return file.read(LONGEST).decode("ascii").strip()


def name_in(path: Path) -> str:
    """The name in a file such as ``type``, or nothing where that can't be read."""
    try:
        return text_of(path)
    except (OSError, ValueError):
        return ""


def celsius_in(path: Path, least: int = 0) -> float:
    """The temperature in a file, in degrees Celsius; the file has millidegrees, as all in sysfs.

    Args:
        path: The file.
        least: A number that is nearer to 0 was not meant as millidegrees.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds anything but a whole number.
        SensorFailed: It holds one, but no chip can have that temperature.
    """
    text = text_of(path)
    if _WHOLE_NUMBER.fullmatch(text) is None:
        raise ValueError("no whole number of millidegrees")
    if abs(int(text)) < least:
        raise SensorFailed(
            f"The thermometer tells {text}, which is less than a degree: 82 °C is 82000.",
            suggested_action="Let the file hold thousandths of a degree Celsius.",
        )
    celsius = int(text) / 1000
    if not COLDEST <= celsius <= HOTTEST:
        raise SensorFailed(
            f"The thermometer tells {celsius:g} °C, which no running chip has.",
            suggested_action="Choose another sensor if this goes on.",
        )
    return celsius


@attrs.frozen
class Probe:
    """Files that measure one thing; of several, the hottest counts.

    Attributes:
        name: What it is, for people.
        files: Each with a temperature in millidegrees; at least one.
        least: A number that is nearer to 0 was not meant as millidegrees.
    """

    name: str
    files: tuple[Path, ...] = attrs.field(validator=attrs.validators.min_len(1))
    least: int = 0

    def celsius(self) -> float:
        """The highest temperature that can be read; a cluster of cores that sleeps may have none.

        Raises:
            OSError: None can be read; this is the error of the last one.
            ValueError: Likewise.
            SensorFailed: Likewise.
        """
        found: list[float] = []
        failure: Exception | None = None
        for file in self.files:
            try:
                found.append(celsius_in(file, self.least))
            except (OSError, ValueError, SensorFailed) as error:
                failure = error
        if failure is not None and not found:
            raise failure
        return max(found)

    @property
    def works(self) -> bool:
        """Whether it has a temperature at this moment."""
        try:
            self.celsius()
        except (OSError, ValueError, SensorFailed):
            return False
        return True


def best(probes: Iterable[Probe]) -> Probe | None:
    """The first that works, else the first: it may work later, and then is better than none."""
    candidates = tuple(probes)
    return next((probe for probe in candidates if probe.works), next(iter(candidates), None))

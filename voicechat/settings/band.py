"""The two temperatures of a thermal step, checked wherever they come from. PURE."""

from __future__ import annotations

from typing import Final

import attrs

COLDEST: Final = -40.0
HOTTEST: Final = 150.0
"""Degrees Celsius between which a temperature of a chip makes sense."""


def sensible(celsius: float) -> bool:
    """Tell whether a chip can have this temperature; NaN and infinity are none."""
    return COLDEST <= celsius <= HOTTEST


@attrs.frozen
class Band:
    """A step begins at `trigger` and ends at `resume`, both in degrees Celsius.

    Raises:
        ValueError: They are not from -40 to 150, or `resume` is not below `trigger`.
    """

    trigger: float
    resume: float

    def __attrs_post_init__(self) -> None:
        for celsius in (self.trigger, self.resume):
            if not sensible(celsius):
                raise ValueError(f"{celsius:g} °C is not from {COLDEST:g} to {HOTTEST:g} °C")
        if self.resume >= self.trigger:
            raise ValueError(f"resume, {self.resume:g} °C, is not below {self.trigger:g} °C")

    def above(self, lower: Band) -> bool:
        """Tell whether this is the band of a hotter step than the one of `lower`."""
        return self.trigger > lower.trigger and self.resume >= lower.resume

    def __str__(self) -> str:
        """As settings have it: trigger/resume."""
        return f"{self.trigger:g}/{self.resume:g}"

"""A thermometer that always tells the same: for tests, and for machines that cannot get hot."""

from __future__ import annotations

import trio

from voicechat.settings.band import COLDEST, HOTTEST
from voicechat.thermal.ports import Reading


class ConstantSensor:
    """Tells one temperature.

    Args:
        celsius: It, in degrees Celsius.

    Raises:
        ValueError: No chip can have it.
    """

    def __init__(self, celsius: float) -> None:
        if not COLDEST <= celsius <= HOTTEST:  # NaN is not either
            raise ValueError(f"a temperature must be from {COLDEST:g} to {HOTTEST:g} °C")
        self._reading = Reading(celsius)

    @property
    def name(self) -> str:
        """What it is, for people."""
        return "constant"

    async def read(self) -> Reading:
        """The temperature."""
        await trio.lowlevel.checkpoint()
        return self._reading

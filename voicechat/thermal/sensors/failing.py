"""A thermometer that breaks down for a while, to see what the server does without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.errors import SensorFailed

if TYPE_CHECKING:
    from voicechat.thermal.ports import Reading, ThermalSensor


class FailingSensor:
    """Tells what another sensor does, except for a while.

    Args:
        sensor: The other one.
        start_s: Seconds from the first reading until it fails.
        end_s: Seconds from the first reading until it works again.
    """

    def __init__(self, sensor: ThermalSensor, *, start_s: float, end_s: float) -> None:
        self._sensor = sensor
        self._start_s = start_s
        self._end_s = end_s
        self._began: float | None = None

    @property
    def name(self) -> str:
        """What the other one is, for people."""
        return self._sensor.name

    async def read(self) -> Reading:
        """Ask the other one.

        Raises:
            SensorFailed: It is time to fail.
        """
        reading = await self._sensor.read()
        now = trio.current_time()
        if self._began is None:
            self._began = now
        if self._start_s <= now - self._began < self._end_s:
            raise SensorFailed(
                "The simulated thermometer has broken down.",
                suggested_action="Wait: the scenario repairs it.",
            )
        return reading

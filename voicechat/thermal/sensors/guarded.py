"""A thermometer of another package: whatever goes wrong in it, at worst it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from voicechat.errors import SensorFailed, expected
from voicechat.protocol.messages.thermal import ThrottleFlag
from voicechat.thermal.ports import Reading

if TYPE_CHECKING:
    from voicechat.thermal.ports import ThermalSensor

log = structlog.get_logger()


class GuardedSensor:
    """Tells what another sensor does, and turns its faults into `SensorFailed`.

    Args:
        sensor: The other one.
        known_as: What the settings call it; its name if it does not tell one.
    """

    def __init__(self, sensor: ThermalSensor, known_as: str) -> None:
        self._sensor = sensor
        self._fault: type[BaseException] | None = None
        try:
            self._name = str(sensor.name)
        except Exception:  # another package's code: anything can happen
            log.exception("sensor of another package has no name", sensor=known_as)
            self._name = known_as

    @property
    def name(self) -> str:
        """What the other one is, for people."""
        return self._name

    async def read(self) -> Reading:
        """Ask the other one; a fault is logged when it is another than at the last time.

        Raises:
            SensorFailed: It cannot tell, or failed in some other way, or told no temperature.
        """
        try:
            found = await self._sensor.read()
            reading = Reading(float(found.celsius), tuple(map(ThrottleFlag, found.flags)))
        except SensorFailed:
            self._fault = None
            raise
        except Exception as error:
            raise self._failed(error) from error
        except BaseExceptionGroup as group:  # cancelled, and something else went wrong
            faults, others = group.split(Exception)
            if faults is not None:
                self._failed(faults)
            if others is not None:
                raise others from None
            raise
        self._fault = None
        return reading

    def _failed(self, error: Exception) -> SensorFailed:
        """What to raise because of it."""
        if isinstance(known := expected(error), SensorFailed):
            self._fault = None
            return known
        if type(error) is not self._fault:
            self._fault = type(error)
            log.error("sensor of another package failed", sensor=self._name, exc_info=error)
        return SensorFailed(
            "The thermometer of another package does not work.",
            suggested_action="Update or repair that package, or choose another sensor.",
        )

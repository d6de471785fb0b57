"""What the governor needs of any thermometer, so that sensors can be exchanged."""

from __future__ import annotations

from typing import Protocol

import attrs

from voicechat.protocol.messages.thermal import ThrottleFlag  # noqa: TC001  (part of the port)


@attrs.frozen
class Reading:
    """What a sensor tells at one moment.

    Attributes:
        celsius: Temperature of the processor in degrees Celsius.
        flags: What the firmware does to protect it; empty where it does not tell.
    """

    celsius: float
    flags: tuple[ThrottleFlag, ...] = ()


class ThermalSensor(Protocol):
    """A thermometer."""

    @property
    def name(self) -> str:
        """What it is, for people: "cpu-thermal", "simulation hot-day"."""
        ...

    async def read(self) -> Reading:
        """Measure now; it may be cancelled, and is called once at a time.

        Raises:
            SensorFailed: It cannot be read, or tells nonsense. It may be asked again.
        """
        ...

"""How hot the machine is and what that means, for whoever shows it. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from voicechat.settings import Band

REDUCED: Final = {
    ThermalState.NORMAL: "nothing",
    ThermalState.NO_SPECULATION: "no answer is prepared before the user has finished",
    ThermalState.SINGLE: "one inference at a time, and no answer prepared in advance",
    ThermalState.PHRASES: "only agents that match phrases answer what is new, one at a time",
    ThermalState.PAUSED: "no inference until it is cooler",
}
"""What each state leaves out, in words for the log."""

FIRMWARE: Final = {
    ThrottleFlag.UNDER_VOLTAGE: "the power supply is too weak; it needs a stronger one or cable",
    ThrottleFlag.FREQUENCY_CAPPED: "the firmware limits the clock of the processor",
    ThrottleFlag.THROTTLED: "the firmware slows the processor down; it needs better cooling",
    ThrottleFlag.SOFT_LIMIT: "the processor is close to being slowed down by heat",
}
"""What each flag means, in words for the log."""


@attrs.frozen
class Sample:
    """A temperature of the past.

    Attributes:
        at: When it was measured (monotonic seconds).
        celsius: Degrees Celsius.
    """

    at: float
    celsius: float


@attrs.frozen
class Status:
    """How hot it is at one moment.

    Attributes:
        state: What is left out, or that it is not known.
        celsius: The last temperature in degrees Celsius; None where nothing can be read.
        since: When the state began (monotonic seconds).
        since_wall: The same by the calendar, in UTC.
        flags: What the firmware does to protect the chip.
        bands: The thresholds in force.
        sensor: The thermometer's name; None if there is none.
        limited_to: The state whose limits hold; another than `state` only where that is `unknown`
            or `unsupported`.
    """

    state: ThermalState
    celsius: float | None
    since: float
    since_wall: datetime
    flags: tuple[ThrottleFlag, ...]
    bands: Mapping[ThermalState, Band]
    sensor: str | None
    limited_to: ThermalState

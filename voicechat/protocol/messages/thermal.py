"""The family that tells how hot the machine is, and what it leaves out because of that."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import attrs

from voicechat.protocol.messages.base import ServerMessage


class ThermalState(StrEnum):
    """What the machine still does, from cool to hot; each includes what those before it leave out.

    ``normal``: everything. ``no_speculation``: no answer is prepared before the user has finished.
    ``single``: one inference at a time. ``phrases``: only agents that match phrases answer.
    ``paused``: no inference. ``unknown``: the sensor cannot be read. ``unsupported``: there is no
    sensor, so nothing is left out.
    """

    NORMAL = "normal"
    NO_SPECULATION = "no_speculation"
    SINGLE = "single"
    PHRASES = "phrases"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    UNSUPPORTED = "unsupported"


class ThrottleFlag(StrEnum):
    """What the firmware does to protect the chip, on machines that tell.

    ``under_voltage``: the power supply is too weak. ``frequency_capped``: the clock is limited.
    ``throttled``: the chip is slowed down. ``soft_limit``: it is about to be slowed down by heat.
    """

    UNDER_VOLTAGE = "under_voltage"
    FREQUENCY_CAPPED = "frequency_capped"
    THROTTLED = "throttled"
    SOFT_LIMIT = "soft_limit"


@attrs.frozen
class TemperatureSample:
    """A temperature of the past.

    Attributes:
        ago_s: Seconds before now.
        temperature_c: Degrees Celsius.
    """

    ago_s: float
    temperature_c: float


@attrs.frozen
class Thermal(ServerMessage):
    """How hot the machine is.

    Comes after the welcome, at each change of state, and about every 5 s while the temperature
    changes, every 15 s else.

    Attributes:
        state: What the machine leaves out.
        temperature_c: Degrees Celsius; None where nothing can be read.
        for_s: Seconds since the state began.
        waiting: Whether work for this session waits for the machine to cool down.
        sensor: The thermometer's name, which tells of a simulation; None if there is none.
        message: What this means for the user, in plain words; empty when it means nothing.
        flags: What the firmware does at this moment.
        history: The last minutes, oldest first; only in the first message of a connection.
    """

    type: ClassVar[str] = "thermal"
    state: ThermalState
    temperature_c: float | None
    for_s: float
    waiting: bool
    message: str
    sensor: str | None = None
    flags: tuple[ThrottleFlag, ...] = ()
    history: tuple[TemperatureSample, ...] = ()

"""A thermometer that plays a script, so that every state can be shown and tested at will."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.thermal.ports import Reading

if TYPE_CHECKING:
    from voicechat.thermal.sensors.script import Script


class TraceSensor:
    """Tells what the script has; its time begins with the first reading.

    Args:
        script: The course of the temperature.
        name: What the sensor is, for people.
        speed: Seconds of the script in a second.
        repeats: Whether it begins anew at its end; else the last temperature stays.
    """

    def __init__(
        self, script: Script, *, name: str = "trace", speed: float = 1.0, repeats: bool = False
    ) -> None:
        self._script = script
        self._name = name
        self._speed = speed
        self._repeats = repeats
        self._began: float | None = None

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self._name

    async def read(self) -> Reading:
        """The temperature of now."""
        await trio.lowlevel.checkpoint()
        now = trio.current_time()
        if self._began is None:
            self._began = now
        at = (now - self._began) * self._speed
        if self._repeats:
            at %= self._script.points[-1][0]
        return Reading(self._script.at(at))

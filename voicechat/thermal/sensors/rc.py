"""A thermometer in a simulated Raspberry Pi 5 that the server's own work warms: the closed loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.thermal.ports import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.thermal.sensors.board import Board


class SimulatedBoard:
    """Tells the temperature of a model.

    Args:
        board: The model.
        busy_s: The slots in use, integrated over time (slot-seconds); never falls.
        start: The temperature at the first reading, in degrees Celsius.
        name: What the sensor is, for people.
        speed: Seconds of the model in a second. The slots in use are measured in real time and only
            the model's clock runs faster, so the loop stays closed; but to the model the governor
            then polls as many times more rarely, and overshoots more.
    """

    def __init__(
        self,
        board: Board,
        *,
        busy_s: Callable[[], float],
        start: float,
        name: str = "simulation",
        speed: float = 1.0,
    ) -> None:
        self._board = board
        self._busy_s = busy_s
        self._celsius = start
        self._name = name
        self._speed = speed
        self._last: tuple[float, float] | None = None  # time and slot-seconds of the last reading

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self._name

    async def read(self) -> Reading:
        """Let the model catch up with now."""
        await trio.lowlevel.checkpoint()
        now, work = trio.current_time(), self._busy_s()
        if self._last is None:
            self._last = now, work
        elapsed = now - self._last[0]
        if elapsed > 0:
            busy = (work - self._last[1]) / elapsed
            self._celsius = self._board.step(self._celsius, busy, elapsed * self._speed)
            self._last = now, work
        return Reading(self._celsius)

"""A thermometer that does as planned and a gate that remembers, for tests of the governor."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import trio

from voicechat.errors import SensorFailed
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Band
from voicechat.thermal.governor import Governor
from voicechat.thermal.ladder import LIMITS, STEPS, Limits
from voicechat.thermal.ports import Reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NORMAL, UNKNOWN = ThermalState.NORMAL, ThermalState.UNKNOWN
NO_SPECULATION, SINGLE, PHRASES, PAUSED = STEPS
USUAL = {
    NO_SPECULATION: Band(75, 70),
    SINGLE: Band(80, 76),
    PHRASES: Band(83, 79),
    PAUSED: Band(85, 80),
}
FAIL = SensorFailed("the file cannot be read")
HANG = "hang"

Planned = float | Reading | Exception | str


class FakeSensor:
    """Plays a plan: what to do at a number of seconds after it was made."""

    name = "fake"

    def __init__(self, plan: Callable[[float], Planned], *, takes_s: float = 0.0) -> None:
        self.plan = plan
        self.takes_s = takes_s
        self.began = trio.current_time()
        self.reads: list[float] = []

    async def read(self) -> Reading:
        now = trio.current_time() - self.began
        self.reads.append(now)
        await trio.sleep(self.takes_s)
        match self.plan(now):
            case Exception() as error:
                raise error
            case str():
                await trio.sleep_forever()
                raise AssertionError
            case Reading() as reading:
                return reading
            case celsius:
                return Reading(celsius)


class FakeGate:
    """Remembers what it was told, and when."""

    def __init__(self) -> None:
        self.began = trio.current_time()
        self.told: list[tuple[float, ThermalState]] = []

    def limit(self, limits: Limits) -> None:
        (state,) = [state for state, each in LIMITS.items() if each is limits]
        self.told.append((trio.current_time() - self.began, state))


class Setup:
    """A governor with both."""

    def __init__(
        self,
        plan: Callable[[float], Planned] | None,
        *,
        bands: dict[ThermalState, Band] | None = None,
        interval_s: float = 1.0,
        takes_s: float = 0.0,
    ) -> None:
        self.began = trio.current_time()
        self.gate = FakeGate()
        self.sensor = None if plan is None else FakeSensor(plan, takes_s=takes_s)
        self.governor = Governor(
            self.sensor, USUAL if bands is None else bands, self.gate, interval_s=interval_s
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it in the background; the first reading has been tried."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._run)
            yield
            nursery.cancel_scope.cancel()

    async def until(self, seconds: float) -> None:
        """Wait until so long after the beginning; what ends with .5 is between two polls."""
        await trio.sleep_until(self.began + seconds)

    async def run_until(self, seconds: float) -> None:
        """Run it for so long, then stop."""
        async with self.running():
            await self.until(seconds)

    async def _run(self, task_status: trio.TaskStatus[None]) -> None:
        await self.governor.run(task_status=task_status)

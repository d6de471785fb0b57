"""Readings of the machine for "how hot are you": the port, and psutil behind it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import attrs
import psutil
import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CPU_SENSORS = ("cpu_thermal", "coretemp", "k10temp", "zenpower", "soc_thermal", "acpitz")
"""Drivers whose reading is the processor's, best first; others measure disks and radios."""


@attrs.frozen
class DeviceSnapshot:
    """One reading of everything.

    Attributes:
        celsius: Temperature of the processor; None where no sensor can be read.
        load: Load average of the last minute, in runnable processes.
        processors: Logical processors.
        memory_used: In bytes, of `memory_total`.
        disk_free: In bytes, of `disk_total`, of the root file system.
        uptime: Seconds since the machine was started.
    """

    celsius: float | None
    load: float
    processors: int
    memory_used: int
    memory_total: int
    disk_free: int
    disk_total: int
    uptime: float


class DeviceReadings(Protocol):
    """Reads the machine."""

    async def read(self) -> DeviceSnapshot:
        """The readings of now."""
        ...


class PsutilReadings:
    """Reads through psutil, in a worker thread because sysfs and file systems may be slow.

    Args:
        celsius: Who knows the temperature better; None where it is not known there.
    """

    def __init__(self, celsius: Callable[[], float | None] = lambda: None) -> None:
        self._celsius = celsius
        self._limiter = trio.CapacityLimiter(1)

    async def read(self) -> DeviceSnapshot:
        """The readings of now, typically within a few milliseconds."""
        snapshot = await trio.to_thread.run_sync(_snapshot, limiter=self._limiter)
        celsius = self._celsius()
        return snapshot if celsius is None else attrs.evolve(snapshot, celsius=celsius)


def processor_celsius(sensors: Mapping[str, Sequence[float]]) -> float | None:
    """The processor's temperature among readings by driver; the hottest of its cores."""
    for name in (*_CPU_SENSORS, *sensors):
        if readings := [value for value in sensors.get(name, ()) if value > 0]:
            return max(readings)
    return None


def _snapshot() -> DeviceSnapshot:
    sensors: dict[str, list[float]] = {}
    if hasattr(psutil, "sensors_temperatures"):  # absent on macOS
        sensors = {
            name: [entry.current for entry in entries]
            for name, entries in psutil.sensors_temperatures().items()
        }
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(os.sep)
    return DeviceSnapshot(
        celsius=processor_celsius(sensors),
        load=psutil.getloadavg()[0],
        processors=psutil.cpu_count() or 1,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        disk_free=disk.free,
        disk_total=disk.total,
        uptime=max(0.0, time.time() - psutil.boot_time()),
    )

"""Answers about the machine that the server runs on."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from voicechat.agents.assistant import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

_HOT = 80.0
"""Degrees Celsius from which small computers slow down."""

_WARM = 65.0


def _temperature(request: Request) -> str:
    celsius = request.readings().celsius
    if celsius is None:
        return "I can't read a temperature sensor on this machine."
    if celsius >= _HOT:
        feeling = "That is too hot."
    elif celsius >= _WARM:
        feeling = "That is warm, but all right."
    else:
        feeling = "That is fine."
    return f"The processor is at {_rounded(celsius)} degrees Celsius. {feeling}"


def _load(request: Request) -> str:
    device = request.readings()
    percent = round(100 * device.load / device.processors)
    processors = wording.count(device.processors, "processor")
    return f"The load is {_rounded(device.load)} on {processors}, which is {percent} percent."


def _memory(request: Request) -> str:
    device = request.readings()
    free = device.memory_total - device.memory_used
    percent = round(100 * device.memory_used / device.memory_total)
    return (
        f"{_size(free)} of memory are free, out of {_size(device.memory_total)}. "
        f"{percent} percent are in use."
    )


def _disk(request: Request) -> str:
    device = request.readings()
    percent = round(100 * (device.disk_total - device.disk_free) / device.disk_total)
    return (
        f"{_size(device.disk_free)} of disk space are free, out of {_size(device.disk_total)}. "
        f"{percent} percent are in use."
    )


def _uptime(request: Request) -> str:
    seconds = request.readings().uptime
    if seconds >= 3600:  # beyond an hour nobody wants the seconds
        seconds -= seconds % 60
    return f"This machine has been running for {wording.duration(Fraction(seconds))}."


def _status(request: Request) -> str:
    return " ".join((_temperature(request), _load(request), _memory(request)))


def _rounded(value: float) -> str:
    return wording.number(Fraction(round(value, 1)).limit_denominator(10), 1)


def _size(size: int) -> str:
    """Bytes in the unit that gives a short number: "3.7 gigabytes"."""
    for limit, unit in ((10**12, "terabyte"), (10**9, "gigabyte"), (10**6, "megabyte")):
        if size >= limit:
            return wording.count(Fraction(round(10 * size / limit), 10), unit)
    return wording.count(size, "byte")


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    "DeviceTemperature": _temperature,
    "DeviceLoad": _load,
    "DeviceMemory": _memory,
    "DeviceDisk": _disk,
    "DeviceUptime": _uptime,
    "DeviceStatus": _status,
}

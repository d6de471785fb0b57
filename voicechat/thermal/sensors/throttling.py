"""The flags by which a Raspberry Pi's firmware tells that it protects the chip or lacks power.

``get_throttled`` has all four; the kernel keeps the value of the firmware's last report, and calls
the file deprecated in its log the first time it is read (`drivers/firmware/raspberrypi.c` of the
Raspberry Pi kernel). Where it is absent, ``rpi_volt`` still tells of under-voltage
(`drivers/hwmon/raspberrypi-hwmon.c`, upstream).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.thermal import ThrottleFlag
from voicechat.thermal.sensors.files import name_in, text_of

if TYPE_CHECKING:
    from pathlib import Path

_BITS: Final = (
    ThrottleFlag.UNDER_VOLTAGE,
    ThrottleFlag.FREQUENCY_CAPPED,
    ThrottleFlag.THROTTLED,
    ThrottleFlag.SOFT_LIMIT,
)
"""Bits 0 to 3 tell of now; 16 to 19 of some time since the start, which is of no use here.

Source: Raspberry Pi documentation, `vcgencmd get_throttled`.
"""

_FIRMWARE: Final = (
    "devices/platform/soc*/soc*:firmware/get_throttled",  # soc on a Pi 4, soc@107c000000 on a Pi 5
    "devices/platform/soc*:firmware/get_throttled",
)


@attrs.frozen
class Throttling:
    """Where the flags of this machine can be read.

    Attributes:
        firmware: Files with all flags, as a hexadecimal number.
        voltage: Files that say 1 at under-voltage; read where no file of the firmware can be.
    """

    firmware: tuple[Path, ...] = ()
    voltage: tuple[Path, ...] = ()

    @classmethod
    def find(cls, sysfs: Path) -> Throttling:
        """Look for them (blocking); there are none on other machines than a Raspberry Pi."""
        return cls(
            firmware=tuple(path for pattern in _FIRMWARE for path in sorted(sysfs.glob(pattern))),
            voltage=tuple(
                name.with_name("in0_lcrit_alarm")
                for name in sorted(sysfs.glob("class/hwmon/hwmon*/name"))
                if name_in(name) == "rpi_volt"
            ),
        )

    def flags(self) -> tuple[ThrottleFlag, ...]:
        """The flags of now (blocking); what can't be read is not set, and never an error."""
        for path in self.firmware:
            bits = _number(path, 16)
            if bits is not None:
                return tuple(flag for bit, flag in enumerate(_BITS) if bits >> bit & 1)
        if any(_number(path, 10) for path in self.voltage):
            return (ThrottleFlag.UNDER_VOLTAGE,)
        return ()


def _number(path: Path, base: int) -> int | None:
    try:
        return int(text_of(path), base)
    except (OSError, ValueError):
        return None

"""A thermometer that is a file: what another program writes there, or a driver we don't know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voicechat.errors import SensorFailed
from voicechat.thermal.sensors.files import Probe

if TYPE_CHECKING:
    from pathlib import Path

_A_DEGREE: Final = 1000


def find(path: Path) -> Probe:
    """The file with millidegrees Celsius; it is opened anew at each reading.

    Raises:
        ValueError: It cannot be read now, so most likely it is another file that was meant.
    """
    # Its path is the owner's business; the name is told to everybody who is connected.
    probe = Probe("file", (path,), least=_A_DEGREE)
    if path.is_fifo():  # its writer may not be there yet
        return probe
    try:
        probe.celsius()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except SensorFailed as error:
        raise ValueError(f"{error.message} {error.suggested_action}") from None
    return probe

"""Reads the file of a recorded session, plain or compressed with gzip, and checks all of it."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import attrs

from voicechat.errors import RecordingError
from voicechat.recording.format import Ending, Header, Record, read_header, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voicechat.protocol.codec import Codec

MAX_BYTES: Final = 512 * 10**6
"""Longest recording that is read: it is held in memory. Some hours of 16 kHz."""
_MAX_LINE: Final = 2**20
"""No line is longer: frames have at most 64 KiB of samples, and messages 32,000 characters."""
_GZIP: Final = b"\x1f\x8b"


@attrs.frozen
class Recording:
    """A recorded session.

    Attributes:
        header: What was recorded, and with what.
        records: What happened, in order.
    """

    header: Header
    records: tuple[Record, ...]

    @property
    def whole(self) -> bool:
        """Whether it goes to the end of the session: not full, torn by a crash, or cut."""
        return bool(self.records) and self.records[-1].item is Ending.SESSION

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.records[-1].at if self.records else 0.0


def read_recording(path: Path, codec: Codec) -> Recording:
    """Read a file.

    Raises:
        RecordingError: It cannot be read, is none, is damaged, of another version or too long.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            lines = _lines(cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw)
            header = read_header(next(lines, b""), codec)
            return Recording(header, tuple(read_records(lines, codec)))
    except (gzip.BadGzipFile, zlib.error):
        raise RecordingError("The recording is no valid gzip file.") from None
    except OSError as error:
        raise RecordingError(
            f"The recording cannot be read: {error.strerror}.",
            suggested_action="Check the name of the file and its permissions.",
        ) from None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    left = MAX_BYTES
    while True:
        try:
            line = file.readline(_MAX_LINE)
        except EOFError:  # compressed while it was being written: what is there counts
            return
        left -= len(line)
        if left < 0:
            raise RecordingError(
                f"The recording is longer than {MAX_BYTES // 10**6} MB.",
                suggested_action="Cut lines off its end, and replay the beginning.",
            )
        if not line:
            return
        yield line

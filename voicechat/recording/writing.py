"""The file of a recording, as the threads that write see it, and whose turn it is to write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs
import structlog

from voicechat.recording.format import Ending, Header, Record, write_header, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import trio

    from voicechat.protocol.codec import Codec

log = structlog.get_logger()

_END_LINE: Final = 64
"""Bytes kept free for the line that says that the file is full."""


@attrs.define
class Turn:
    """Lets a recorder write with one of the shared threads, once its last write has really ended.

    Trio takes it for a limiter, and gives it back when the thread ends, whether who waited for it
    was cancelled or not.

    Attributes:
        own: The recorder's, of one.
        writers: All threads that write.
        came: Whether the thread has begun.
    """

    own: trio.CapacityLimiter
    writers: trio.CapacityLimiter
    came: bool = False

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Wait for the turn, then for a thread."""
        await self.own.acquire_on_behalf_of(borrower)
        try:
            await self.writers.acquire_on_behalf_of(borrower)
        except BaseException:
            self.own.release_on_behalf_of(borrower)
            raise
        self.came = True

    def release_on_behalf_of(self, borrower: object) -> None:
        """Let the next one write."""
        self.writers.release_on_behalf_of(borrower)
        self.own.release_on_behalf_of(borrower)


class RecordingFile:
    """The file, as the threads see it, one after the other; it is made by the first write."""

    def __init__(self, path: Path, header: Header, max_bytes: int, codec: Codec) -> None:
        self._path = path
        self._header = header
        self._left = max_bytes
        self._codec = codec
        self._file: BinaryIO | None = None
        self._over = False

    def append(self, records: Sequence[Record], *, close: bool) -> bool:
        """Write records; False when there is no room for more, and the file is closed.

        Raises:
            OSError: It cannot be written, and is closed.
        """
        if self._over:
            return False
        self._over = True  # whatever happens now
        try:
            full = self._append(records)
        except BaseException:
            self._close()
            raise
        self._over = full or close
        if self._over:
            self._close()
        return not full

    def _append(self, records: Sequence[Record]) -> bool:
        if self._file is None:
            # Only for its owner: it holds what people have said.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb", buffering=0)
            head = write_header(self._header, self._codec)
            self._left -= len(head)
            self._put(head)
        lines: list[bytes] = []
        for record in records:
            line = write_record(record, self._codec)
            if len(line) + _END_LINE > self._left and not isinstance(record.item, Ending):
                lines.append(write_record(Record(record.at, Ending.FULL), self._codec))
                self._put(b"".join(lines))
                log.warning("recording ends", reason="recording.max_mb is reached")
                return True
            self._left -= len(line)
            lines.append(line)
        self._put(b"".join(lines))
        return False

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and self._file is not None:
            rest = rest[self._file.write(rest) :]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

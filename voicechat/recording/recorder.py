"""Writes sessions to files, a tap for each, without ever making one wait for the disk.

What happens is queued as it is; one task a session hands the queue to a thread every quarter of a
second, which makes lines of it and appends them. So a crash costs that much at most.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

import structlog
import trio

from voicechat.errors import SettingError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame
from voicechat.recording.about import relevant_settings, version, versions
from voicechat.recording.format import (
    Ending,
    Header,
    Record,
    SentSpeech,
    Taken,
    write_header,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from voicechat.protocol.messages.base import ClientMessage, ServerMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.recording.format import Item
    from voicechat.settings import Settings

log = structlog.get_logger()

SUFFIX: Final = ".jsonl"
INTERVAL_S: Final = 0.25
"""How long records may wait, so that the disk gets a few large pieces and not many small ones."""
MAX_QUEUED: Final = 8 * 2**20
"""Bytes that may wait for the disk, by a rough count: 40 s of the fastest stream allowed, minutes
of the usual ones."""
LAST_WRITE_S: Final = 2.0
"""How long the end of a session may take for its last lines."""
LATE_S: Final = 0.01
"""A listener that works on a frame so much later than it came is too late to be ignored."""
_WAITING: Final = 2_000
"""Frames whose arrival is remembered: those of a stream that has ended are never worked on."""
_COST: Final = 200
"""About the bytes of a message in the queue, or of a frame without its samples."""
_END_LINE: Final = 64
"""Bytes kept free for the line that says that the file is full."""


class Recordings:
    """Begins a recording for each session.

    Args:
        settings: Where to write and how much; they are recorded, too.

    Raises:
        SettingError: Nothing can be written there.
    """

    def __init__(self, settings: Settings) -> None:
        folder = settings.recording.dir
        if folder is None:
            raise SettingError("recording.dir is not set.")
        self._folder: Final = folder
        self._max_bytes: Final = settings.recording.max_mb * 10**6
        self._settings: Final = relevant_settings(settings)
        self._packages: Final = versions()
        self._codec: Final = Codec()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise SettingError(
                f"Nothing can be written to the folder of recording.dir: {error.strerror}.",
                suggested_action="Name a folder that you may write to with --record.",
            ) from None
        log.info("sessions are recorded", max_mb=settings.recording.max_mb)

    def begin(self, session_id: str, hello: Hello) -> Recorder:
        """A recorder for a session that begins now."""
        header = Header(
            session_id,
            datetime.now().astimezone(),
            hello,
            version(),
            self._settings,
            self._packages,
        )
        stamp = header.started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{stamp}-{session_id}{SUFFIX}"
        return Recorder(path, header, max_bytes=self._max_bytes, codec=self._codec)


class Recorder:
    """Records one session; see `voicechat.session.tap.Tap`.

    Args:
        path: The file, which must not exist.
        header: Its first line.
        max_bytes: Size at which it ends.
        codec: Encodes messages.
    """

    def __init__(self, path: Path, header: Header, *, max_bytes: int, codec: Codec) -> None:
        self._file: Final = _File(path, header, max_bytes, codec)
        self._limiter: Final = trio.CapacityLimiter(1)  # keeps writes in order, cancelled or not
        self._began: Final = trio.current_time()
        self._queue: list[Record] = []
        self._queued = 0  # bytes, with those that are being written
        self._arrival = trio.Event()
        self._waiting: deque[tuple[AudioFrame, float]] = deque(maxlen=_WAITING)
        self._over = False
        self._ending = Ending.SESSION

    def received(self, item: ClientMessage | AudioFrame, /) -> None:
        """The client sent this."""
        self._put(item)
        if isinstance(item, AudioFrame):
            self._waiting.append((item, trio.current_time()))

    def taken(self, frame: AudioFrame, /) -> None:
        """The listener begins to work on this frame; worth a line when it was busy before."""
        while self._waiting:
            waiting, came = self._waiting.popleft()
            if waiting is frame:
                if trio.current_time() - came > LATE_S:
                    self._put(Taken(frame.stream, frame.seq))
                return

    def sent(self, item: ServerMessage | AudioFrame, /) -> None:
        """The session puts this in its outbox."""
        self._put(SentSpeech.of(item) if isinstance(item, AudioFrame) else item)

    async def run(self) -> None:
        """Write what is queued until cancelled, or until the recording is over; then the rest."""
        try:
            while not self._over:
                await self._arrival.wait()
                await trio.sleep(INTERVAL_S)
                await self._write()
        finally:
            self._over = True
            with trio.CancelScope(shield=True), trio.move_on_after(LAST_WRITE_S) as last:
                await self._write(self._ending)
            if last.cancelled_caught:
                log.warning("recording is cut short", reason="the disk is too slow")

    def _put(self, item: ClientMessage | ServerMessage | AudioFrame | SentSpeech | Taken) -> None:
        if self._over:
            return
        self._queued += _cost(item)
        if self._queued > MAX_QUEUED:
            self._over, self._ending = True, Ending.SLOW
            log.warning("recording ends", reason="the disk is too slow")
            return
        self._queue.append(self._record(item))
        self._arrival.set()

    def _record(self, item: Item) -> Record:
        return Record(trio.current_time() - self._began, item)

    async def _write(self, ending: Ending | None = None) -> None:
        """Append the queue; with an ending, close the file after it."""
        records, self._queue = self._queue, []
        self._arrival = trio.Event()
        cost = sum(_cost(record.item) for record in records)
        if ending is not None:
            records.append(self._record(ending))
        # Abandoned when the session is cancelled: the limiter still makes the last write wait.
        append = partial(self._file.append, records, close=ending is not None)
        try:
            room = await trio.to_thread.run_sync(
                append, abandon_on_cancel=True, limiter=self._limiter
            )
        except OSError as error:
            log.warning("recording ends", reason=error.strerror)
            room = False
        self._queued -= cost
        self._over = self._over or not room


class _File:
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
            self._put(write_header(self._header, self._codec))
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


def _cost(item: Item) -> int:
    return _COST + (len(item.pcm) if isinstance(item, AudioFrame) else 0)

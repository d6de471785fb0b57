"""Writes sessions to files, a tap for each, without ever making one wait for the disk.

What happens is queued as it is; one task a session hands the queue to a thread every quarter of a
second, which makes lines of it and appends them. So a crash costs that much at most.
"""

from __future__ import annotations

import tempfile
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import attrs
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
)
from voicechat.recording.writing import RecordingFile, Turn

if TYPE_CHECKING:
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
WRITERS: Final = 4
"""Threads that write at once, for all sessions: a disk gains nothing from more."""
LATE_S: Final = 0.01
"""A listener that works on a frame so much later than it came is too late to be ignored."""
_WAITING: Final = 10_000
"""Frames whose arrival is remembered: a microphone's 30 s in pieces of 3 ms."""
_COST: Final = 200
"""About the bytes of a message in the queue, or of a frame without its samples."""


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
        self._writers: Final = trio.CapacityLimiter(WRITERS)
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
            attrs.evolve(hello, user_key=""),  # it is a secret
            version(),
            self._settings,
            self._packages,
        )
        stamp = header.started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{stamp}-{session_id}{SUFFIX}"
        return Recorder(
            path, header, max_bytes=self._max_bytes, codec=self._codec, writers=self._writers
        )


class Recorder:
    """Records one session; see `voicechat.session.tap.Tap`.

    Args:
        path: The file, which must not exist; a session in which nothing comes makes none.
        header: Its first line.
        max_bytes: Size at which it ends.
        codec: Encodes messages.
        writers: Limits the threads of all recorders.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        max_bytes: int,
        codec: Codec,
        writers: trio.CapacityLimiter,
    ) -> None:
        self._file: Final = RecordingFile(path, header, max_bytes, codec)
        self._limiter: Final = trio.CapacityLimiter(1)  # keeps writes in order, cancelled or not
        self._writers: Final = writers
        self._began: Final = trio.current_time()
        self._queue: list[Record] = []
        self._queued = 0  # bytes, with those that are being written
        self._arrival = trio.Event()
        self._content = False  # whether the client has said anything
        self._waiting: deque[_Waiting] = deque(maxlen=_WAITING)
        self._over = False
        self._ending = Ending.SESSION

    def received(self, item: ClientMessage | AudioFrame, /) -> None:
        """The client sent this."""
        self._content = True
        self._put(item)

    def queued(self, frame: AudioFrame, /) -> None:
        """The frame waits for the listener."""
        if not self._over:
            place = (frame.stream, frame.offset)
            self._waiting.append(_Waiting(place, frame.seq, trio.current_time()))

    def taken(self, frame: AudioFrame, /) -> None:
        """The listener begins to work on this frame; worth a line when it was busy before."""
        place = (frame.stream, frame.offset)
        while self._waiting and self._waiting[0].place <= place:  # the rest comes after it
            waiting = self._waiting.popleft()
            if (waiting.place, waiting.seq) == (place, frame.seq):
                if trio.current_time() - waiting.came > LATE_S:
                    self._put(Taken(frame.stream, frame.seq, frame.offset))
                return

    def sent(self, item: ServerMessage | AudioFrame, /) -> None:
        """The session has put this in its outbox."""
        self._put(SentSpeech.of(item) if isinstance(item, AudioFrame) else item)

    async def run(self) -> None:
        """Write what is queued until cancelled, or until the recording is over; then the rest."""
        try:
            while not self._over:
                await self._arrival.wait()
                await trio.sleep(INTERVAL_S)
                await self._write()
        finally:
            self._finish(self._ending)
            with trio.CancelScope(shield=True), trio.move_on_after(LAST_WRITE_S) as last:
                await self._write(self._ending)
            if last.cancelled_caught:
                log.warning("recording is cut short", reason="the disk is too slow")

    def _put(self, item: ClientMessage | ServerMessage | AudioFrame | SentSpeech | Taken) -> None:
        if self._over:
            return
        self._queued += _cost(item)
        if self._queued > MAX_QUEUED:
            self._finish(Ending.SLOW)
            log.warning("recording ends", reason="the disk is too slow")
            return
        self._queue.append(self._record(item))
        if self._content:
            self._arrival.set()

    def _finish(self, ending: Ending) -> None:
        """Take nothing more."""
        self._over, self._ending = True, ending
        self._waiting.clear()

    def _record(self, item: Item) -> Record:
        return Record(trio.current_time() - self._began, item)

    async def _write(self, ending: Ending | None = None) -> None:
        """Append the queue; with an ending, close the file after it. Fails never."""
        if not self._content:
            return
        records, self._queue = self._queue, []
        self._arrival = trio.Event()
        cost = sum(_cost(record.item) for record in records)
        if ending is not None:
            records.append(self._record(ending))
        # When the session is cancelled, only its last write waits for this one, and not for ever.
        append = partial(self._file.append, records, close=ending is not None)
        turn = Turn(self._limiter, self._writers)
        try:
            room = await trio.to_thread.run_sync(
                append, abandon_on_cancel=True, limiter=cast("trio.CapacityLimiter", turn)
            )
        except trio.Cancelled:
            if not turn.came:
                self._queue[:0] = records  # the last write has them
            raise
        except OSError as error:
            log.warning("recording ends", reason=error.strerror)
            room = False
        except Exception:  # no thread can be started, say: the conversation goes on
            log.exception("recording ends", reason="a fault")
            room = False
        self._queued -= cost
        if not room:
            self._finish(self._ending)


@attrs.frozen
class _Waiting:
    """A frame that waits for the listener.

    Attributes:
        place: Its stream and offset.
        seq: Its number.
        came: When it came (monotonic seconds).
    """

    place: tuple[int, int]
    seq: int
    came: float


def _cost(item: Item) -> int:
    return _COST + (len(item.pcm) if isinstance(item, AudioFrame) else 0)

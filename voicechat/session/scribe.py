"""Writes what is to be kept, in its order, many changes in one transaction; nobody waits for it.

Who asked is told when the changes are kept. When the disk fails, the conversation goes on: who
asked is told that, what could not be written is tried again, and they are told once more when it is
kept at last.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs
import structlog
import trio

from voicechat.errors import StoreFailed
from voicechat.session.store.ports import Delete, session_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from voicechat.session.store.ports import Change, Store

    OnKept = Callable[[bool], None]

log = structlog.get_logger()

_BATCH: Final = 500
"""Changes in one transaction: what a disk does in some ten milliseconds."""
_AGAIN_S: Final = 5.0
"""What could not be written is tried again so much later."""
_BACKLOG: Final = 5_000
"""Changes that wait while the disk fails; more are refused, but for deletions."""
_LAST_S: Final = 5.0
"""For what is left at the end."""


@attrs.define(eq=False)
class _Note:
    """What somebody gave.

    Attributes:
        changes: To be written.
        on_kept: Whom to tell.
        tried: Whether they know that it could not be written yet.
    """

    changes: Sequence[Change]
    on_kept: OnKept
    tried: bool = False

    def tell(self, *, kept: bool) -> None:
        """Whoever is told cannot end the scribe."""
        self.tried = True
        try:
            self.on_kept(kept)
        except Exception:
            log.exception("a session cannot take that something was kept")


class Scribe:
    """Writes for all sessions.

    Args:
        store: Where to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Note] = deque()
        self._changes = 0  # in all of them
        self._news = trio.Event()
        self._written = trio.Event()
        self._failing = False

    @property
    def failing(self) -> bool:
        """Whether the last write failed."""
        return self._failing

    def write(self, changes: Sequence[Change], on_kept: OnKept = lambda _: None) -> None:
        """Let changes be written.

        Args:
            changes: In their order, behind all that was given before.
            on_kept: Told True when they are kept. Told False when they could not be: then they are
                tried again, and True follows when that has gone well.
        """
        note = _Note(changes, on_kept)
        refusable = not any(isinstance(change, Delete) for change in changes)
        if self._failing and refusable and self._changes >= _BACKLOG:
            note.tell(kept=False)
            return
        self._waiting.append(note)
        self._changes += len(changes)
        self._news.set()

    async def keep(self, changes: Sequence[Change]) -> None:
        """Write changes and wait until that is done.

        Raises:
            StoreFailed: They could not be written yet; they are tried again.
        """
        results: list[bool] = []
        self.write(changes, results.append)
        while not results:
            await self._written.wait()
        if not results[0]:
            raise StoreFailed(
                "That could not be written to the disk.",
                suggested_action="Free some space on the server's disk, then try again.",
            )

    async def flush(self) -> None:
        """Wait until all that was given has been written, or could not be."""
        while any(not note.tried for note in self._waiting):
            await self._written.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the store and write until cancelled; then what is left."""
        async with self._store.running():
            task_status.started()
            try:
                while True:
                    with trio.move_on_after(_AGAIN_S if self._failing else math.inf):
                        await self._news.wait()
                    self._news = trio.Event()
                    await self._write_all()
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(_LAST_S) as last:
                    await self._write_all()
                if last.cancelled_caught or self._waiting:
                    log.error("conversations are not kept", changes=self._changes)

    async def _write_all(self) -> None:
        """Write until nothing waits, or the disk fails."""
        while self._waiting:
            notes: list[_Note] = []
            batch: list[Change] = []
            for note in self._waiting:
                if len(batch) >= _BATCH:
                    break
                notes.append(note)
                batch.extend(note.changes)
            lost = await self._write(batch)  # when it is cancelled, all of it still waits
            if lost is not None:
                for note in notes:
                    self._waiting.popleft()
                    self._changes -= len(note.changes)
                    note.tell(kept=lost.isdisjoint(map(session_id_of, note.changes)))
            else:
                for note in self._waiting:
                    if not note.tried:
                        note.tell(kept=False)
            written, self._written = self._written, trio.Event()
            written.set()
            if lost is None:
                return

    async def _write(self, batch: list[Change]) -> frozenset[str] | None:
        """Write; the sessions of which that cannot be kept, or None where nothing was written."""
        try:
            lost = await self._store.apply(batch)
        except Exception as error:  # a store may be another package's: it cannot end the server
            if not self._failing:
                if isinstance(error, StoreFailed):
                    log.error("conversations are not kept", reason=error.message)  # noqa: TRY400  (expected)
                else:
                    log.exception("conversations are not kept", reason="a fault of the store")
            self._failing = True
            return None
        if self._failing:
            log.info("conversations are kept again", late=len(batch))
        self._failing = False
        return frozenset(lost or ())

"""Writes what is to be kept, in its order, many changes in one transaction; nobody waits for it.

Who asked is told when the changes are kept. When the disk fails, the conversation goes on: who
asked is told that too, and what could not be written is tried again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import structlog
import trio

from voicechat.errors import StoreFailed

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
"""Changes that wait while the disk fails; of more, the oldest are lost."""
_LAST_S: Final = 5.0
"""For what is left at the end."""


class Scribe:
    """Writes for all sessions.

    Args:
        store: Where to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Sequence[Change], OnKept]] = deque()
        self._backlog: deque[Change] = deque(maxlen=_BACKLOG)
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
            on_kept: Told True when they are kept, or False when they could not be, yet.
        """
        self._waiting.append((changes, on_kept))
        self._news.set()

    async def flush(self) -> None:
        """Wait until all that was given has been written, or could not be."""
        while self._waiting:
            await self._written.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the store and write until cancelled; then what is left."""
        async with self._store.running():
            task_status.started()
            try:
                while True:
                    patience = _AGAIN_S if self._backlog else float("inf")
                    with trio.move_on_after(patience):
                        await self._news.wait()
                    self._news = trio.Event()
                    await self._write_all()
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(_LAST_S) as last:
                    await self._write_all()
                if last.cancelled_caught:
                    log.error("conversations are not kept", reason="the disk is too slow")

    async def _write_all(self) -> None:
        while self._waiting or self._backlog:
            batch, given = list(self._backlog), 0
            for changes, _ in self._waiting:
                if len(batch) >= _BATCH + len(self._backlog):
                    break
                batch.extend(changes)
                given += 1
            kept = await self._write(batch)  # when it is cancelled, all of it still waits
            for _ in range(given):
                _, on_kept = self._waiting.popleft()
                on_kept(kept)
            written, self._written = self._written, trio.Event()
            written.set()
            if not kept and not self._waiting:
                return

    async def _write(self, batch: list[Change]) -> bool:
        try:
            await self._store.apply(batch)
        except StoreFailed as error:
            if not self._failing:
                log.error("conversations are not kept", reason=error.message)  # noqa: TRY400  (expected)
            self._failing = True
            self._backlog.clear()
            self._backlog.extend(batch)
            return False
        if self._failing:
            log.info("conversations are kept again", late=len(self._backlog))
        self._failing = False
        self._backlog.clear()
        return True

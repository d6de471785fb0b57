"""Empties the log of the file after deletions, and never waits for that.

What was deleted is overwritten in the file, but the log beside it still has it as it was written.
Nobody may wait for another program that reads the file: all that is to be kept would wait behind.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

import structlog

from voicechat.session.store import failures

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()

AGAIN_S: Final = 3.0
"""Each try writes to the disk what is new in the log, so there are not more of them than that."""


class LogEmptying:
    """Of one file; not for two threads at once.

    Args:
        db: The connection that writes.
        now: A monotonic clock in s.

    Attributes:
        due: Whether deleted words may be in the log.
        hindered: The last try failed because the file is read, perhaps by this program itself: when
            that ends, `after_reading` tries once more.
    """

    def __init__(self, db: sqlite3.Connection, now: Callable[[], float] = time.monotonic) -> None:
        self.due = False
        self.hindered = False
        self._db = db
        self._now = now
        self._next = 0.0

    def after(self, *, erased: bool) -> None:
        """Changes were made, in which words were deleted or not."""
        if erased or (self.due and self._now() >= self._next):
            self._empty()
            self.hindered = self.due

    def after_reading(self) -> None:
        """This program has read."""
        if self.hindered:
            self._empty()
            self.hindered = False

    def _empty(self) -> None:
        """Move the log into the file and empty it, unless another program or thread reads it."""
        self.due = True
        self._next = self._now() + AGAIN_S
        (patience,) = self._db.execute("PRAGMA busy_timeout").fetchone()
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:  # the changes are kept; only this is left to do
            log.error("deleted words are still in the log", **failures.told(error))  # noqa: TRY400  (its text can hold paths)
            return
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {int(patience)}")
        if busy:
            log.info("deleted words are still in the log: the file is being read")
        self.due = bool(busy)

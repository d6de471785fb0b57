"""Makes changes of the file whole or not at all: a batch of them, or one session's part of it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is done in the block, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some errors have done it already
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def part(db: sqlite3.Connection) -> Iterator[None]:
    """The same within a transaction, which can go on without what the block has done."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some errors have ended the whole transaction
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        raise
    db.execute("RELEASE part")

"""What the tests of the file share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from voicechat.protocol.messages.session import SessionState
from voicechat.session.store.ports import Update
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

ENDED = Update(session_id="s1", state=SessionState.TERMINATED)


def opened(folder: Path) -> SqliteStore:
    return SqliteStore(folder, power_safe=False)


def query(folder: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "sessions.db", isolation_level=None)) as db:
        return [row for statement in statements for row in db.execute(statement).fetchall()]

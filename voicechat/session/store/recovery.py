"""Ends what the last server has left open, when the file is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from voicechat.session.store import changing, failures, rules
from voicechat.session.store.ports import Put
from voicechat.session.store.rows import MESSAGES, SESSIONS, message_of, session_of
from voicechat.session.store.schema import ALIVE
from voicechat.session.store.transactions import part

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

log = structlog.get_logger()

_LEFT_OPEN: Final = (
    f"{SESSIONS} WHERE s.{ALIVE}"  # noqa: S608  (constants)
    " OR s.id IN (SELECT session FROM message WHERE status = 'open')"
)
_EMPTY: Final = (
    "SELECT id FROM session WHERE NOT EXISTS"
    " (SELECT 1 FROM message WHERE message.session = session.id)"
)


def recover(db: sqlite3.Connection) -> None:
    """Bring each session to an end, see `Store.running`; a damaged one stays as it is."""
    for (number,) in db.execute(_EMPTY).fetchall():
        changing.delete(db, number)
    for row in db.execute(_LEFT_OPEN).fetchall():
        try:
            with part(db):
                _end(db, row)
        except Exception as error:
            if failures.is_of_file(error) or not failures.is_of_row(error):
                raise
            told = failures.told(error)
            log.error("a session is damaged and left as it is", row=row[-2], **told)  # noqa: TRY400  (no words)


def _end(db: sqlite3.Connection, row: Sequence[Any]) -> None:
    record, number = session_of(row), row[-2]
    said = db.execute(f"{MESSAGES} WHERE m.session = ?", (number,)).fetchall()
    for message in rules.lost_answers(record, map(message_of, said)):
        changing.change(db, Put(record.session_id, message))
    if now := changing.find(db, record.session_id):
        changing.rewrite(db, now, rules.after_crash(now.record))

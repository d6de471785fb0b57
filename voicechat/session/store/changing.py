"""Writes changes into the tables; the caller has begun a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.session.store import rules, text_search
from voicechat.session.store.ports import Begin, Delete, Forget, Put, Update
from voicechat.session.store.rows import (
    COLUMNS,
    MESSAGES,
    SESSIONS,
    message_of,
    moment,
    session_of,
    session_row,
)
from voicechat.session.store.schema import SAID

if TYPE_CHECKING:
    import sqlite3

    from voicechat.session.store.ports import Change, MessageRecord, SessionRecord

_INSERT: Final = (
    f"INSERT INTO session ({', '.join(COLUMNS)})"  # noqa: S608  (names of columns)
    f" VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"
)
_UPDATE: Final = f"UPDATE session SET {', '.join(f'{each} = ?' for each in COLUMNS)} WHERE id = ?"  # noqa: S608
_ERASE: Final = """
    UPDATE words SET text = zeroblob(length(CAST(text AS BLOB))),
                     heard = zeroblob(length(CAST(heard AS BLOB))),
                     folded = zeroblob(length(CAST(folded AS BLOB)))
"""
"""As long as before: so the row stays where it is, see `schema`."""
_NUMBER: Final = "SELECT id FROM session WHERE session_id = ?"
_PUT: Final = "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IN_TURN: Final = f"{MESSAGES} WHERE m.session = ? AND m.turn = ?"


@attrs.frozen
class _Row:
    """A session with the numbers of its row and of its title's words."""

    record: SessionRecord
    number: int
    title: int | None


def find(db: sqlite3.Connection, session_id: str) -> _Row | None:
    """The row of a session, if there is one."""
    row = db.execute(f"{SESSIONS} WHERE s.session_id = ?", (rules.clean(session_id),)).fetchone()
    return row and _Row(session_of(row), row[-2], row[-1])


def change(db: sqlite3.Connection, wanted: Change) -> bool:
    """Make one change; whether words of a deleted session may be in the log."""
    if isinstance(wanted, Begin):
        session = rules.fitting(wanted.session)
        if db.execute(_INSERT, session_row(session)).rowcount:
            _begin(db, session)
        return False
    if isinstance(wanted, Delete):  # also of a session whose row is damaged
        found = db.execute(_NUMBER, (rules.clean(wanted.session_id),)).fetchone()
        return found is not None and delete(db, *found)
    row = find(db, wanted.session_id)
    if row is None:
        return False
    if isinstance(wanted, Put):
        _put(db, row, wanted)
    elif isinstance(wanted, Update):
        rewrite(db, row, rules.updated(row.record, wanted))
    elif isinstance(wanted, Forget):
        _forget(db, row, wanted.turn)
    return False


def rewrite(db: sqlite3.Connection, row: _Row, record: SessionRecord) -> None:
    """Make a session's row hold `record`."""
    if record != row.record:
        db.execute(_UPDATE, (*session_row(record), row.number))
    if record.title != row.record.title:
        _erase(db, row.title)
        title = _new_words(db, row.number, record.title) if record.title else None
        db.execute("UPDATE session SET title = ? WHERE id = ?", (title, row.number))


def _begin(db: sqlite3.Connection, session: SessionRecord) -> None:
    begun = find(db, session.session_id)
    if begun and session.title:
        title = rules.clean(session.title)
        rewrite(db, begun, attrs.evolve(begun.record, title=title))


def _new_words(db: sqlite3.Connection, session: int, text: str, heard: str = "") -> int:
    values = (session, text, heard, text_search.fold(text))
    added = db.execute(
        "INSERT INTO words (session, text, heard, folded) VALUES (?, ?, ?, ?)", values
    )
    return added.lastrowid or 0


def _erase(db: sqlite3.Connection, number: int | None) -> None:
    if number is not None:
        db.execute(f"{_ERASE} WHERE id = ?", (number,))


def _put(db: sqlite3.Connection, row: _Row, put: Put) -> None:
    message = rules.cleaned(put.message)
    rows = db.execute(
        f"{_IN_TURN} AND m.speaker = ?", (row.number, message.turn, message.speaker)
    ).fetchall()
    count, heard = _heard(message)
    words = None
    for old in rows:
        if (old[2], old[4]) == (message.text, heard):
            words = old[-1]
        else:
            _erase(db, old[-1])
    if words is None:
        words = _new_words(db, row.number, message.text, heard)
    values = (words, count, message.origin, message.status, moment(message.at), message.client_seq)
    db.execute(_PUT, (row.number, message.turn, message.speaker, *values))
    kept = attrs.evolve(put, message=message)
    rewrite(db, row, rules.with_message(row.record, kept, new=not rows))


def _heard(message: MessageRecord) -> tuple[int | None, str]:
    """What was heard as a count of characters, or else as a text."""
    if message.text.startswith(message.heard):
        return len(message.heard), ""
    return None, message.heard


def _forget(db: sqlite3.Connection, row: _Row, turn: int) -> None:
    rows = db.execute(_IN_TURN, (row.number, turn)).fetchall()
    for old in rows:
        _erase(db, old[-1])
    db.execute("DELETE FROM message WHERE session = ? AND turn = ?", (row.number, turn))
    gone = [message_of(old) for old in rows]
    rewrite(db, row, rules.without_messages(row.record, gone))


def delete(db: sqlite3.Connection, number: int) -> bool:
    """Delete the session of a row; whether it ever had words, which may be in the log then."""
    had = db.execute("SELECT 1 FROM words WHERE session = ? LIMIT 1", (number,)).fetchone()
    db.execute(f"{_ERASE} WHERE session = ? AND {SAID}", (number,))
    db.execute("DELETE FROM message WHERE session = ?", (number,))
    db.execute("DELETE FROM session WHERE id = ?", (number,))
    return had is not None

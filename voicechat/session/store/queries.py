"""Reads the file for `SqliteStore`; each function is one short job of a worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import structlog

from voicechat.protocol.messages.session import Speaker
from voicechat.session.store import rows, rules, schema, text_search
from voicechat.session.store.ports import Found

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from voicechat.session.store.ports import MessageRecord, SessionRecord

log = structlog.get_logger()

T = TypeVar("T")

NEWEST: Final = "ORDER BY s.last_active_at DESC, s.session_id DESC LIMIT ?"
_MESSAGES: Final = (
    f"{rows.MESSAGES} WHERE m.session = (SELECT id FROM session WHERE session_id = ?1)"  # noqa: S608
    " AND m.turn <= ?2 AND (m.turn < ?2 OR m.speaker > ?3)"
    " ORDER BY m.turn DESC, m.speaker ASC LIMIT ?4"
)
_HAS: Final = (
    "EXISTS (SELECT 1 FROM words"  # noqa: S608
    f" WHERE session = s.id AND {schema.SAID} AND instr(folded, ?)) "
)


class Place(NamedTuple):
    """Messages that are older than this one are read, from the newest to the oldest."""

    turn: int
    speaker: str


NOW: Final = Place(rules.LARGEST, Speaker.USER)


def before(turn: int) -> Place:
    """The place of the first words of a turn."""
    return Place(max(-rules.LARGEST, min(turn, rules.LARGEST)), Speaker.USER)


def fetch(db: sqlite3.Connection, query: str, values: Sequence[object]) -> list[rows.Row]:
    """All rows of a query."""
    return db.execute(query, values).fetchall()


def session(db: sqlite3.Connection, session_id: str) -> SessionRecord | None:
    """A session.

    Raises:
        DamagedRow: It is there, and cannot be read.
    """
    row = db.execute(f"{rows.SESSIONS} WHERE s.session_id = ?", (session_id,)).fetchone()
    return row and rows.session_of(row)


def sessions(
    db: sqlite3.Connection, condition: str, values: Sequence[object]
) -> tuple[SessionRecord, ...]:
    """Sessions without those that are damaged."""
    found = db.execute(f"{rows.SESSIONS} {condition}", values).fetchall()
    return tuple(record for _, record in _whole(found, rows.session_of))


def messages(
    db: sqlite3.Connection, session_id: str, older_than: Place, limit: int
) -> tuple[list[MessageRecord], Place | None]:
    """The newest messages of a session, the newest first, and where to go on if there are more."""
    found = db.execute(_MESSAGES, (session_id, *older_than, limit)).fetchall()
    place = Place(*found[-1][:2]) if found and len(found) == limit else None
    return [message for _, message in _whole(found, rows.message_of)], place


def search(
    db: sqlite3.Connection, user_id: str, wanted: Sequence[str], limit: int
) -> tuple[Found, ...]:
    """What `Store.search` finds for `text_search.terms`."""
    # The term that is probably rarest first: all words of a session are read for it, and for the
    # others only where it is.
    terms = sorted(wanted, key=len, reverse=True)
    titled = " AND ".join(["instr(coalesce(t.folded, ''), ?)"] * len(wanted))
    query = (
        f"{rows.SESSIONS} WHERE s.user_id = ? AND {' AND '.join([_HAS] * len(terms))}"
        f" ORDER BY ({titled}) DESC, {NEWEST.removeprefix('ORDER BY ')}"
    )
    found = db.execute(query, (user_id, *terms, *wanted, limit)).fetchall()
    any_term = " OR ".join(["instr(w.folded, ?)"] * len(wanted))
    texts = (
        "SELECT w.text FROM message m JOIN words w ON w.id = m.words"  # noqa: S608
        f" WHERE m.session = ? AND ({any_term}) ORDER BY m.turn DESC, m.speaker ASC LIMIT 200"
    )
    results = []
    for row, record in _whole(found, rows.session_of):
        said = (text for (text,) in db.execute(texts, (row[-2], *wanted)).fetchall())
        results.append(Found(record, text_search.snippet(record.title, said, tuple(wanted))))
    return tuple(results)


def _whole(
    found: Sequence[rows.Row], read: Callable[[rows.Row], T]
) -> Iterator[tuple[rows.Row, T]]:
    for row in found:
        try:
            yield row, read(row)
        except rows.DamagedRow:
            log.warning("a damaged row of the conversations is left out", row=row[-1])

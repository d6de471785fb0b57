"""Rows of the file as records, and records as rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import MessageRecord, SessionRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[Any, ...]


class DamagedRow(ValueError):
    """The file holds something that this program has never written."""


COLUMNS: Final = (
    "session_id",
    "user_id",
    "secret_hash",
    "status",
    "created_at",
    "last_active_at",
    "subprocess_pid",
    "message_count",
    "total_cost_usd",
    "is_resumable",
    "terminated_reason",
    "client_seq",
    "stream",
    "samples",
    "last_turn",
)
"""Of a session, in the order of `session_row`; its title comes after them."""

SESSIONS: Final = f"""
    SELECT {", ".join(f"s.{column}" for column in COLUMNS)}, coalesce(t.text, ''), s.id, s.title
    FROM session s LEFT JOIN words t ON t.id = s.title
"""  # noqa: S608  (names of columns)
"""Selects what `session_of` reads, then the row's number and that of its title."""

MESSAGES: Final = """
    SELECT m.turn, m.speaker, w.text, m.heard, w.heard, m.origin, m.status, m.at, m.client_seq,
           m.words
    FROM message m JOIN words w ON w.id = m.words
"""
"""Selects what `message_of` reads, then the number of its words."""


_INT_OR_NONE: Final = (int, type(None))
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "session_id": (str,),
    "user_id": (str,),
    "secret_hash": (bytes,),
    "title": (str,),
    "subprocess_pid": _INT_OR_NONE,
    "message_count": (int,),
    "total_cost_usd": (float, int),
    "client_seq": (int,),
    "stream": _INT_OR_NONE,
    "samples": (int,),
    "last_turn": (int,),
}
"""SQLite keeps any kind in any column."""


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, always as long, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def session_of(row: Sequence[Any]) -> SessionRecord:
    """The session of a row of `SESSIONS`.

    Raises:
        DamagedRow: It is none.
    """
    named = dict(zip((*COLUMNS, "title"), row, strict=False))
    reason = named["terminated_reason"]
    try:
        if any(type(named[name]) not in kinds for name, kinds in _KINDS.items()):
            raise DamagedRow
        read = {
            "state": SessionState(named.pop("status")),
            "created_at": datetime.fromisoformat(named["created_at"]),
            "last_active_at": datetime.fromisoformat(named["last_active_at"]),
            "is_resumable": bool(named["is_resumable"]),
            "terminated_reason": None if reason is None else EndReason(reason),
        }
    except (ValueError, TypeError):
        raise DamagedRow from None
    return SessionRecord(**named | read)


def session_row(record: SessionRecord) -> Row:
    """The values of `COLUMNS`."""
    return (
        record.session_id,
        record.user_id,
        record.secret_hash,
        record.state,
        moment(record.created_at),
        moment(record.last_active_at),
        record.subprocess_pid,
        record.message_count,
        record.total_cost_usd,
        record.is_resumable,
        record.terminated_reason,
        record.client_seq,
        record.stream,
        record.samples,
        record.last_turn,
    )


def message_of(row: Sequence[Any]) -> MessageRecord:
    """The message of a row of `MESSAGES`.

    Raises:
        DamagedRow: It is none.
    """
    turn, speaker, text, count, heard, origin, status, at, client_seq = row[:9]
    try:
        texts = type(text) is type(heard) is str
        if not texts or type(turn) is not int or type(client_seq) not in _INT_OR_NONE:
            raise DamagedRow
        return MessageRecord(
            turn=turn,
            speaker=Speaker(speaker),
            text=text,
            heard=heard if count is None else text[:count],
            origin=Origin(origin),
            status=EntryStatus(status),
            at=datetime.fromisoformat(at),
            client_seq=client_seq,
        )
    except (ValueError, TypeError):
        raise DamagedRow from None

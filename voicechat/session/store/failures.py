"""What SQLite's errors mean to people, without its own words, which can hold paths and queries."""

from __future__ import annotations

import sqlite3
from typing import Final

from voicechat.errors import StoreFailed, UsageError
from voicechat.session.store.rows import DamagedRow

_DAMAGE: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,  # no such table or column
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
    }
)
_READ_ONLY: Final = (
    "the file or its folder may not be written",
    "Check who owns server.data_dir and whether its disk is mounted read-only.",
)
_REASONS: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space on the disk of server.data_dir."),
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
    sqlite3.SQLITE_BUSY: (
        "another program holds the file",
        "End the program that has sessions.db open.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk is full or does not work",
        "Check the disk of server.data_dir and its free space.",
    ),
}
_DAMAGED: Final = (
    "the file is damaged",
    "Restart the server: it moves the file aside and begins a new one.",
)


def name_of(error: BaseException) -> str:
    """What may be logged of it: SQLite's name of the error, or else the type."""
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    return name


def is_damage(error: BaseException) -> bool:
    """Whether a file that was read or changed is not what this program has written."""
    if isinstance(error, DamagedRow):
        return True
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def _reason(error: BaseException) -> tuple[str, str]:
    if is_damage(error):
        return _DAMAGED
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return _REASONS.get(code, _REASONS[sqlite3.SQLITE_IOERR])


def while_running(error: BaseException) -> StoreFailed:
    """The error for whoever talks to the server."""
    what, todo = _reason(error)
    return StoreFailed(f"Conversations cannot be kept or read: {what}.", suggested_action=todo)


def at_start(error: BaseException) -> UsageError:
    """The error for whoever starts the server."""
    what, todo = _reason(error)
    memory = "Or keep nothing, with --set sessions.store=memory."
    return UsageError(f"Conversations cannot be kept: {what}.", suggested_action=f"{todo} {memory}")

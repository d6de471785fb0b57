"""What SQLite's errors mean to people, without its own words, which can hold paths and queries."""

from __future__ import annotations

import sqlite3
import traceback
from pathlib import Path
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
_DAMAGED_ROW: Final = (
    "what the file has of this conversation is damaged",
    "Begin a new one; a backup of sessions.db may still have it.",
)
_FAULT: Final = (
    "the server made a mistake",
    "Try again; its log tells where the mistake is, for a report to its makers.",
)
_OF_FILE: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
    }
)
_FRAMES: Final = 6


def name_of(error: BaseException) -> str:
    """What may be logged of it: SQLite's name of the error, or else the type."""
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    return name


def told(error: BaseException) -> dict[str, object]:
    """What may be logged of it with where it happened: no text of it, which can hold words."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]
    return {"error": name_of(error), "where": where}


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a file that was read or changed is not what this program has written."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def is_of_row(error: Exception) -> bool:
    """Whether other rows may still be written, which a full disk does not let."""
    if isinstance(error, sqlite3.Error):
        return is_damage(error)
    return not isinstance(error, MemoryError)


def is_of_file(error: Exception) -> bool:
    """Whether it is damage of which more than one row may have a part."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _OF_FILE


def _reason(error: BaseException) -> tuple[str, str]:
    if isinstance(error, DamagedRow):
        return _DAMAGED_ROW
    if not isinstance(error, sqlite3.Error):
        return _FAULT
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

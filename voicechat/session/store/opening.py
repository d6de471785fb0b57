"""Opens the file that keeps sessions: checked, brought to this version, and alone.

A file that cannot be used is moved aside, never deleted, and a new one begun. All of this blocks.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs
import structlog

from voicechat.errors import UsageError
from voicechat.session.store import failures, recovery, rows, schema
from voicechat.session.store.locking import FolderLock
from voicechat.session.store.transactions import transaction

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

NAME: Final = "sessions.db"
_PARTS: Final = ("", "-wal", "-shm")
_BUSY_S: Final = 5.0
"""How long a statement waits for another program that has the file."""
_MANY: Final = 1000
"""Fewer zeroed rows are not worth writing the whole file anew."""
_PROBES: Final = (f"{rows.SESSIONS} LIMIT 0", f"{rows.MESSAGES} LIMIT 0", "SELECT * FROM upkeep")


@attrs.define
class Files:
    """What is open while the store runs.

    Attributes:
        writer: The only connection that changes something.
        reader: For everything that is found at once.
        searcher: For what reads all words, so that nothing waits for it.
        lock: Of the folder.
        moved_aside: Name of the file that could not be used, if there was one.
    """

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    searcher: sqlite3.Connection
    lock: FolderLock
    moved_aside: str | None

    def close(self) -> None:
        """Close all; the folder is free then."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.lock.release)
            stack.callback(self.writer.close)
            stack.callback(self.reader.close)
            stack.callback(self.searcher.close)


def connect(path: Path, *, write: bool, power_safe: bool = False) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; without transactions of its own."""
    uri = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
    db = sqlite3.connect(
        uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        db.execute("PRAGMA temp_store = MEMORY")
        if write:
            db.execute("PRAGMA auto_vacuum = NONE")  # it would move pages, see `schema`
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {'FULL' if power_safe else 'NORMAL'}")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
        else:
            db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def open_files(folder: Path, *, power_safe: bool) -> Files:
    """Open everything.

    Raises:
        UsageError: Another server uses the folder, or it may not be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FolderLock(folder)
            stack.callback(lock.release)
            writer, moved = _usable(folder / NAME, power_safe=power_safe)
            stack.callback(writer.close)
            reader = stack.enter_context(contextlib.closing(connect(folder / NAME, write=False)))
            searcher = connect(folder / NAME, write=False)
        except OSError as error:
            raise UsageError(
                f"The folder for conversations cannot be used: {error.strerror}.",
                suggested_action="Give another --data-dir, or keep nothing, with"
                " --set sessions.store=memory.",
            ) from None
        except sqlite3.Error as error:
            raise failures.at_start(error) from None
        stack.pop_all()
        return Files(writer, reader, searcher, lock, moved)


def _usable(path: Path, *, power_safe: bool) -> tuple[sqlite3.Connection, str | None]:
    """A connection for writing, and the name of the file that had to be moved aside for it."""
    fault = _fault(path)
    if fault is None:
        try:
            return _prepared(path, power_safe=power_safe), None
        except sqlite3.Error as error:
            if not failures.is_damage(error):
                raise
            fault = "damaged"
    moved = _move_aside(path, fault)
    return _prepared(path, power_safe=power_safe), moved


def _fault(path: Path) -> str | None:
    """Why a file cannot be used, if it is there; it is not changed."""
    if not path.exists():
        return None
    if path.stat().st_size == 0:
        # SQLite would take it for new, and throw away what the log beside it still has.
        log_file = path.with_name(f"{path.name}-wal")
        return "damaged" if log_file.exists() and log_file.stat().st_size else None
    try:
        with contextlib.closing(connect(path, write=False)) as db:
            if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return "damaged"
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (program,) = db.execute("PRAGMA application_id").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if failures.is_damage(error):
            return "damaged"
        raise
    if program != schema.APPLICATION_ID and (tables or version):
        return "damaged"
    return "newer" if version > len(schema.MIGRATIONS) else None


def _move_aside(path: Path, fault: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    wanted = name = f"{path.name}.{fault}-{stamp}"
    number = 1
    while path.with_name(name).exists():
        number += 1
        name = f"{wanted}-{number}"
    for part in _PARTS:
        old = path.with_name(path.name + part)
        if old.exists():
            old.rename(path.with_name(name + part))
    log.error("conversations could not be used and were moved aside", fault=fault, file=name)
    return name


def _prepared(path: Path, *, power_safe: bool) -> sqlite3.Connection:
    """The file with this version's tables, and without what a crash has left open."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    db = connect(path, write=True, power_safe=power_safe)
    try:
        migrate(db)
        for probe in _PROBES:
            db.execute(probe).fetchall()
        with transaction(db):
            recovery.recover(db)
        _compact(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this program's version, each step whole or not at all."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(schema.MIGRATIONS[version:], version + 1):
        with transaction(db):
            for statement in script:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")


def _compact(db: sqlite3.Connection) -> None:
    """Write the file anew when much of it is zeros; without room for that it stays as it is."""
    (total,) = db.execute("SELECT count(*) FROM words").fetchone()
    (said,) = db.execute("SELECT count(*) FROM message").fetchone()
    (titles,) = db.execute("SELECT count(title) FROM session").fetchone()
    (due,) = db.execute("SELECT vacuum_due FROM upkeep").fetchone()
    if total - said - titles < max(_MANY, total // 4) and not due:
        return
    try:
        db.execute("PRAGMA foreign_keys = OFF")  # it would look for each row in all messages
        with transaction(db):
            db.execute("UPDATE upkeep SET vacuum_due = 1")
            db.execute("DELETE FROM words WHERE typeof(text) = 'blob'")
        db.execute("VACUUM")
        db.execute("UPDATE upkeep SET vacuum_due = 0")
    except sqlite3.OperationalError as error:
        log.warning("conversations could not be compacted", error=failures.name_of(error))
    finally:
        db.execute("PRAGMA foreign_keys = ON")

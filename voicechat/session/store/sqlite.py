"""Keeps sessions in a file, so that they are there after a crash, a power cut or an update."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
import trio

from voicechat.session.store import changing, failures, opening, rows, rules, schema, text_search
from voicechat.session.store.ports import Delete, Found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from voicechat.session.store.ports import Change, MessageRecord, SessionRecord

log = structlog.get_logger()

T = TypeVar("T")

_NEWEST: Final = "ORDER BY s.last_active_at DESC, s.session_id DESC LIMIT ?"
_MESSAGES: Final = (
    f"{rows.MESSAGES} WHERE m.session = (SELECT id FROM session WHERE session_id = ?)"  # noqa: S608
    " ORDER BY m.turn DESC, m.speaker ASC LIMIT ?"
)


class SqliteStore:
    """A `Store` in ``sessions.db`` of a folder.

    Each call is one short job of a worker thread; once it has begun it is finished, even if the
    caller is cancelled meanwhile.

    Args:
        folder: Made if it is not there, for its owner only.
        power_safe: Wait for the disk at each change; else a power cut (no crash of the program)
            can lose the last ones.

    Attributes:
        moved_aside: Name of a file that was found damaged or newer than this program, and that
            lies beside the new one now; None if all was well.
    """

    def __init__(self, folder: Path, *, power_safe: bool) -> None:
        self.moved_aside: str | None = None
        self._folder = folder
        self._power_safe = power_safe
        self._files: opening.Files | None = None
        self._writing = trio.CapacityLimiter(1)
        self._reading = trio.CapacityLimiter(1)
        self._searching = trio.CapacityLimiter(1)
        self._truncate_due = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Store.running`."""
        begin = functools.partial(opening.open_files, self._folder, power_safe=self._power_safe)
        self._files = files = await trio.to_thread.run_sync(begin, limiter=self._writing)
        self.moved_aside = files.moved_aside
        try:
            yield
        finally:
            self._files = None
            with trio.CancelScope(shield=True):
                async with self._reading, self._searching:
                    await trio.to_thread.run_sync(files.close, limiter=self._writing)

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `Store.apply`."""
        changes = tuple(changes)
        if not changes:
            await trio.lowlevel.checkpoint()
            return
        await self._call(self._apply, self._open.writer, changes, limiter=self._writing)

    async def get(self, session_id: str) -> SessionRecord | None:
        """See `Store.get`."""
        found = await self._sessions("WHERE s.session_id = ?", rules.clean(session_id))
        return found[0] if found else None

    async def of_user(self, user_id: str, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.of_user`."""
        return await self._sessions(f"WHERE s.user_id = ? {_NEWEST}", user_id, limit)

    async def active(self, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.active`."""
        return await self._sessions(f"WHERE s.{schema.ALIVE} {_NEWEST}", limit)

    async def count(self, user_id: str | None = None) -> int:
        """See `Store.count`."""
        if user_id is None:
            ((number,),) = await self._rows("SELECT count(*) FROM session")
        else:
            ((number,),) = await self._rows(
                "SELECT count(*) FROM session WHERE user_id = ?", user_id
            )
        return int(number)

    async def messages(self, session_id: str, *, limit: int) -> tuple[MessageRecord, ...]:
        """See `Store.messages`."""
        found = await self._call(_messages, self._open.reader, rules.clean(session_id), limit)
        return tuple(found)

    async def search(self, user_id: str, words: str, *, limit: int) -> tuple[Found, ...]:
        """See `Store.search`: where the title has all words first, then the newest."""
        wanted = text_search.terms(words)
        if not wanted:
            await trio.lowlevel.checkpoint()
            return ()
        return await self._call(
            _search, self._open.searcher, user_id, wanted, limit, limiter=self._searching
        )

    async def older_than(self, moment: datetime) -> tuple[str, ...]:
        """See `Store.older_than`; the oldest first."""
        found = await self._rows(
            f"SELECT session_id FROM session WHERE {schema.ENDED} AND last_active_at < ?"  # noqa: S608
            " ORDER BY last_active_at, session_id",
            rows.moment(moment),
        )
        return tuple(session_id for (session_id,) in found)

    # -- the way to the threads ------------------------------------------------------------------

    @property
    def _open(self) -> opening.Files:
        if self._files is None:
            raise RuntimeError("the store is not running")
        return self._files

    async def _call(
        self, job: Callable[..., T], *arguments: Any, limiter: trio.CapacityLimiter | None = None
    ) -> T:
        try:
            return await trio.to_thread.run_sync(job, *arguments, limiter=limiter or self._reading)
        except (sqlite3.Error, rows.DamagedRow) as error:
            told = failures.name_of(error)
            log.error("the store of conversations failed", error=told)  # noqa: TRY400  (the text of SQLite's own can hold words)
            raise failures.while_running(error) from None

    async def _rows(self, query: str, *values: object) -> list[rows.Row]:
        return await self._call(_fetch, self._open.reader, query, values)

    async def _sessions(self, condition: str, *values: object) -> tuple[SessionRecord, ...]:
        return await self._call(_sessions, self._open.reader, condition, values)

    def _apply(self, db: sqlite3.Connection, changes: Sequence[Change]) -> None:
        with opening.transaction(db):
            for each in changes:
                changing.change(db, each)
                self._truncate_due |= isinstance(each, Delete)
        if self._truncate_due:
            self._truncate(db)

    def _truncate(self, db: sqlite3.Connection) -> None:
        """Move the log into the file and empty it: it has deleted words as they were written."""
        try:
            (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:  # the changes are kept; only this is left to do
            told = failures.name_of(error)
            log.error("deleted words are still in the log", error=told)  # noqa: TRY400  (as above)
            return
        if busy:
            log.warning("deleted words are still in the log: another program reads the file")
        self._truncate_due = bool(busy)


def _fetch(db: sqlite3.Connection, query: str, values: Sequence[object]) -> list[rows.Row]:
    return db.execute(query, values).fetchall()


def _sessions(
    db: sqlite3.Connection, condition: str, values: Sequence[object]
) -> tuple[SessionRecord, ...]:
    found = db.execute(f"{rows.SESSIONS} {condition}", values).fetchall()
    return tuple(map(rows.session_of, found))


def _messages(db: sqlite3.Connection, session_id: str, limit: int) -> list[MessageRecord]:
    found = db.execute(_MESSAGES, (session_id, limit)).fetchall()
    return [rows.message_of(row) for row in reversed(found)]


def _search(
    db: sqlite3.Connection, user_id: str, wanted: Sequence[str], limit: int
) -> tuple[Found, ...]:
    # All words of the file are read for the term that is probably rarest; then only those of the
    # sessions that have it.
    rarest, *others = sorted(wanted, key=len, reverse=True)
    also = "AND EXISTS (SELECT 1 FROM words WHERE session = s.id AND instr(folded, ?)) "
    titled = " AND ".join(["instr(coalesce(t.folded, ''), ?)"] * len(wanted))
    query = (
        f"{rows.SESSIONS} WHERE s.user_id = ?"  # noqa: S608  (constants; values are bound)
        " AND s.id IN (SELECT session FROM words WHERE instr(folded, ?))"
        f" {also * len(others)} ORDER BY ({titled}) DESC,"
        f" {_NEWEST.removeprefix('ORDER BY ')}"
    )
    found = db.execute(query, (user_id, rarest, *others, *wanted, limit)).fetchall()
    any_term = " OR ".join(["instr(w.folded, ?)"] * len(wanted))
    texts = (
        "SELECT w.text FROM message m JOIN words w ON w.id = m.words"  # noqa: S608
        f" WHERE m.session = ? AND ({any_term}) ORDER BY m.turn DESC, m.speaker ASC LIMIT 200"
    )
    results = []
    for row in found:
        said = (text for (text,) in db.execute(texts, (row[-2], *wanted)).fetchall())
        record = rows.session_of(row)
        results.append(Found(record, text_search.snippet(record.title, said, tuple(wanted))))
    return tuple(results)

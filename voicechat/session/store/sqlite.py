"""Keeps sessions in a file, so that they are there after a crash, a power cut or an update."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
import trio

from voicechat.session.store import (
    batches,
    failures,
    opening,
    queries,
    rows,
    rules,
    schema,
    text_search,
)
from voicechat.session.store.emptying import LogEmptying

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from voicechat.session.store.ports import Change, Found, MessageRecord, SessionRecord

log = structlog.get_logger()

T = TypeVar("T")

_PAGE: Final = 500
"""Messages that are read at once: in some milliseconds, for which other readers wait."""


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
        self._emptying: LogEmptying | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Store.running`."""
        begin = functools.partial(opening.open_files, self._folder, power_safe=self._power_safe)
        self._files = files = await trio.to_thread.run_sync(begin, limiter=self._writing)
        self.moved_aside = files.moved_aside
        self._emptying = LogEmptying(files.writer)
        try:
            yield
        finally:
            self._files = None
            with trio.CancelScope(shield=True):
                async with self._reading, self._searching:
                    await trio.to_thread.run_sync(files.close, limiter=self._writing)

    async def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `Store.apply`."""
        changes = tuple(changes)
        if not changes:
            await trio.lowlevel.checkpoint()
            return frozenset()
        writer = self._open.writer
        return await self._call(self._make, writer, changes, limiter=self._writing)

    async def get(self, session_id: str) -> SessionRecord | None:
        """See `Store.get`."""
        return await self._read(queries.session, rules.clean(session_id))

    async def of_user(self, user_id: str, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.of_user`."""
        return await self._sessions(f"WHERE s.user_id = ? {queries.NEWEST}", user_id, limit)

    async def active(self, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.active`."""
        return await self._sessions(f"WHERE s.{schema.ALIVE} {queries.NEWEST}", limit)

    async def count(self, user_id: str | None = None) -> int:
        """See `Store.count`."""
        if user_id is None:
            ((number,),) = await self._rows("SELECT count(*) FROM session")
        else:
            ((number,),) = await self._rows(
                "SELECT count(*) FROM session WHERE user_id = ?", user_id
            )
        return int(number)

    async def messages(
        self, session_id: str, *, limit: int, before: int | None = None
    ) -> tuple[MessageRecord, ...]:
        """See `Store.messages`; others read between the pages of a long session."""
        found: list[MessageRecord] = []
        place = queries.NOW if before is None else queries.before(before)
        while True:
            asked = min(limit - len(found), _PAGE)
            page, then = await self._read(queries.messages, rules.clean(session_id), place, asked)
            found += page
            if then is None or len(found) == limit:
                return tuple(reversed(found))
            place = then

    async def search(self, user_id: str, words: str, *, limit: int) -> tuple[Found, ...]:
        """See `Store.search`: where the title has all words first, then the newest."""
        wanted = text_search.terms(words)
        if not wanted:
            await trio.lowlevel.checkpoint()
            return ()
        return await self._read(queries.search, user_id, wanted, limit, searching=True)

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
        self, job: Callable[..., T], *arguments: Any, limiter: trio.CapacityLimiter
    ) -> T:
        try:
            return await trio.to_thread.run_sync(job, *arguments, limiter=limiter)
        except Exception as error:  # noqa: BLE001  (nothing that clients send can end the server)
            told = failures.told(error)
            log.error("the store of conversations failed", **told)  # noqa: TRY400  (its text can hold words)
            raise failures.while_running(error) from None

    async def _read(self, job: Callable[..., T], *arguments: Any, searching: bool = False) -> T:
        """Let a job read; `job` gets the connection first."""
        files = self._open
        db, limiter = (
            (files.searcher, self._searching) if searching else (files.reader, self._reading)
        )
        found = await self._call(job, db, *arguments, limiter=limiter)
        if self._emptying is not None and self._emptying.hindered:  # perhaps by this very job
            await self._call(self._empty, limiter=self._writing)
        return found

    async def _rows(self, query: str, *values: object) -> list[rows.Row]:
        return await self._read(queries.fetch, query, values)

    async def _sessions(self, condition: str, *values: object) -> tuple[SessionRecord, ...]:
        return await self._read(queries.sessions, condition, values)

    def _make(self, db: sqlite3.Connection, changes: Sequence[Change]) -> frozenset[str]:
        made = batches.make(db, changes)
        if self._emptying is not None:
            self._emptying.after(erased=made.erased)
        return made.lost

    def _empty(self) -> None:
        if self._files is not None and self._emptying is not None:  # closed: nothing is left there
            self._emptying.after_reading()

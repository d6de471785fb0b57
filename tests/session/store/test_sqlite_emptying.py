"""Deleted words leave the log soon, and nobody waits for that."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.session.store.making import answered, put, raw, record, said
from tests.session.store.sqlite_tools import opened
from voicechat.session.store.emptying import AGAIN_S
from voicechat.session.store.ports import Begin, Delete, Forget

if TYPE_CHECKING:
    from pathlib import Path

    from voicechat.session.store.ports import Change
    from voicechat.session.store.sqlite import SqliteStore

pytestmark = pytest.mark.requirement("S-4", "S-10")

NAME = b"Unobtainium"


class Clock:
    """Stands still until it is moved, and counts the tries to empty the log."""

    def __init__(self, store: SqliteStore) -> None:
        assert store._emptying is not None
        self.now = 100.0
        self.tries = 0
        store._emptying._now = lambda: self.now
        store._open.writer.set_trace_callback(self._statement)

    def _statement(self, statement: str) -> None:
        self.tries += "wal_checkpoint" in statement


def other(folder: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(folder / "sessions.db", isolation_level=None))


def reads(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    db.execute("SELECT * FROM session").fetchall()


async def test_nobody_waits_for_another_program_that_reads(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        clock = Clock(store)
        await store.apply([Begin(record()), put(said(1, NAME.decode()))])
        with other(tmp_path) as db:
            reads(db)
            began = time.perf_counter()
            await store.apply([Delete("s1")])  # does not fail: it is deleted for everybody else
            for number in range(20):
                await store.apply([Begin(record(f"s{number}"))])
            took = time.perf_counter() - began
            assert clock.tries == 1, "not again and again"
            clock.now += AGAIN_S
            await store.apply([Begin(record("s20"))])
            await store.apply([Begin(record("s21"))])
            assert clock.tries == 2
            assert NAME in raw(tmp_path)
        assert took < 2.5, "one wait for SQLite's busy timeout would be 5 s"
        clock.now += AGAIN_S
        await store.apply([Begin(record("s22"))])
        assert clock.tries == 3
        assert NAME not in raw(tmp_path)
        clock.now += AGAIN_S
        await store.apply([Begin(record("s23"))])
        assert clock.tries == 3, "nothing is left to do"
        assert store._open.writer.execute("PRAGMA busy_timeout").fetchone() == (5000,)


async def test_the_own_reader_empties_the_log_that_it_has_held(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        Clock(store)
        await store.apply([Begin(record()), put(said(1, NAME.decode()))])
        reading, deleted = trio.Event(), trio.Event()

        def slow(db: sqlite3.Connection) -> None:
            reads(db)
            trio.from_thread.run_sync(reading.set)
            trio.from_thread.run(deleted.wait)
            db.execute("COMMIT")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(store._read, slow)
            await reading.wait()
            with trio.fail_after(2.5):
                await store.apply([Delete("s1")])
            assert NAME in raw(tmp_path)
            deleted.set()
        assert NAME not in raw(tmp_path)


@pytest.mark.parametrize(
    ("changes", "tries"),
    [
        ([Begin(record())], 0),
        ([Begin(record(title="Title"))], 1),
        ([Begin(record()), put(said(1, "hi"))], 1),
        ([Begin(record()), put(said(1, "hi")), put(answered(1, "x")), Forget("s1", 1)], 1),
    ],
)
async def test_a_visit_without_a_word_needs_no_emptying(
    tmp_path: Path, changes: list[Change], tries: int
) -> None:
    store = opened(tmp_path)
    async with store.running():
        clock = Clock(store)
        await store.apply(changes)
        assert clock.tries == 0
        await store.apply([Delete("s1"), Delete("s2")])
        assert clock.tries == tries
        assert await store.get("s1") is None


async def test_a_search_reads_no_rows_of_zeros(tmp_path: Path) -> None:
    store = opened(tmp_path)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    async def cost() -> int:
        nonlocal steps
        steps = 0
        store._open.searcher.set_progress_handler(step, 10)
        assert len(await store.search("u1", "stays", limit=9)) == 1
        store._open.searcher.set_progress_handler(None, 0)
        return steps

    async with store.running():
        await store.apply([Begin(record()), put(said(1, "stays"))])
        before = await cost()
        for turn in range(200):
            await store.apply([put(answered(2, f"replaced {turn}"))])
        for number in range(50):
            name = f"s1{number}"
            talk = [put(said(turn, "to be deleted"), name) for turn in range(1, 9)]
            await store.apply([Begin(record(name)), *talk])
            await store.apply([Delete(name)])
        zeroed = "SELECT count(*) FROM words WHERE typeof(text) = 'blob'"
        assert store._open.writer.execute(zeroed).fetchone()[0] > 500
        assert await cost() <= before + 10

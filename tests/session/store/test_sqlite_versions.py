"""Files of older versions become files of this one, step by step."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.session.store.making import at
from tests.session.store.sqlite_tools import opened, query
from voicechat.errors import UsageError
from voicechat.session.store import schema

if TYPE_CHECKING:
    from voicechat.session.store.sqlite import SqliteStore

pytestmark = pytest.mark.requirement("S-4")


VERSION_1 = Path(__file__).with_name("version_1.sql").read_text(encoding="utf-8")


def version_1(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "sessions.db")) as db:
        db.executescript(VERSION_1)


async def look(store: SqliteStore) -> None:
    assert store.moved_aside is None
    found = await store.get("s1")
    assert found is not None
    assert (found.title, found.total_cost_usd, found.last_active_at) == ("Title", 0.25, at(5))
    question, answer = await store.messages("s1", limit=9)
    assert (question.text, answer.text, answer.heard) == ("Hello", "Hi there", "Hi")
    assert len(await store.search("u1", "hi", limit=9)) == 1


async def test_file_of_version_1_is_read(tmp_path: Path) -> None:
    version_1(tmp_path)
    store = opened(tmp_path)
    async with store.running():
        await look(store)


async def test_file_of_version_1_becomes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_1(tmp_path)
    step = ("CREATE TABLE extra (x)", "INSERT INTO extra SELECT count(*) FROM session")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    store = opened(tmp_path)
    for _ in range(2):
        async with store.running():
            await look(store)
    version = len(schema.MIGRATIONS)
    assert query(tmp_path, "SELECT x FROM extra", "PRAGMA user_version") == [(1,), (version,)]


async def test_step_that_fails_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_1(tmp_path)
    with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL").fetchall()
        first = ("CREATE TABLE extra (x)",)
        full = ("CREATE TABLE more (x)", "PRAGMA max_page_count = 1", "INSERT INTO more SELECT 1")
        filling = f"INSERT INTO more VALUES (zeroblob({10**6}))"
        steps = (*schema.MIGRATIONS, first, (*full, filling))
        monkeypatch.setattr(schema, "MIGRATIONS", steps)
        with pytest.raises(UsageError, match="the disk is full"):
            async with opened(tmp_path).running():
                pass
    assert query(tmp_path, "PRAGMA user_version") == [(len(steps) - 1,)]
    tables = {row[0] for row in query(tmp_path, "SELECT name FROM sqlite_master")}
    assert "extra" in tables
    assert "more" not in tables

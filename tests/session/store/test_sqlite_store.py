"""The file that keeps sessions: who may read it, and what is in it after deletions."""

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.session.store.making import answered, put, raw, record, said
from tests.session.store.sqlite_tools import ENDED, opened, query
from voicechat.session.store.ports import Begin, Delete, Forget, Update
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.requirement("S-4")


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    store = opened(folder)
    async with store.running():
        await store.apply([Begin(record()), put(said(1, "hi"))])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(names) == {"sessions.db", "sessions.db-wal", "sessions.db-shm", "sessions.lock"}
    assert set(names.values()) == {0o600}
    (folder / "sessions.db").chmod(0o644)
    async with opened(folder).running():
        assert stat.S_IMODE((folder / "sessions.db").stat().st_mode) == 0o600


async def test_pragmas(tmp_path: Path) -> None:
    for power_safe, synchronous in ((False, 1), (True, 2)):
        store = SqliteStore(tmp_path, power_safe=power_safe)
        async with store.running():
            wanted = {"journal_mode": "wal", "synchronous": synchronous, "secure_delete": 1}
            wanted |= {"foreign_keys": 1, "temp_store": 2, "busy_timeout": 5000, "auto_vacuum": 0}
            for name, value in wanted.items():
                assert store._open.writer.execute(f"PRAGMA {name}").fetchone() == (value,), name
            for db in (store._open.reader, store._open.searcher):
                with pytest.raises(sqlite3.OperationalError):
                    db.execute("DELETE FROM session")


async def test_columns_that_other_programs_may_read(tmp_path: Path) -> None:
    async with opened(tmp_path).running():
        pass
    names = {row[1] for row in query(tmp_path, "PRAGMA table_info(session)")}
    asked = "session_id user_id status created_at last_active_at subprocess_pid message_count"
    assert names >= {*asked.split(), "total_cost_usd", "is_resumable", "terminated_reason"}


@pytest.mark.requirement("S-10")
async def test_deleted_and_forgotten_words_are_in_no_byte(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        begun = [Begin(record(title="Zanzibar trip")), put(said(1, "Unobtainium, please"))]
        await store.apply([*begun, put(answered(1, "Platypus", heard="Wombat"))])
        await store.apply([put(answered(1, "Quokka")), Begin(record("s2", title="Stays"))])
        await store.apply([put(said(1, "Xylophone"), "s2"), put(said(2, "Remains"), "s2")])
        await store.apply([Update(session_id="s1", title="Madagascar"), Forget("s2", 1)])
        everything = b"Zanzibar Unobtainium Platypus Wombat Quokka Xylophone Madagascar".split()
        before = raw(tmp_path)
        assert all(word in before for word in everything)
        await store.apply([Delete("s1")])
        after = raw(tmp_path).lower()
        assert not [word for word in everything if word.lower() in after]
        assert b"Stays" in raw(tmp_path)
        assert b"Remains" in raw(tmp_path)
        assert (tmp_path / "sessions.db-wal").stat().st_size == 0


async def test_file_is_compacted_at_the_next_start(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        await store.apply([Begin(record()), ENDED, put(said(1, "stays"))])
        for turn in range(40):
            answers = [put(answered(turn, f"{turn} {number}" * 90)) for number in range(40)]
            await store.apply(answers)
        before = await store.messages("s1", limit=99)
    size = (tmp_path / "sessions.db").stat().st_size
    async with store.running():
        assert await store.messages("s1", limit=99) == before
    assert (tmp_path / "sessions.db").stat().st_size < size / 10
    assert query(tmp_path, "SELECT vacuum_due FROM upkeep") == [(0,)]


async def test_others_read_between_the_pages_of_a_long_session(tmp_path: Path) -> None:
    store = opened(tmp_path)
    done: list[str] = []
    async with store.running():
        await store.apply([Begin(record()), *(put(said(turn, "x")) for turn in range(1, 1202))])

        async def long() -> None:
            assert len(await store.messages("s1", limit=10**6)) == 1201
            done.append("long")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(long)
            await trio.testing.wait_all_tasks_blocked()
            await store.get("s1")
            done.append("short")
    assert done == ["short", "long"]


async def test_calls_outside_of_the_block_are_a_mistake(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(RuntimeError, match="not running"):
        await store.count()
    await trio.lowlevel.checkpoint()

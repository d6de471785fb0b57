"""Files that cannot be used are moved aside and told, never wiped."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.session.store.making import put, record, said
from tests.session.store.sqlite_tools import ENDED, opened, query
from voicechat.errors import StoreFailed, UsageError
from voicechat.session.store.ports import Begin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.requirement("S-4")


async def filled(folder: Path, sessions: int = 1) -> None:
    store = opened(folder)
    async with store.running():
        for number in range(1, sessions + 1):
            name = f"s{number}"
            messages = [put(said(turn, f"word {turn} " * 9), name) for turn in range(1, 20)]
            await store.apply([Begin(record(name)), *messages])


def overwrite(offset: int, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        whole = bytearray(path.read_bytes())
        begin = offset if offset >= 0 else len(whole) + offset
        whole[begin : begin + len(data)] = data
        path.write_bytes(whole)

    return damage


def execute(path: Path, statement: str) -> None:
    query(path.parent, statement)


def rename_table(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"words", b"wards"))


def foreign(path: Path) -> None:
    path.unlink()
    query(path.parent, "CREATE TABLE cats (name)", "INSERT INTO cats VALUES ('Tom')")


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "header": ("damaged", overwrite(0, b"\xff" * 100)),
    "tables": ("damaged", overwrite(100, b"\xa5" * 3000)),
    "name of a table": ("damaged", rename_table),
    "page 2": ("damaged", overwrite(4096, b"\xa5" * 4096)),
    "some page": ("damaged", overwrite(5 * 4096, b"\xa5" * 4096)),
    "last page": ("damaged", overwrite(-4096, b"\xa5" * 4096)),
    "truncated": ("damaged", lambda path: path.write_bytes(path.read_bytes()[:-5000])),
    "one page only": ("damaged", lambda path: path.write_bytes(path.read_bytes()[:4096])),
    "no database": ("damaged", lambda path: path.write_text("my shopping list\n" * 500)),
    "another program's": ("damaged", foreign),
    "no column": ("damaged", lambda path: execute(path, "ALTER TABLE session DROP COLUMN samples")),
    "newer": ("newer", lambda path: execute(path, "PRAGMA user_version = 99")),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_file_that_cannot_be_used_is_moved_aside(tmp_path: Path, damage: str) -> None:
    await filled(tmp_path, sessions=30)
    fault, spoil = DAMAGES[damage]
    spoil(tmp_path / "sessions.db")
    spoilt = (tmp_path / "sessions.db").read_bytes()
    store = opened(tmp_path)
    async with store.running():
        assert store.moved_aside is not None
        assert store.moved_aside.startswith(f"sessions.db.{fault}-2")
        moved = tmp_path / store.moved_aside
        assert await store.count() == 0
        await store.apply([Begin(record()), ENDED, put(said(1, "goes on"))])
    if damage != "no column":  # this is only seen when the file is in use
        assert moved.read_bytes() == spoilt
    else:
        assert b"word 7 word 7" in moved.read_bytes()
    again = opened(tmp_path)
    async with again.running():
        assert again.moved_aside is None
        assert await again.count() == 1
    assert moved.exists()


async def test_log_and_index_move_with_their_file_and_names_are_free(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        (tmp_path / "sessions.db").write_bytes(b"no database" * 1000)
        (tmp_path / "sessions.db-wal").write_bytes(b"its log")
        (tmp_path / "sessions.db-shm").write_bytes(b"its index")
        store = opened(tmp_path)
        async with store.running():
            assert store.moved_aside is not None
            names.add(store.moved_aside)
    assert len(names) == 3
    for name in names:
        assert (tmp_path / f"{name}-wal").read_bytes() == b"its log"
        assert (tmp_path / name).read_bytes() == b"no database" * 1000


async def test_empty_file_is_a_new_one_unless_its_log_has_something(tmp_path: Path) -> None:
    (tmp_path / "sessions.db").touch()
    store = opened(tmp_path)
    async with store.running():
        assert store.moved_aside is None
    (tmp_path / "sessions.db").write_bytes(b"")
    (tmp_path / "sessions.db-wal").write_bytes(b"words that could be saved")
    async with store.running():
        assert store.moved_aside is not None
        assert (tmp_path / f"{store.moved_aside}-wal").read_bytes() == b"words that could be saved"


async def test_damage_that_is_met_later_is_told(tmp_path: Path) -> None:
    await filled(tmp_path)
    store = opened(tmp_path)
    async with store.running():
        store._open.writer.execute("ALTER TABLE session RENAME COLUMN samples TO odd")
        for call in (
            lambda: store.get("s1"),
            lambda: store.of_user("u1", limit=1),
            lambda: store.search("u1", "word", limit=1),
            lambda: store.apply([put(said(1, "x"))]),
        ):
            with pytest.raises(StoreFailed, match="the file is damaged") as caught:
                await call()
            assert "Restart the server" in caught.value.suggested_action


async def test_file_that_may_not_be_written_is_not_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path)
    store = opened(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("attempt to write /secret/sessions.db")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("voicechat.session.store.opening.migrate", refuse)
        with pytest.raises(UsageError, match="may not be written") as caught:
            async with store.running():
                pass
    assert "secret" not in f"{caught.value.message} {caught.value.suggested_action}"
    async with store.running():
        assert await store.count() == 1

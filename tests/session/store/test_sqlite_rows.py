"""A damaged row, or a value that does not fit, is the matter of one session and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from structlog.testing import capture_logs

from tests.session.store.making import answered, put, raw, record, said
from tests.session.store.sqlite_tools import opened, query
from voicechat.errors import StoreFailed
from voicechat.protocol.messages.session import EntryStatus, SessionState
from voicechat.session.store.ports import Begin, Delete, Put, Update

if TYPE_CHECKING:
    from pathlib import Path

    from voicechat.session.store.sqlite import SqliteStore

pytestmark = pytest.mark.requirement("S-4")

DAMAGES = (
    "UPDATE session SET status = 'odd' WHERE session_id = 's2'",
    "UPDATE session SET created_at = 'noon' WHERE session_id = 's2'",
    "UPDATE session SET last_active_at = x'00' WHERE session_id = 's2'",
    "UPDATE session SET terminated_reason = 'odd' WHERE session_id = 's2'",
    "UPDATE session SET message_count = 'many' WHERE session_id = 's2'",
    "UPDATE session SET samples = 0.5 WHERE session_id = 's2'",
)
MESSAGE_DAMAGES = (
    "UPDATE message SET status = 'odd' WHERE session = 2 AND speaker = 'user'",
    "UPDATE message SET at = 'noon' WHERE session = 2 AND speaker = 'user'",
    "UPDATE message SET turn = 'first' WHERE session = 2 AND speaker = 'user'",
    "UPDATE words SET text = x'00' WHERE text = 'question 2' AND id IN (SELECT words FROM message)",
)


def of(number: int) -> list[Begin | Put]:
    name = f"s{number}"
    question, answer = said(1, f"question {number}"), answered(1, f"answer {number}")
    return [Begin(record(name)), put(question, name), put(answer, name)]


async def three(store: SqliteStore) -> None:
    await store.apply([change for number in (1, 2, 3) for change in of(number)])


def damage(store: SqliteStore, statement: str) -> None:
    assert store._open.writer.execute(statement).rowcount == 1


async def texts(store: SqliteStore, name: str) -> list[str]:
    return [each.text for each in await store.messages(name, limit=99)]


@pytest.mark.parametrize("statement", DAMAGES)
async def test_others_are_kept_beside_a_damaged_session(tmp_path: Path, statement: str) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        damage(store, statement)
        batch = [put(said(2, f"more {n}"), f"s{n}") for n in (1, 2, 3)]
        with capture_logs() as logs:
            assert await store.apply([*batch, Begin(record("s4"))]) == {"s2"}
        (told,) = [each for each in logs if each["log_level"] == "error"]
        assert (told["session_id"], told["error"], told["changes"]) == ("s2", "DamagedRow", 1)
        assert "more" not in str(logs)
        assert await texts(store, "s1") == ["question 1", "answer 1", "more 1"]
        assert await texts(store, "s3") == ["question 3", "answer 3", "more 3"]
        assert await store.get("s4") == record("s4")
        assert await store.apply([batch[1]]) == {"s2"}, "alone as with others"
        assert await store.apply([batch[0]]) == frozenset()


@pytest.mark.parametrize("statement", DAMAGES)
async def test_a_damaged_session_is_left_out_of_lists_and_can_be_deleted(
    tmp_path: Path, statement: str
) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        damage(store, statement)
        for found in (await store.of_user("u1", limit=9), await store.active(limit=9)):
            assert {each.session_id for each in found} == {"s1", "s3"}
        assert len(await store.search("u1", "question", limit=9)) == 2
        with pytest.raises(StoreFailed, match="of this conversation is damaged"):
            await store.get("s2")
        assert await store.apply([Delete("s2")]) == frozenset()
        assert await store.get("s2") is None
        assert b"question 2" not in raw(tmp_path)


@pytest.mark.parametrize("statement", DAMAGES + MESSAGE_DAMAGES)
async def test_a_damaged_session_does_not_move_the_file_aside(
    tmp_path: Path, statement: str
) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
    query(tmp_path, "UPDATE session SET status = 'active'", statement)
    with capture_logs() as logs:
        async with store.running():
            assert store.moved_aside is None
            for name in ("s1", "s3"):
                found = await store.get(name)
                assert found is not None
                assert found.state is SessionState.TERMINATED
    assert [each["row"] for each in logs if each["log_level"] == "error"] == [2]


@pytest.mark.parametrize("statement", MESSAGE_DAMAGES)
async def test_a_damaged_message_is_left_out(tmp_path: Path, statement: str) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        damage(store, statement)
        assert await texts(store, "s2") == ["answer 2"]


async def test_what_was_half_ended_at_the_start_is_as_before(tmp_path: Path) -> None:
    """The lost answer of a session is not put where its other messages cannot be read."""
    store = opened(tmp_path)
    async with store.running():
        opened_answer = answered(2, "beg", status=EntryStatus.OPEN)
        await store.apply([*of(1), *of(2), put(opened_answer, "s2")])
    query(tmp_path, MESSAGE_DAMAGES[0])
    async with store.running():
        found = await store.messages("s2", limit=9)
        assert found[-1].status is EntryStatus.OPEN


async def test_a_session_that_cannot_be_ended_at_the_start_is_as_before(tmp_path: Path) -> None:
    """The lost answer is written before its number is found to be too large."""
    store = opened(tmp_path)
    async with store.running():
        await store.apply([*of(1), *of(2), put(said(2, "and then?"), "s2")])
    largest = 2**63 - 1
    query(
        tmp_path,
        "UPDATE session SET status = 'active'",
        f"UPDATE session SET message_count = {largest} WHERE session_id = 's2'",
        "DELETE FROM message WHERE session = 2 AND turn = 2 AND speaker = 'assistant'",
    )
    async with store.running():
        assert store.moved_aside is None
        assert await texts(store, "s2") == ["question 2", "answer 2", "and then?"]
        assert [each.session_id for each in await store.active(limit=9)] == ["s2"]


async def test_a_value_that_does_not_fit_is_lost_alone_and_no_error_of_python(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        too_large = attrs.evolve(said(1, "Zanzibar"), turn=2**63)
        with capture_logs() as logs:
            lost = await store.apply(
                [
                    put(said(1, "new 1"), "s1"),
                    put(too_large, "s2"),
                ]
            )
            with pytest.raises(StoreFailed) as caught:
                await store.of_user("u1", limit=2**63)
        assert lost == {"s2"}
        assert await texts(store, "s1") == ["new 1", "answer 1"]
        assert await texts(store, "s2") == ["question 2", "answer 2"]
        assert "damaged" not in caught.value.message
        assert [each["error"] for each in logs] == ["OverflowError"] * 2
        assert any("changing.py" in place for place in logs[0]["where"])
        assert "Zanzibar" not in str(logs)


async def test_damage_of_the_file_is_not_taken_for_a_session(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        store._open.writer.execute("ALTER TABLE message RENAME TO gone")
        for batch in ([put(said(2, "x"), "s1")], [put(said(2, "x"), f"s{n}") for n in (1, 2)]):
            with pytest.raises(StoreFailed, match="the file is damaged") as caught:
                await store.apply(batch)
            assert "Restart the server" in caught.value.suggested_action


async def test_full_disk_keeps_nothing_of_a_batch_with_a_damaged_session(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        await three(store)
        damage(store, DAMAGES[0])
        store._open.writer.execute("PRAGMA max_page_count = 40")
        batch = [
            put(said(2, "x"), "s2"),
            put(said(2, "y"), "s1"),
            put(said(2, "z" * 300_000), "s3"),
        ]
        with pytest.raises(StoreFailed, match="the disk is full"):
            await store.apply(batch)
        assert await texts(store, "s1") == ["question 1", "answer 1"]
        store._open.writer.execute("PRAGMA max_page_count = 100000")
        assert await store.apply(batch) == {"s2"}
        assert len(await texts(store, "s3")) == 3


async def test_part_of_a_session_is_not_kept_without_the_rest(tmp_path: Path) -> None:
    store = opened(tmp_path)
    async with store.running():
        changes = [
            *of(1),
            Update(session_id="s1", title="T"),
            put(attrs.evolve(said(1, "x"), turn=2**63)),
            *of(2),
        ]
        assert await store.apply(changes) == {"s1"}
        assert await store.get("s1") is None
        assert await texts(store, "s2") == ["question 2", "answer 2"]

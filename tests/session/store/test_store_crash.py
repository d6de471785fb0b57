"""The store on disk when its process is killed, is not alone, or has no room."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
import trio

from tests.session.store.making import answered, put, record, said
from voicechat.errors import StoreFailed, UsageError
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import Begin
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.requirement("S-4")

CHILD = Path(__file__).with_name("store_child.py")
ROOT = Path(__file__).parents[3]
KILLS = 20


@contextmanager
def child(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
async def test_what_was_kept_is_there_after_kill_9(tmp_path: Path) -> None:
    """Killed at random moments, with the next process going on in the same file."""
    moments = random.Random(4)
    promised: list[int] = []
    first = 0
    for _ in range(KILLS):
        with child(tmp_path, str(first)) as (process, output):
            assert output.readline() == "open\n"
            lines = moments.randint(1, 60)
            promised += [int(output.readline()) for _ in range(lines)]
            await trio.sleep(moments.uniform(0, 0.004))  # in the midst of the next ones
            process.kill()
            promised += [int(line) for line in output.read().split("\n")[:-1]]
        first = promised[-1] // 10 * 10 + 10
    store = SqliteStore(tmp_path, power_safe=False)
    async with store.running():
        assert store.moved_aside is None
        found = {}
        for session in await store.of_user("u1", limit=10**6):
            assert session.state is SessionState.TERMINATED
            assert session.terminated_reason is EndReason.CRASHED
            messages = await store.messages(session.session_id, limit=99)
            assert len(messages) == session.message_count
            found |= {(each.turn - 1, each.speaker): each for each in messages}
        for number in promised:
            assert found[number, Speaker.USER].text == f"question {number}"
            answer = found[number, Speaker.ASSISTANT]
            assert (answer.text, answer.status) == (f"answer {number}", EntryStatus.COMPLETE)
        for number, speaker in found.keys() - {(n, s) for n in promised for s in Speaker}:
            if speaker is Speaker.ASSISTANT:
                told = found[number, speaker]
                assert told.status is EntryStatus.LOST or told.text == f"answer {number}"


async def test_second_server_is_told_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with child(tmp_path, "0", "hold") as (_, output):
        assert output.readline() == "open\n"
        with pytest.raises(UsageError, match="Another voicechat server") as caught:
            async with SqliteStore(tmp_path, power_safe=False).running():
                pass
        assert "--data-dir" in caught.value.suggested_action
        assert "sessions.store=memory" in caught.value.suggested_action
        assert str(tmp_path) not in f"{caught.value.message}{caught.value.suggested_action}"
    async with SqliteStore(tmp_path, power_safe=False).running():
        pass


async def test_two_stores_of_one_process_are_two_servers(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path, power_safe=False).running():
        with pytest.raises(UsageError, match="Another voicechat server"):
            async with SqliteStore(tmp_path, power_safe=False).running():
                pass


def test_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    with child(tmp_path, "0", "small") as (_, output):
        lines = output.read().splitlines()
    assert not [line for line in lines if str(tmp_path) in line]
    told = [line for line in lines if "[error" not in line]
    assert len(told) == len(lines) - 1
    assert told[0] == "open"
    assert "the disk is full" in told[1]
    assert "server.data_dir" in told[1]
    assert told[2:] == ["again"]


async def test_full_file_keeps_nothing_of_a_batch(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, power_safe=False)
    async with store.running():
        await store.apply([Begin(record()), put(said(1, "kept"))])
        store._open.writer.execute("PRAGMA max_page_count = 40")
        with pytest.raises(StoreFailed, match="the disk is full"):
            await store.apply([put(said(2, "small")), put(answered(2, "y" * 300_000))])
        assert [each.text for each in await store.messages("s1", limit=9)] == ["kept"]
        store._open.writer.execute("PRAGMA max_page_count = 100000")
        await store.apply([put(said(2, "small"))])
        assert len(await store.messages("s1", limit=9)) == 2


async def test_cancelled_caller_leaves_all_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, power_safe=False)
    async with store.running():
        await store.apply([Begin(record())])
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.apply([put(said(1, "never"))])
        assert scope.cancelled_caught
        assert await store.messages("s1", limit=9) == ()
        async with trio.open_nursery() as nursery:
            for turn in range(1, 9):
                nursery.start_soon(store.apply, [put(said(turn, "a")), put(answered(turn, "b"))])
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        found = await store.messages("s1", limit=99)
        assert len(found) % 2 == 0
        await store.apply([put(said(99, "after"))])


async def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="folder for conversations") as caught:
        async with SqliteStore(tmp_path / "file" / "data", power_safe=False).running():
            pass
    assert str(tmp_path) not in caught.value.message


async def test_cancelled_server_closes_its_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, power_safe=False)
    with trio.CancelScope() as scope:
        async with store.running():
            scope.cancel()
            await trio.sleep_forever()
    assert not (tmp_path / "sessions.db-wal").exists()
    async with store.running():
        assert await store.count() == 0

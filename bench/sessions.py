"""Milliseconds of each thing that is asked of the store of sessions, when it is well filled.

    python bench/sessions.py [--sessions N] [--power-safe] [--folder DIR]

N (10,000) sessions with 20 messages each, all of one user, in a new folder of DIR (the system's for
temporary files). Each row is 200 calls as the server makes them, through the worker thread, one
after the other; below them what a synced write of 4 KiB costs on that disk. Deleting waits for
three of these, to have the words out of the log and the file, and with --power-safe each change
for one; --folder /dev/shm shows what is left without them. S-9 asks for less than 5 ms of all but
search, which reads everything that was ever said.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import Begin, Delete, MessageRecord, Put, SessionRecord, Update
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLS = 200
MESSAGES = 20
AT_ONCE = 200
LIMIT_MS = 5.0
USER = "0123456789abcdef"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Talk:
    """Makes sessions and what is said in them, the same each time."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        letters = "abcdefghijklmnoprstuvw"
        self.words = [
            "".join(self.chance.choices(letters, k=self.chance.randint(2, 9))) for _ in range(8000)
        ]

    def text(self) -> str:
        """4 to 20 words."""
        return " ".join(self.chance.choices(self.words, k=self.chance.randint(4, 20)))

    def session(self, number: int) -> SessionRecord:
        """One of twenty is alive."""
        ended = number % 20 != 0
        return SessionRecord(
            session_id=f"{number:032x}",
            user_id=USER,
            secret_hash=bytes(32),
            state=SessionState.TERMINATED if ended else SessionState.ACTIVE,
            created_at=EPOCH + timedelta(minutes=number),
            last_active_at=EPOCH + timedelta(minutes=number),
        )

    def message(self, number: int, turn: int, speaker: Speaker) -> MessageRecord:
        """Something that was said."""
        return MessageRecord(
            turn=turn,
            speaker=speaker,
            text=self.text(),
            origin=Origin.VOICE,
            status=EntryStatus.COMPLETE,
            at=EPOCH + timedelta(minutes=number, seconds=turn),
        )

    def all_of(self, number: int) -> list[Begin | Put]:
        """The changes that make a session with its messages."""
        session = self.session(number)
        said = [
            Put(session.session_id, self.message(number, turn, speaker))
            for turn in range(1, MESSAGES // 2 + 1)
            for speaker in Speaker
        ]
        return [Begin(session), *said]


async def timed(call: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        await call()
        found.append((time.perf_counter() - begin) * 1e3)
    return sorted(found)


def rows(
    store: SqliteStore, talk: Talk, sessions: int
) -> dict[str, Callable[[], Awaitable[object]]]:
    fresh, turns = count(sessions), count(MESSAGES)
    order = list(range(sessions))
    talk.chance.shuffle(order)
    doomed = iter(order)

    def any_id() -> str:
        return f"{talk.chance.randrange(sessions):032x}"

    def message() -> Put:
        return Put(any_id(), talk.message(0, next(turns), Speaker.USER))

    def update() -> Update:
        return Update(session_id=any_id(), state=SessionState.IDLE, title=talk.text()[:40])

    def touch() -> Update:
        return Update(session_id=any_id(), last_active_at=EPOCH + timedelta(days=next(turns)))

    return {
        "create": lambda: store.apply([Begin(talk.session(next(fresh)))]),
        "get": lambda: store.get(any_id()),
        "list, 50 newest": lambda: store.of_user(USER, limit=50),
        "list active, 50": lambda: store.active(limit=50),
        "count": store.count,
        "count, of a user": lambda: store.count(USER),
        "touch": lambda: store.apply([touch()]),
        "update": lambda: store.apply([update()]),
        "message": lambda: store.apply([message()]),
        "messages of one": lambda: store.messages(any_id(), limit=100),
        "older than": lambda: store.older_than(EPOCH + timedelta(minutes=100)),
        "delete": lambda: store.apply([Delete(f"{next(doomed):032x}")]),
        "search, one word": lambda: store.search(USER, talk.chance.choice(talk.words), limit=50),
        "search, two words": lambda: store.search(USER, talk.text()[:12], limit=50),
    }


def synced_write(folder: Path) -> list[float]:
    with (folder / "probe").open("wb") as file:
        found = []
        for _ in range(CALLS):
            begin = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            found.append((time.perf_counter() - begin) * 1e3)
    return sorted(found)


def show(name: str, times: list[float], note: str = "") -> None:
    p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
    print(f"{name:20}{p50:10.2f}{p95:10.2f}{times[-1]:10.2f}  {note}")


async def bench(folder: Path, sessions: int, *, power_safe: bool) -> None:
    talk, store = Talk(), SqliteStore(folder / "store", power_safe=power_safe)
    async with store.running():
        for first in range(0, sessions, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, sessions))
            await store.apply([each for number in numbers for each in talk.all_of(number)])
        size = sum(path.stat().st_size for path in (folder / "store").iterdir()) / 1e6
        print(f"{sessions:,} sessions with {MESSAGES} messages each, {size:.0f} MB\n")
        print(f"{'ms':20}{'p50':>10}{'p95':>10}{'max':>10}")
        for name, call in rows(store, talk, sessions).items():
            times = await timed(call)
            late = times[len(times) * 95 // 100] >= LIMIT_MS and not name.startswith("search")
            show(name, times, "p95 over 5 ms" if late else "")
    show("a synced 4 KiB", synced_write(folder))
    begin = time.perf_counter()
    async with store.running():
        pass
    print(f"\nopening and closing it again: {time.perf_counter() - begin:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the store of sessions.")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--power-safe", action="store_true")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        trio.run(lambda: bench(Path(folder), chosen.sessions, power_safe=chosen.power_safe))


if __name__ == "__main__":
    main()

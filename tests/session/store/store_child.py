"""A process that keeps numbers in a store and prints each once it is kept: to be killed.

    python store_child.py FOLDER FIRST [hold | small]

With `hold` it only holds the folder; with `small` no file may grow, as on a full disk.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import trio

from tests.session.store.making import answered, put, record, said
from voicechat.errors import StoreFailed, UsageError
from voicechat.protocol.messages.session import EntryStatus
from voicechat.session.store.ports import Begin
from voicechat.session.store.sqlite import SqliteStore


async def main(folder: Path, first: int, way: str) -> None:
    store = SqliteStore(folder, power_safe=False)
    try:
        async with store.running():
            print("open", flush=True)
            if way == "hold":
                await trio.sleep_forever()
            if way == "small":
                await fill(store, folder)
                return
            for number in range(first, 10**9):
                name = f"s{number // 10}"
                await store.apply(
                    [
                        Begin(record(name)),
                        put(said(number + 1, f"question {number}"), name),
                        put(answered(number + 1, "…", status=EntryStatus.OPEN), name),
                    ]
                )
                await store.apply([put(answered(number + 1, f"answer {number}"), name)])
                print(number, flush=True)
    except UsageError as error:
        print(f"{error.message} | {error.suggested_action}", flush=True)


async def fill(store: SqliteStore, folder: Path) -> None:
    await store.apply([Begin(record()), put(said(1, "kept"))])
    limit = longest(folder) + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    kept = 0
    try:
        for number in range(2, 100):
            await store.apply([put(said(number, "x" * 20_000)), put(answered(number, "y"))])
            kept += 1
    except StoreFailed as error:
        print(f"{error.message} | {error.suggested_action}", flush=True)
    found = await store.messages("s1", limit=999)
    assert len(found) == 1 + 2 * kept, (len(found), kept)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.apply([put(said(1000, "again"))])
    print("again", flush=True)


def longest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]), (*sys.argv[3:], "keep")[0])

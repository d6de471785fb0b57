"""What every store does with long sessions and with numbers that no file can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.session.store.making import answered, put, record, said
from voicechat.session.store.ports import Begin, Update

if TYPE_CHECKING:
    from voicechat.session.store.memory import MemoryStore
    from voicechat.session.store.sqlite import SqliteStore

    AnyStore = MemoryStore | SqliteStore

pytestmark = pytest.mark.requirement("S-4")


async def test_pages_of_messages(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = (1, 2, 3, 5, 6, 7)
    whole = [m for turn in turns for m in (said(turn, f"q{turn}"), answered(turn, f"a{turn}"))]
    del whole[4]  # of its own accord
    async with store.running():
        await store.apply([Begin(record()), *map(put, whole)])
        for size in (1, 2, 3, 500):
            monkeypatch.setattr("voicechat.session.store.sqlite._PAGE", size)
            for before in (None, -(2**70), 0, 1, 3, 4, 7, 8, 2**70):
                older = [each for each in whole if before is None or each.turn < before]
                for limit in (1, 2, 3, 4, 99, 10**6):
                    found = await store.messages("s1", limit=limit, before=before)
                    assert found == tuple(older[-limit:]), (size, before, limit)


async def test_numbers_of_a_client_that_are_too_large_are_kept_as_the_largest(
    store: AnyStore,
) -> None:
    async with store.running():
        large = 2**63
        assert not await store.apply(
            [
                Begin(record(client_seq=large, stream=large, samples=2**64, last_turn=large)),
                Begin(record("s2", total_cost_usd=float("inf"))),
                put(said(1, "hi", client_seq=2**70), "s2", stream=large, samples=2**64),
                Update(session_id="s2", total_cost_usd=float("nan"), subprocess_pid=large),
            ]
        )
        first, second = await store.get("s1"), await store.get("s2")
        largest = large - 1
        assert first == record(
            client_seq=largest, stream=largest, samples=largest, last_turn=largest
        )
        assert second is not None
        assert (second.client_seq, second.stream, second.samples) == (largest, largest, largest)
        assert (second.total_cost_usd, second.subprocess_pid) == (0.0, largest)
        assert [each.client_seq for each in await store.messages("s2", limit=9)] == [largest]

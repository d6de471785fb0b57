"""The store on disk against the one in memory, over changes as they may come."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.session.store.making import at, raw, record
from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store import rules
from voicechat.session.store.memory import MemoryStore
from voicechat.session.store.ports import Begin, Delete, Forget, MessageRecord, Put, Update
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from voicechat.session.store.ports import Change, Store

pytestmark = pytest.mark.requirement("S-4", "S-9")

IDS = ("a", "b", "c")
WORDS = (
    "egg",
    "eggs",
    "Öl",
    "oil",
    "ﬁsh",
    "東京",
    "नमस्ते",
    "[x]",
    "a_b",
    "it's",
    "\ud83d",
    "\0",
    "\n",
)
ids = st.sampled_from(IDS)
moments = st.integers(0, 50).map(at)
texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.text(max_size=80)
queries = st.lists(st.sampled_from([*WORDS, "e", "eg", "fi", "京", "*", '"']), max_size=3).map(
    " ".join
)


@st.composite
def messages(draw: st.DrawFn) -> MessageRecord:
    text = draw(texts)
    return MessageRecord(
        turn=draw(st.integers(1, 4)),
        speaker=draw(st.sampled_from(Speaker)),
        text=text,
        heard=draw(st.integers(0, 80).map(lambda count: text[:count]) | texts),
        origin=draw(st.sampled_from(Origin)),
        status=draw(st.sampled_from(EntryStatus)),
        at=draw(moments),
        client_seq=draw(st.none() | st.integers(1, 9) | st.just(2**63)),
    )


begins = st.builds(
    lambda session_id, user_id, title, state, moment: Begin(
        record(session_id, user_id, title=title, state=state, last_active_at=moment)
    ),
    ids,
    st.sampled_from(["u", "v"]),
    texts,
    st.sampled_from(SessionState),
    moments,
)
updates = st.builds(
    Update,
    session_id=ids,
    title=st.none() | texts,
    state=st.none() | st.sampled_from(SessionState),
    last_active_at=st.none() | moments,
    subprocess_pid=st.none() | st.integers(1, 99),
    total_cost_usd=st.none() | st.floats(0, 9),
    is_resumable=st.none() | st.booleans(),
    terminated_reason=st.none() | st.sampled_from(EndReason),
    secret_hash=st.none() | st.binary(min_size=32, max_size=32),
)
puts = st.builds(
    Put,
    session_id=ids,
    message=messages(),
    stream=st.none() | st.integers(1, 2),
    samples=st.integers(0, 9) | st.integers(2**63 - 2, 2**64),
)
forgets = st.builds(Forget, session_id=ids, turn=st.integers(1, 4))
deletes = st.builds(Delete, session_id=ids)
batches = st.lists(begins | puts | puts | puts | updates | forgets | deletes, max_size=6)
REOPEN = "reopen"


async def everything(store: Store, query: str) -> list[Any]:
    found: list[Any] = [await store.count(), await store.active(limit=2)]
    for user in ("u", "v", "w"):
        found += [
            await store.of_user(user, limit=2),
            await store.count(user),
            await store.search(user, query, limit=2),
        ]
    for each in IDS:
        found += [await store.get(each), await store.messages(each, limit=3)]
        found += [await store.messages(each, limit=2, before=turn) for turn in (1, 2, 4)]
    return [*found, await store.older_than(at(25))]


@settings(max_examples=150)
@given(steps=st.lists(st.tuples(batches | st.just(REOPEN), queries), min_size=1, max_size=8))
async def test_file_and_dictionary_agree(steps: list[tuple[Any, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk, model = SqliteStore(Path(folder), power_safe=False), MemoryStore()
        at_once: list[tuple[Any, str]] = [*steps, (REOPEN, "")]
        while at_once:
            async with disk.running(), model.running():
                while at_once:
                    changes, query = at_once.pop(0)
                    if changes == REOPEN:
                        break
                    await disk.apply(changes)
                    await model.apply(changes)
                    assert await everything(disk, query) == await everything(model, query)
        async with disk.running(), model.running():
            assert await everything(disk, "e") == await everything(model, "e")


@settings(max_examples=40)
@given(
    data=st.data(),
    counts=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), min_size=3, max_size=40),
)
async def test_deleted_words_are_in_no_byte_of_any_file(
    data: st.DataObject, counts: list[tuple[int, int]]
) -> None:
    """With messages of all lengths, replaced and put in any order, so that pages are full."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder), power_safe=False)
        number = 0

        def mark() -> str:
            nonlocal number
            number += 1
            return f"qz{number:07d}zq"

        kept: dict[str, set[str]] = {}
        gone: set[str] = set()
        async with store.running():
            for turn, (size, session) in enumerate(counts):
                name = f"s{session}"
                changes: list[Change] = []
                if name not in kept:
                    kept[name] = {title := mark()}
                    changes.append(Begin(record(name, title=f"{title} title")))
                for speaker in Speaker:
                    kept[name].add(word := mark())
                    padding = "é" * (size * size * 7)
                    text = f"{padding} {word} {padding}"
                    message = MessageRecord(
                        turn=turn % 9,
                        speaker=speaker,
                        text=text,
                        heard=data.draw(st.sampled_from([text[: len(text) // 2], f"not {word}"])),
                        origin=Origin.TEXT,
                        status=EntryStatus.COMPLETE,
                        at=at(turn),
                    )
                    changes.append(Put(name, message))
                await store.apply(changes)
                if turn % 7 == 6:
                    gone |= kept.pop(name)
                    await store.apply([Delete(name)])
                    found = raw(Path(folder))
                    assert not [word for word in gone if word.encode() in found]
                    left = [await store.messages(name, limit=99) for name in kept]
                    words = [m.text.replace("é", "").strip() for each in left for m in each]
                    assert all(word.encode() in found for word in words)


def test_title_is_sixty_characters_at_most_and_a_beginning() -> None:
    for text in ("a" * 100, "word " * 30, "x" * 60 + " y", " \n ", "short"):
        message = MessageRecord(
            turn=1,
            speaker=Speaker.USER,
            text=text,
            origin=Origin.TEXT,
            status=EntryStatus.COMPLETE,
            at=at(0),
        )
        title = rules.title_from(message)
        assert len(title) <= 60
        assert text.strip().startswith(title)
        assert bool(title) is bool(text.strip())

"""What every store does, in memory as in a file."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.session.store.making import EPOCH, answered, at, put, record, said
from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import Begin, Delete, Forget, Put, Update

if TYPE_CHECKING:
    from voicechat.session.store.memory import MemoryStore
    from voicechat.session.store.sqlite import SqliteStore

    AnyStore = MemoryStore | SqliteStore

pytestmark = pytest.mark.requirement("S-4")


async def test_everything_about_a_session_comes_back(store: AnyStore) -> None:
    whole = record(
        title="Groceries ü 🛒",
        state=SessionState.IDLE,
        created_at=at(-5.000001),
        last_active_at=at(3),
        subprocess_pid=4711,
        message_count=0,
        total_cost_usd=0.1 + 0.2,
        is_resumable=False,
        terminated_reason=EndReason.MAX_DURATION,
        client_seq=2**32 - 1,
        stream=3,
        samples=2**40,
        last_turn=9,
    )
    async with store.running():
        await store.apply([Begin(whole)])
        assert await store.get("s1") == whole
        assert await store.get("s2") is None
        assert await store.get("\ud800") is None


async def test_everything_about_a_message_comes_back(store: AnyStore) -> None:
    messages = [
        said(1, "  two\nlines \0 and 😀 ", client_seq=7),
        answered(1, "Yes, of course.", heard="Yes, of", status=EntryStatus.INTERRUPTED),
        answered(2, "Ding!", heard="dong", origin=Origin.ASSISTANT),
        said(3, "", origin=Origin.VOICE, status=EntryStatus.FAILED),
        answered(4, "x" * 100_000, heard="x" * 50_000, status=EntryStatus.OPEN),
    ]
    async with store.running():
        await store.apply([Begin(record()), *map(put, messages)])
        assert await store.messages("s1", limit=10) == tuple(messages)
        assert await store.messages("s1", limit=2) == tuple(messages[-2:])
        assert await store.messages("s1", limit=0) == ()
        assert await store.messages("none", limit=10) == ()


async def test_time_of_another_zone_is_the_same_moment(store: AnyStore) -> None:
    there = at(60).astimezone(timezone(timedelta(hours=-7)))
    async with store.running():
        await store.apply([Begin(record()), put(said(1, "hi", at=there))])
        found = await store.get("s1")
        assert found is not None
        assert found.last_active_at == at(60)


async def test_half_a_surrogate_pair_is_replaced(store: AnyStore) -> None:
    async with store.running():
        await store.apply([Begin(record(title="a\udc00")), put(said(1, "b\ud800"))])
        (message,) = await store.messages("s1", limit=5)
        found = await store.get("s1")
        assert found is not None
        assert (message.text, found.title) == ("b\ufffd", "a\ufffd")


async def test_put_carries_the_session_along(store: AnyStore) -> None:
    async with store.running():
        words = "\n  What time is it in Ouagadougou when it is noon in the townhall? \nsecond"
        first = said(1, words, client_seq=4, at=at(9))
        await store.apply([Begin(record()), put(first, stream=2, samples=16_000)])
        await store.apply([put(answered(1, "Eleven.", at=at(8)))])
        found = await store.get("s1")
        assert found == record(
            title="What time is it in Ouagadougou when it is noon in the",
            message_count=2,
            last_turn=1,
            last_active_at=at(9),
            client_seq=4,
            stream=2,
            samples=16_000,
        )


async def test_put_replaces_what_has_the_same_turn_and_speaker(store: AnyStore) -> None:
    async with store.running():
        await store.apply([Begin(record()), put(answered(1, "", status=EntryStatus.OPEN))])
        whole = answered(1, "Done it is.")
        for message in (answered(1, "Done"), whole, attrs.evolve(whole, heard="Done")):
            await store.apply([put(message)])
            assert await store.messages("s1", limit=5) == (message,)
        found = await store.get("s1")
        assert found is not None
        assert found.message_count == 1


async def test_samples_of_a_stream_never_go_back_and_a_new_stream_begins(store: AnyStore) -> None:
    async with store.running():
        await store.apply([Begin(record())])
        told = []
        for turn, stream, samples in ((1, 1, 500), (2, 1, 400), (3, None, 0), (4, 2, 100)):
            await store.apply([put(said(turn, "x"), stream=stream, samples=samples)])
            found = await store.get("s1")
            assert found is not None
            told.append((found.stream, found.samples))
        assert told == [(1, 500), (1, 500), (1, 500), (2, 100)]


async def test_update_leaves_what_is_none_and_a_living_state_forgets_why_it_ended(
    store: AnyStore,
) -> None:
    async with store.running():
        ended = Update(
            session_id="s1",
            state=SessionState.TERMINATED,
            terminated_reason=EndReason.SHUTDOWN,
            title="Mine",
            total_cost_usd=1.5,
        )
        await store.apply([Begin(record()), ended])
        assert await store.get("s1") == record(
            state=SessionState.TERMINATED,
            terminated_reason=EndReason.SHUTDOWN,
            title="Mine",
            total_cost_usd=1.5,
        )
        await store.apply([Update(session_id="s1", last_active_at=at(5), subprocess_pid=12)])
        await store.apply([Update(session_id="s1", state=SessionState.ACTIVE, title="")])
        assert await store.get("s1") == record(
            last_active_at=at(5), subprocess_pid=12, total_cost_usd=1.5
        )


async def test_changes_of_sessions_that_are_not_there_do_nothing(store: AnyStore) -> None:
    async with store.running():
        other = Update(session_id="x", title="t")
        await store.apply([other, put(said(1, "hi"), "x"), Forget("x", 1), Delete("x"), Delete("")])
        await store.apply([])
        assert await store.count() == 0


async def test_session_begins_once(store: AnyStore) -> None:
    async with store.running():
        await store.apply([Begin(record(title="a")), Begin(record(title="b", user_id="u2"))])
        assert await store.get("s1") == record(title="a")


async def test_forget_takes_the_turn_and_the_title_that_came_from_it(store: AnyStore) -> None:
    async with store.running():
        begun = [put(said(1, "set a timer")), put(answered(1, "For how long?"))]
        await store.apply([Begin(record()), *begun])
        whole = said(2, "set a timer for ten minutes")
        await store.apply([Forget("s1", 1), put(whole), Forget("s1", 7)])
        found = await store.get("s1")
        assert found is not None
        assert (found.title, found.message_count, found.last_turn) == (whole.text, 1, 2)
        assert await store.messages("s1", limit=5) == (whole,)


async def test_delete_takes_all(store: AnyStore) -> None:
    async with store.running():
        await store.apply([Begin(record()), put(said(1, "hello")), Begin(record("s2"))])
        await store.apply([Delete("s1")])
        assert await store.get("s1") is None
        assert await store.messages("s1", limit=5) == ()
        assert await store.search("u1", "hello", limit=5) == ()
        assert await store.count() == 1
        await store.apply([Begin(record())])
        assert await store.messages("s1", limit=5) == ()


async def test_lists(store: AnyStore) -> None:
    states = [*SessionState]
    async with store.running():
        for number, state in enumerate(states):
            user = "u1" if number % 2 else "u2"
            made = record(f"s{number}", user, state=state, last_active_at=at(-number))
            await store.apply([Begin(made)])
        of_user = await store.of_user("u1", limit=2)
        assert [each.session_id for each in of_user] == ["s1", "s3"]
        active = await store.active(limit=10)
        assert [each.session_id for each in active] == ["s0", "s1", "s2", "s3"]
        assert [each.state for each in active] == states[:4]
        assert [each.session_id for each in await store.active(limit=1)] == ["s0"]
        assert (await store.count(), await store.count("u1"), await store.count("u9")) == (6, 3, 0)
        assert await store.older_than(at(-4)) == ("s5",)
        assert await store.older_than(at(0)) == ("s5", "s4")


async def test_search_finds_all_words_wherever_they_are(store: AnyStore) -> None:
    async with store.running():
        await store.apply(
            [
                Begin(record("s1", title="Recipes")),
                put(said(1, "How long do I boil an egg?"), "s1"),
                put(answered(1, "Boil it for six minutes."), "s1"),
                Begin(record("s2")),
                put(said(1, "Ein Café in ZÜRICH [bitte]", at=at(50)), "s2"),
                Begin(record("s3", "u2")),
                put(said(1, "egg"), "s3"),
                Begin(record("s4", title="six eggs")),
            ]
        )

        async def found(words: str, limit: int = 9) -> list[tuple[str, str]]:
            results = await store.search("u1", words, limit=limit)
            return [(each.session.session_id, each.snippet) for each in results]

        assert await found("egg") == [("s4", "six [eggs]"), ("s1", "How long do I boil an [egg]?")]
        assert await found("egg", limit=1) == [("s4", "six [eggs]")]
        assert await found("RECIPES boil") == [("s1", "[Boil] it for six minutes.")]
        assert await found("six egg") == [
            ("s4", "[six] [eggs]"),
            ("s1", "Boil it for [six] minutes."),
        ]
        assert await found("eg six") == []  # only the last word may be a beginning
        assert await found("cafe zuri") == [("s2", "Ein [Café] in [ZÜRICH] (bitte)")]
        assert await found("recip") == [("s1", "[Recipes]")]
        for nothing in ("", "  ", "*", '"', "egg* NOT x", "eg%", "-egg OR 1", "tegg"):
            assert await found(nothing) == ([] if nothing != "eg%" else await found("eg"))


async def test_what_a_crash_has_left_open_is_ended(store: AnyStore) -> None:
    async with store.running():
        alive = record("s1", subprocess_pid=99, is_resumable=False)
        ended = record("s3", state=SessionState.TERMINATED, terminated_reason=EndReason.CLOSED)
        await store.apply(
            [
                Begin(alive),
                put(said(1, "one"), "s1"),
                put(answered(1, "1"), "s1"),
                put(said(2, "two"), "s1"),
                put(answered(2, "beginning", status=EntryStatus.OPEN, heard="beg"), "s1"),
                put(said(3, "three", origin=Origin.VOICE), "s1"),
                Begin(record("s2", title="nothing was said")),
                Begin(ended),
                put(said(1, "one"), "s3"),
            ]
        )
        before = await store.get("s3")
    async with store.running():
        assert await store.get("s1") == attrs.evolve(
            alive,
            state=SessionState.TERMINATED,
            terminated_reason=EndReason.CRASHED,
            is_resumable=True,
            subprocess_pid=None,
            title="one",
            message_count=6,
            last_turn=3,
            last_active_at=at(3),
        )
        messages = await store.messages("s1", limit=9)
        assert messages[3] == answered(2, "beginning", status=EntryStatus.LOST, heard="beg")
        assert messages[5] == answered(3, "", status=EntryStatus.LOST, origin=Origin.VOICE)
        assert [each.speaker for each in messages] == [Speaker.USER, Speaker.ASSISTANT] * 3
        assert await store.get("s2") is None
        assert await store.get("s3") == before
        assert await store.active(limit=5) == ()
        assert store.moved_aside is None


async def test_records_are_what_they_say(store: AnyStore) -> None:
    """A message of an earlier moment than the session's last does not make it older."""
    async with store.running():
        await store.apply([Begin(record(last_active_at=at(100))), Put("s1", said(1, "x"))])
        found = await store.get("s1")
        assert found is not None
        assert found.last_active_at == at(100)
        assert found.created_at == EPOCH

"""What is to be kept is written in order, in batches, and its giver is told when it is safe."""

from __future__ import annotations

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from tests.session.session_tools import SlowStore
from tests.session.store.making import put, record, said
from voicechat.errors import StoreFailed
from voicechat.session.scribe import Scribe
from voicechat.session.store.ports import Begin, Delete, Update

pytestmark = pytest.mark.requirement("S-4")


class Story:
    """A scribe at work, and what happened in which order."""

    def __init__(self, store):
        self.store = store
        self.scribe = Scribe(store)
        self.told = []

    def write(self, turn):
        change = put(said(turn, f"q{turn}"))
        self.scribe.write([change], lambda well: self.told.append((turn, well)))

    async def kept(self):
        return [each.text for each in await self.store.messages("s1", limit=10_000)]

    @property
    def applied(self):
        """The turns of each batch that was kept."""
        return [
            [change.message.turn for change in batch if not isinstance(change, Begin)]
            for batch in self.store.applied
        ]


@pytest.fixture
def story():
    return Story(SlowStore())


@pytest.fixture
async def writing(story, nursery):
    await nursery.start(story.scribe.run)
    story.scribe.write([Begin(record())])
    await story.scribe.flush()
    story.store.applied.clear()
    return story


async def test_what_comes_meanwhile_goes_in_one_batch_in_its_order(writing):
    writing.store.block()
    writing.write(1)
    await wait_all_tasks_blocked()
    for turn in range(2, 6):
        writing.write(turn)
    assert writing.told == []
    writing.store.free.set()
    await writing.scribe.flush()
    assert writing.applied == [[1], [2, 3, 4, 5]]
    assert writing.told == [(turn, True) for turn in range(1, 6)]


async def test_a_batch_is_bounded(writing):
    writing.store.block()
    for turn in range(1, 1102):
        writing.write(turn)
    writing.store.free.set()
    await writing.scribe.flush()
    assert [len(batch) for batch in writing.applied] == [500, 500, 101]
    assert await writing.kept() == [f"q{turn}" for turn in range(1, 1102)]


async def test_nobody_is_told_before_it_is_kept(writing):
    writing.store.block()
    kept_then = []
    writing.scribe.write(
        [put(said(1, "q1"))], lambda _: kept_then.extend(map(len, writing.store.applied))
    )
    await wait_all_tasks_blocked()
    assert kept_then == []
    writing.store.free.set()
    await writing.scribe.flush()
    assert kept_then == [1], "the batch was kept by then"


async def test_flush_waits_for_all_that_was_given_and_for_nothing_else(writing):
    await writing.scribe.flush()
    writing.store.block()
    writing.write(1)
    await wait_all_tasks_blocked()
    writing.write(2)
    flushed = trio.Event()

    async def flush():
        await writing.scribe.flush()
        flushed.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flush)
        await wait_all_tasks_blocked()
        assert not flushed.is_set()
        writing.store.free.set()
        await flushed.wait()
    assert writing.told == [(1, True), (2, True)]


async def test_what_could_not_be_kept_is_tried_again_later_in_its_order(writing, autojump_clock):
    writing.store.full = True
    writing.write(1)
    await writing.scribe.flush()
    writing.write(2)
    await writing.scribe.flush()
    assert writing.told == [(1, False), (2, False)]
    assert writing.scribe.failing
    writing.store.full = False
    tried = writing.store.tried
    await trio.sleep(5.1)
    assert writing.store.tried == tried + 1
    assert writing.applied == [[1, 2]]
    assert writing.told == [(1, False), (2, False), (1, True), (2, True)], "at last"
    assert not writing.scribe.failing
    await trio.sleep(60)
    assert writing.store.tried == tried + 1, "there is nothing to try"


async def test_the_next_words_are_kept_with_those_that_could_not_be(writing, autojump_clock):
    writing.store.full = True
    writing.write(1)
    await writing.scribe.flush()
    writing.store.full = False
    writing.write(2)
    await writing.scribe.flush()
    assert writing.applied == [[1, 2]]
    assert writing.told == [(1, False), (1, True), (2, True)]


async def test_a_full_disk_is_tried_every_few_seconds_not_all_the_time(writing, autojump_clock):
    writing.store.full = True
    writing.write(1)
    await writing.scribe.flush()
    tried = writing.store.tried
    await trio.sleep(60)
    assert 10 <= writing.store.tried - tried <= 13


async def test_a_failure_is_logged_once_and_its_end(writing, autojump_clock):
    with structlog.testing.capture_logs() as logs:
        writing.store.full = True
        for turn in range(1, 4):
            writing.write(turn)
            await writing.scribe.flush()
        await trio.sleep(30)
        writing.store.full = False
        await trio.sleep(6)
    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("conversations are not kept", "error"),
        ("conversations are kept again", "info"),
    ]


async def test_what_waits_for_a_full_disk_is_bounded(writing, autojump_clock):
    writing.store.full = True
    writing.write(1)
    await writing.scribe.flush()
    for turn in range(2, 6001):
        writing.write(turn)
    await writing.scribe.flush()
    assert (6000, False) in writing.told, "it is refused, and so not acknowledged"
    writing.store.full = False
    await trio.sleep(6)
    assert await writing.kept() == [f"q{turn}" for turn in range(1, 5001)], "the oldest stay"


async def test_a_deletion_is_never_refused(writing, autojump_clock):
    writing.store.full = True
    writing.write(1)
    await writing.scribe.flush()
    for turn in range(2, 6001):
        writing.write(turn)
    with pytest.raises(StoreFailed):
        await writing.scribe.keep([Delete("s1")])
    writing.store.full = False
    await trio.sleep(6)
    assert await writing.kept() == []


async def test_the_end_writes_what_is_left(story, autojump_clock):
    async with trio.open_nursery() as nursery:
        await nursery.start(story.scribe.run)
        story.scribe.write([Begin(record())])
        story.write(1)
        nursery.cancel_scope.cancel()
    assert await story.kept() == ["q1"]
    assert story.told == [(1, True)]


async def test_what_is_being_written_at_the_end_is_not_lost(story, autojump_clock):
    story.store.block()
    async with trio.open_nursery() as nursery:
        await nursery.start(story.scribe.run)
        story.scribe.write([Begin(record())])
        story.write(1)
        await wait_all_tasks_blocked()  # in the middle of it
        story.write(2)
        nursery.cancel_scope.cancel()
        story.store.free.set()
    assert await story.kept() == ["q1", "q2"]
    assert story.told == [(1, True), (2, True)]


async def test_a_disk_that_hangs_holds_up_the_end_for_some_seconds_only(story, autojump_clock):
    story.store.block()
    with structlog.testing.capture_logs() as logs:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            await nursery.start(story.scribe.run)
            story.write(1)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began == pytest.approx(5)
    assert [each["event"] for each in logs] == ["conversations are not kept"]
    assert story.told == []


async def test_a_full_disk_at_the_end_is_tried_once(story, autojump_clock):
    story.store.full = True
    async with trio.open_nursery() as nursery:
        await nursery.start(story.scribe.run)
        story.write(1)
        nursery.cancel_scope.cancel()
    assert story.told == [(1, False)]


async def test_a_fault_of_the_store_or_of_who_is_told_ends_nothing(story, autojump_clock):
    class Faulty(SlowStore):
        broken = True

        async def apply(self, changes):
            if self.broken:
                raise ZeroDivisionError
            await super().apply(changes)

    def planted(_):
        raise ValueError("planted")

    story.scribe, told = Scribe(Faulty()), []
    async with trio.open_nursery() as nursery:
        await nursery.start(story.scribe.run)
        story.scribe.write([Update(session_id="s1")], planted)
        story.scribe.write([Update(session_id="s1")], told.append)
        await story.scribe.flush()
        assert told == [False]
        story.scribe._store.broken = False
        await trio.sleep(6)
        assert told == [False, True]
        nursery.cancel_scope.cancel()


def test_a_store_failure_can_be_tried_again():
    assert StoreFailed.retryable

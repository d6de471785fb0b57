"""What is said is given to be kept once, with its time, and nobody waits where nothing is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.session.store.making import answered, said
from voicechat.protocol.messages.connection import Pong
from voicechat.protocol.messages.conversation import (
    Origin,
    StreamDelta,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.session import EntryStatus
from voicechat.session.keeper import Keeper, utc_now

pytestmark = pytest.mark.requirement("S-4")

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Written:
    """Takes what is to be kept."""

    def __init__(self):
        self.batches = []

    def __call__(self, changes, on_kept):
        self.batches.append((list(changes), on_kept))


def test_what_is_to_be_kept_is_written_and_told_later():
    written, told = Written(), []
    keeper = Keeper("s", written, now=lambda: NOON)
    changes = keeper.typed(1, "hello", 7)
    assert written.batches == [], "it is given with what acknowledges it"
    assert keeper.keep(changes, told.append)
    assert told == []
    ((kept, on_kept),) = written.batches
    on_kept(True)
    assert told == [True]
    assert kept == changes
    assert (kept[0].session_id, kept[0].message.at, kept[0].message.client_seq) == ("s", NOON, 7)


def test_nothing_need_be_waited_for_where_nothing_has_changed():
    written, told = Written(), []
    keeper = Keeper("s", written)
    assert keeper.follow(Pong("")) == []
    assert not keeper.keep([], told.append)
    assert (written.batches, told) == ([], [])


def test_who_keeps_nothing_still_knows_what_was_said():
    told = []
    keeper = Keeper("s")
    assert not keeper.keep(keeper.typed(1, "hello", None), told.append)
    keeper.follow(TurnStarted(1, Origin.TEXT))
    keeper.follow(StreamDelta(1, "Hi."))
    assert told == []
    assert [entry.text for entry in keeper.transcript.history()] == ["hello", "Hi."]
    keeper.end()


def test_it_goes_on_with_what_was_said_before():
    keeper = Keeper("s", before=[said(3, "before"), answered(3, "yes")])
    assert keeper.transcript.last_turn == 3
    assert [entry.text for entry in keeper.transcript.history()] == ["before", "yes"]


def test_what_has_no_answer_at_the_end_is_kept_as_such():
    written = Written()
    keeper = Keeper("s", written, now=lambda: NOON)
    keeper.follow(TranscriptFinal("what time", True, 1, stream=1, until=9))
    keeper.follow(TurnStarted(1, Origin.VOICE))
    keeper.end()
    ((changes, on_kept),) = written.batches
    on_kept(False)
    assert [change.message.status for change in changes] == [EntryStatus.LOST]
    keeper.end()
    assert len(written.batches) == 1


def test_the_time_has_a_zone():
    assert utc_now().utcoffset() == timedelta(0)

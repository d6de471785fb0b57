"""Whatever a session sends, what is kept of it is what was shown."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.session.transcript_tools import NOW, begun, failed, stopped, traced, whole
from voicechat.agents.ports import Role
from voicechat.protocol.messages.conversation import (
    Origin,
    StopReason,
    StreamDelta,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.session import EntryStatus, SessionState
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.store.memory import MemoryStore
from voicechat.session.store.ports import Begin, SessionRecord
from voicechat.session.transcript import Transcript

pytestmark = pytest.mark.requirement("S-2")

TURNS = st.integers(1, 5)
TEXTS = st.sampled_from(["", "a", "some words "])
ITEMS = st.one_of(
    st.builds(begun, TURNS, st.sampled_from(Origin)),
    st.builds(StreamDelta, TURNS, TEXTS),
    st.builds(whole, TEXTS, TURNS),
    st.builds(stopped, TURNS, st.sampled_from(StopReason)),
    st.builds(failed, TURNS),
    st.builds(traced, TURNS, st.integers(0, 9)),
    st.builds(
        TranscriptFinal,
        TEXTS,
        st.booleans(),
        st.none() | TURNS,
        replaces=st.none() | TURNS,
        stream=st.just(1),
        until=st.integers(0, 100),
    ),
    st.tuples(TURNS, TEXTS, st.integers(1, 99)),  # typed
)


def plausible(items):
    """Only what a session can send: an answer begins once, and ends once before its trace."""
    state, reopened, silent = {}, set(), set()
    for item in items:
        if isinstance(item, tuple):
            if item[0] in state:
                continue
            state[item[0]] = "asked"
        elif isinstance(item, TranscriptFinal):
            if item.turn is not None and (item.turn in state or not item.text):
                continue
            if item.replaces is not None and item.replaces not in reopened:
                continue
            reopened.discard(item.replaces)
            if item.turn is not None:
                state[item.turn] = "asked"
        elif isinstance(item, TurnStarted):
            own = item.origin in {Origin.ASSISTANT, Origin.NOTICE}
            if state.get(item.turn) != (None if own else "asked"):
                continue
            state[item.turn] = "open"
            silent.update([item.turn] if item.origin is Origin.NOTICE else [])
        elif isinstance(item, TurnTrace):
            if state.get(item.turn) != "ended":
                continue
            state[item.turn] = "traced"
        else:
            if state.get(item.turn) != "open":
                continue
            if not isinstance(item, StreamDelta):
                state[item.turn] = "ended"
            if isinstance(item, StreamInterrupted) and item.reason is StopReason.REOPENED:
                if item.turn in silent:
                    state[item.turn] = "open"
                    continue
                reopened.add(item.turn)
        yield item


@given(st.lists(ITEMS, max_size=40))
def test_what_is_kept_is_what_was_shown(items):
    transcript, changes = Transcript("s"), []
    for item in plausible(items):
        if isinstance(item, tuple):
            changes += transcript.typed(*item, NOW)
        else:
            changes += transcript.follow(item, NOW)

    async def kept():
        store = MemoryStore()
        record = SessionRecord(
            session_id="s",
            user_id="u",
            secret_hash=bytes(32),
            state=SessionState.ACTIVE,
            created_at=NOW,
            last_active_at=NOW,
        )
        await store.apply([Begin(record), *changes])
        return await store.messages("s", limit=1000), await store.get("s")

    messages, session = trio.run(kept)
    again = Transcript("s", messages)
    closed = [each for each in transcript.history() if each.status is not EntryStatus.OPEN]
    assert list(again.history()) == closed
    open_turns = {each.turn for each in transcript.history() if each not in closed}
    assert list(again.messages()) == [
        (turn, message)
        for turn, message in transcript.messages()
        if message.role is Role.USER or turn not in open_turns
    ]
    assert session.message_count == len(closed)

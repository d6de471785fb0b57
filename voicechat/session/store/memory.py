"""Keeps sessions for as long as the process lives: for who wants nothing on disk, and for tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.session.store import rules, text_search
from voicechat.session.store.ports import Begin, Delete, Forget, Found, Put, Update

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from voicechat.protocol.messages.session import Speaker
    from voicechat.session.store.ports import Change, MessageRecord, SessionRecord


@attrs.frozen
class _Kept:
    record: SessionRecord
    messages: dict[tuple[int, Speaker], MessageRecord] = attrs.Factory(dict)

    def in_order(self) -> list[MessageRecord]:
        return sorted(self.messages.values(), key=rules.order)


class MemoryStore:
    """A `Store` in dictionaries; also what the one on disk is compared with."""

    moved_aside: str | None = None
    """There is no file that could be damaged."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Kept] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Store.running`; what an earlier block has left is still there."""
        await trio.lowlevel.checkpoint()
        for session_id, kept in list(self._sessions.items()):
            if not kept.messages:
                del self._sessions[session_id]
                continue
            for message in rules.lost_answers(kept.record, list(kept.messages.values())):
                _put(self._sessions, Put(session_id, message))
            record = rules.after_crash(self._sessions[session_id].record)
            self._sessions[session_id] = attrs.evolve(self._sessions[session_id], record=record)
        yield

    async def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `Store.apply`; nothing is ever damaged."""
        await trio.lowlevel.checkpoint()
        sessions = dict(self._sessions)
        for change in changes:
            _apply(sessions, change)
        self._sessions = sessions
        return frozenset()

    async def get(self, session_id: str) -> SessionRecord | None:
        """See `Store.get`."""
        await trio.lowlevel.checkpoint()
        kept = self._sessions.get(session_id)
        return kept.record if kept else None

    async def of_user(self, user_id: str, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.of_user`."""
        await trio.lowlevel.checkpoint()
        return _newest(each for each in self._records() if each.user_id == user_id)[:limit]

    async def active(self, *, limit: int) -> tuple[SessionRecord, ...]:
        """See `Store.active`."""
        await trio.lowlevel.checkpoint()
        return _newest(each for each in self._records() if each.state not in rules.ENDED)[:limit]

    async def count(self, user_id: str | None = None) -> int:
        """See `Store.count`."""
        await trio.lowlevel.checkpoint()
        return sum(user_id in {None, each.user_id} for each in self._records())

    async def messages(
        self, session_id: str, *, limit: int, before: int | None = None
    ) -> tuple[MessageRecord, ...]:
        """See `Store.messages`."""
        await trio.lowlevel.checkpoint()
        kept = self._sessions.get(session_id)
        said = kept.in_order() if kept else []
        wanted = [each for each in said if before is None or each.turn < before]
        return tuple(wanted[-limit:]) if limit else ()

    async def search(self, user_id: str, words: str, *, limit: int) -> tuple[Found, ...]:
        """See `Store.search`: where the title has all words first, then the newest."""
        await trio.lowlevel.checkpoint()
        wanted = text_search.terms(words)
        ranked: list[tuple[bool, Found]] = []
        for record in _newest(each for each in self._records() if each.user_id == user_id):
            title = text_search.fold(record.title)
            texts = [message.text for message in self._sessions[record.session_id].in_order()]
            folded = [title, *map(text_search.fold, texts)]
            if wanted and all(any(term in each for each in folded) for term in wanted):
                having = [
                    text
                    for text in reversed(texts)
                    if any(term in text_search.fold(text) for term in wanted)
                ]
                found = Found(record, text_search.snippet(record.title, having, wanted))
                ranked.append((not all(term in title for term in wanted), found))
        return tuple(found for _, found in sorted(ranked, key=lambda each: each[0])[:limit])

    async def older_than(self, moment: datetime) -> tuple[str, ...]:
        """See `Store.older_than`; the oldest first."""
        await trio.lowlevel.checkpoint()
        old = (
            record
            for record in self._records()
            if record.state in rules.ENDED and record.last_active_at < moment
        )
        ordered = sorted(old, key=attrgetter("last_active_at", "session_id"))
        return tuple(record.session_id for record in ordered)

    def _records(self) -> Iterable[SessionRecord]:
        return (kept.record for kept in self._sessions.values())


def _newest(records: Iterable[SessionRecord]) -> tuple[SessionRecord, ...]:
    return tuple(sorted(records, key=attrgetter("last_active_at", "session_id"), reverse=True))


def _put(sessions: dict[str, _Kept], change: Put) -> None:
    kept = sessions[change.session_id]
    message = rules.cleaned(change.message)
    key = (message.turn, message.speaker)
    record = rules.with_message(
        kept.record, attrs.evolve(change, message=message), new=key not in kept.messages
    )
    sessions[change.session_id] = _Kept(record, {**kept.messages, key: message})


def _forget(sessions: dict[str, _Kept], change: Forget) -> None:
    kept = sessions[change.session_id]
    gone = [message for message in kept.messages.values() if message.turn == change.turn]
    left = {key: each for key, each in kept.messages.items() if each.turn != change.turn}
    sessions[change.session_id] = _Kept(rules.without_messages(kept.record, gone), left)


def _apply(sessions: dict[str, _Kept], change: Change) -> None:
    if isinstance(change, Begin):
        session = rules.fitting(change.session)
        session = attrs.evolve(session, title=rules.clean(session.title))
        sessions.setdefault(session.session_id, _Kept(session))
    elif (kept := sessions.get(change.session_id)) is None:
        return
    elif isinstance(change, Put):
        _put(sessions, change)
    elif isinstance(change, Update):
        sessions[change.session_id] = attrs.evolve(kept, record=rules.updated(kept.record, change))
    elif isinstance(change, Forget):
        _forget(sessions, change)
    elif isinstance(change, Delete):
        del sessions[change.session_id]

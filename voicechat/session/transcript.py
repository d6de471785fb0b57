"""What was said in one session: as its client has seen it, and as it is kept. PURE.

It follows what the session sends, so nothing can be shown that is not here, and tells which changes
that makes for who keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.agents.ports import Message, Role
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.session import EntryStatus, HistoryEntry, Speaker
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.store.ports import Forget, MessageRecord, Put
from voicechat.session.store.rules import order, title_from

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.session.store.ports import Change

KEPT: Final = 200
"""So many messages are at hand and told to a client that has nothing; the store has all."""


class Transcript:
    """Grows with the session.

    Args:
        session_id: For the changes.
        before: What was said before, oldest first.

    Attributes:
        truncated: Whether more was said than is at hand.
    """

    def __init__(self, session_id: str, before: Iterable[MessageRecord] = ()) -> None:
        self._session_id = session_id
        self.truncated = False
        self._entries = {(each.turn, each.speaker): each for each in before}
        self._bound()
        self._pieces: dict[int, list[str]] = {}  # of answers in flight: joined when needed
        self._silent: set[int] = set()  # turns that only say aloud what is told otherwise
        self._asked: dict[int, Origin] = {}  # what the user began, until its answer has ended

    @property
    def last_turn(self) -> int:
        """The largest number of a turn; 0 where there is none."""
        return max((turn for turn, _ in self._entries), default=0)

    @property
    def title(self) -> str:
        """From the first words of the user that are at hand; empty where there are none."""
        titles = (title_from(each) for each in self._in_order())
        return next((title for title in titles if title), "")

    def history(self) -> tuple[HistoryEntry, ...]:
        """All of it for a client, oldest first."""
        return tuple(
            HistoryEntry(
                each.turn,
                each.speaker,
                each.text,
                each.origin,
                each.status,
                each.at.isoformat(timespec="milliseconds"),
                each.client_seq,
            )
            for each in self._in_order()
        )

    def messages(self) -> tuple[tuple[int, Message], ...]:
        """All of it for an agent, each with its turn."""
        return tuple((each.turn, _message(each)) for each in self._in_order())

    def typed(self, turn: int, text: str, client_seq: int | None, at: datetime) -> list[Change]:
        """The user typed this."""
        self._asked[turn] = Origin.TEXT
        return self._put(
            MessageRecord(
                turn=turn,
                speaker=Speaker.USER,
                text=text,
                heard=text,
                origin=Origin.TEXT,
                status=EntryStatus.COMPLETE,
                at=at,
                client_seq=client_seq,
            )
        )

    def follow(  # noqa: C901, PLR0912  (one case a message)
        self, item: ServerMessage | AudioFrame, at: datetime
    ) -> list[Change]:
        """The session sends this."""
        match item:
            case TranscriptFinal():
                return self._heard(item, at)
            case TurnStarted(turn=turn, origin=Origin.NOTICE):
                self._silent.add(turn)
            case TurnStarted(turn=turn, origin=origin):
                self._enter(_answer(turn, origin, at))
            case StreamDelta(turn=turn, text=text):
                if self._is_open(turn):
                    self._pieces.setdefault(turn, []).append(text)
            case ResponseComplete(turn=turn, text=""):
                self._drop_answer(turn)
                self._silent.discard(turn)
            case ResponseComplete(turn=turn, text=text):
                return self._end(turn, EntryStatus.COMPLETE, text)
            case StreamInterrupted(turn=turn, reason=StopReason.REOPENED):
                self._drop_answer(turn)
            case StreamInterrupted(turn=turn):
                return self._end(turn, EntryStatus.INTERRUPTED)
            case StreamError(turn=turn):
                return self._end(turn, EntryStatus.FAILED)
            case TurnTrace(turn=turn, heard_chars=heard):
                entry = self._so_far(turn)
                if entry is not None:
                    return self._put(attrs.evolve(entry, heard=entry.text[:heard]))
            case _:
                pass
        return []

    def end(self, at: datetime) -> list[Change]:
        """The session ends: what has no whole answer will not get one."""
        begun = {each.turn for each in self._entries.values() if each.status is EntryStatus.OPEN}
        changes: list[Change] = []
        for turn in sorted(begun | self._asked.keys()):
            entry = self._open(turn) or _answer(turn, self._asked[turn], at)
            changes += self._put(attrs.evolve(entry, status=EntryStatus.LOST))
        self._asked.clear()
        return changes

    # -- inside --------------------------------------------------------------------------------

    def _in_order(self) -> list[MessageRecord]:
        for turn in list(self._pieces):
            self._so_far(turn)
        return sorted(self._entries.values(), key=order)

    def _heard(self, final: TranscriptFinal, at: datetime) -> list[Change]:
        changes: list[Change] = []
        if final.replaces is not None:
            self._drop_answer(final.replaces)
            self._entries.pop((final.replaces, Speaker.USER), None)
            changes.append(Forget(self._session_id, final.replaces))
        if final.turn is None or not final.accepted:
            return changes
        record = MessageRecord(
            turn=final.turn,
            speaker=Speaker.USER,
            text=final.text,
            heard=final.text,
            origin=Origin.VOICE,
            status=EntryStatus.COMPLETE,
            at=at,
        )
        self._enter(record)
        self._asked[final.turn] = Origin.VOICE
        return [*changes, Put(self._session_id, record, final.stream, final.until)]

    def _drop_answer(self, turn: int) -> None:
        """There is none, or it is not needed."""
        self._entries.pop((turn, Speaker.ASSISTANT), None)
        self._pieces.pop(turn, None)
        self._asked.pop(turn, None)

    def _so_far(self, turn: int) -> MessageRecord | None:
        """As far as it has come."""
        key = turn, Speaker.ASSISTANT
        entry, pieces = self._entries.get(key), self._pieces.pop(turn, None)
        if entry is not None and pieces is not None:
            entry = self._entries[key] = attrs.evolve(entry, text="".join([entry.text, *pieces]))
        return entry

    def _is_open(self, turn: int) -> bool:
        entry = self._entries.get((turn, Speaker.ASSISTANT))
        return entry is not None and entry.status is EntryStatus.OPEN

    def _open(self, turn: int) -> MessageRecord | None:
        return self._so_far(turn) if self._is_open(turn) else None

    def _end(self, turn: int, status: EntryStatus, text: str | None = None) -> list[Change]:
        if turn in self._silent:
            self._silent.discard(turn)
            return []
        entry = self._open(turn)
        if entry is None:
            return []
        self._asked.pop(turn, None)
        text = entry.text if text is None else text
        return self._put(attrs.evolve(entry, status=status, text=text))

    def _put(self, record: MessageRecord) -> list[Change]:
        self._enter(record)
        return [Put(self._session_id, record)]

    def _enter(self, record: MessageRecord) -> None:
        self._entries[record.turn, record.speaker] = record
        self._bound()

    def _bound(self) -> None:
        while len(self._entries) > KEPT:
            self.truncated = True
            del self._entries[next(iter(self._entries))]


def _answer(turn: int, origin: Origin, at: datetime) -> MessageRecord:
    return MessageRecord(
        turn=turn,
        speaker=Speaker.ASSISTANT,
        text="",
        origin=origin,
        status=EntryStatus.OPEN,
        at=at,
    )


def _message(record: MessageRecord) -> Message:
    if record.speaker is Speaker.USER:
        return Message(Role.USER, record.text)
    whole = record.status is EntryStatus.COMPLETE
    heard = record.heard or (record.text if whole else "")
    return Message(Role.ASSISTANT, heard.strip(), intended=record.text.strip(), cut=not whole)

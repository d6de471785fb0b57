"""What a change makes of what is kept: one place, so that a file and a dictionary agree. PURE."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import MessageRecord, Update

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voicechat.session.store.ports import Put, SessionRecord

ENDED: Final = frozenset({SessionState.EXPIRED, SessionState.TERMINATED})
"""States of sessions that nobody drives or waits for."""
TITLE_CHARACTERS: Final = 60
"""Longest title that is made from the user's first words."""
LARGEST: Final = 2**63 - 1
"""Of a whole number that a file can hold: clients name some that are larger."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UPDATED: Final = tuple(field.name for field in attrs.fields(Update) if field.name != "session_id")


def clean(text: str) -> str:
    """The text as UTF-8 can hold it: half a surrogate pair, which JSON can bring, is replaced."""
    return _SURROGATE.sub("\ufffd", text)


def cleaned(message: MessageRecord) -> MessageRecord:
    """The message with clean texts and a number that fits."""
    return attrs.evolve(
        message,
        text=clean(message.text),
        heard=clean(message.heard),
        client_seq=_fitting(message.client_seq),
    )


def fitting(record: SessionRecord) -> SessionRecord:
    """The session with numbers that fit."""
    cost = record.total_cost_usd
    return attrs.evolve(
        record,
        subprocess_pid=_fitting(record.subprocess_pid),
        total_cost_usd=cost if math.isfinite(cost) else 0.0,
        client_seq=min(record.client_seq, LARGEST),
        stream=_fitting(record.stream),
        samples=min(record.samples, LARGEST),
        last_turn=min(record.last_turn, LARGEST),
    )


def _fitting(number: int | None) -> int | None:
    return None if number is None else min(number, LARGEST)


def title_from(message: MessageRecord) -> str:
    """The title that a session has from its user's words; empty if these are not the user's."""
    if message.speaker is not Speaker.USER:
        return ""
    line = next(iter(message.text.strip().splitlines()), "").rstrip()
    if len(line) <= TITLE_CHARACTERS:
        return line
    words, blank, _ = line[: TITLE_CHARACTERS + 1].rpartition(" ")
    return words.rstrip() if blank else line[:TITLE_CHARACTERS]


def updated(record: SessionRecord, change: Update) -> SessionRecord:
    """The session after `change`."""
    news: dict[str, Any] = {
        name: value for name in _UPDATED if (value := getattr(change, name)) is not None
    }
    if "title" in news:
        news["title"] = clean(news["title"])
    if change.state is not None and change.state not in ENDED:
        news["terminated_reason"] = None
    if not math.isfinite(news.get("total_cost_usd", 0.0)):
        del news["total_cost_usd"]
    return fitting(attrs.evolve(record, **news))


def with_message(record: SessionRecord, put: Put, *, new: bool) -> SessionRecord:
    """The session after a message of it was put.

    Args:
        record: It as it was.
        put: The change, with clean texts.
        new: Whether there was no message of this turn and speaker yet.
    """
    message, stream, samples = put.message, record.stream, record.samples
    if put.stream is not None:
        samples = max(samples, put.samples) if put.stream == stream else put.samples
        stream = put.stream
    after = attrs.evolve(
        record,
        title=record.title or title_from(message),
        message_count=record.message_count + new,
        last_turn=max(record.last_turn, message.turn),
        last_active_at=max(record.last_active_at, message.at),
        client_seq=max(record.client_seq, message.client_seq or 0),
        stream=stream,
        samples=samples,
    )
    return fitting(after)


def without_messages(record: SessionRecord, gone: Sequence[MessageRecord]) -> SessionRecord:
    """The session after messages of it were forgotten, and a title that was made from them."""
    made = {title_from(message) for message in gone}
    return attrs.evolve(
        record,
        title="" if record.title in made else record.title,
        message_count=record.message_count - len(gone),
    )


def after_crash(record: SessionRecord) -> SessionRecord:
    """A session as it is when the server begins; one that was alive has crashed with the last."""
    if record.state in ENDED:
        return record
    return attrs.evolve(
        record,
        state=SessionState.TERMINATED,
        terminated_reason=EndReason.CRASHED,
        is_resumable=True,
        subprocess_pid=None,
    )


def lost_answers(
    record: SessionRecord, messages: Iterable[MessageRecord]
) -> tuple[MessageRecord, ...]:
    """The answers that the end of the last server has cut off, as they are to be kept.

    Args:
        record: The session as that server left it.
        messages: All that was said in it.
    """
    found = {(message.turn, message.speaker): message for message in messages}
    lost = []
    for (turn, speaker), message in found.items():
        if speaker is Speaker.ASSISTANT:
            if message.status is EntryStatus.OPEN:
                lost.append(attrs.evolve(message, status=EntryStatus.LOST))
        elif record.state not in ENDED and (turn, Speaker.ASSISTANT) not in found:
            lost.append(
                MessageRecord(
                    turn=turn,
                    speaker=Speaker.ASSISTANT,
                    text="",
                    origin=message.origin,
                    status=EntryStatus.LOST,
                    at=message.at,
                )
            )
    return tuple(lost)


def order(message: MessageRecord) -> tuple[int, bool]:
    """Sorts messages as they were said: by turn, the user's words first."""
    return message.turn, message.speaker is Speaker.ASSISTANT

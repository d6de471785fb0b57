"""A conversation as a text that people keep or other programs read. PURE."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EntryStatus, Speaker
from voicechat.session.store.rules import clean, order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voicechat.session.store.ports import MessageRecord, SessionRecord

FORMAT: Final = "voicechat conversation"
VERSION: Final = 1
"""Of the JSON: becomes larger when a reader would have to know."""

_UNTITLED: Final = "Conversation"
_SPEAKERS: Final = {Speaker.USER: "You", Speaker.ASSISTANT: "Assistant"}
_USER_ORIGINS: Final = {Origin.VOICE: "spoken", Origin.TEXT: "typed"}
_ASSISTANT_ORIGINS: Final = {Origin.ASSISTANT: "of its own accord", Origin.NOTICE: "notice"}
_STATUSES: Final = {
    EntryStatus.COMPLETE: "",
    EntryStatus.OPEN: "not finished yet",
    EntryStatus.INTERRUPTED: "interrupted",
    EntryStatus.FAILED: "failed",
    EntryStatus.LOST: "lost when the server ended",
}

# What begins or ends something in CommonMark and GitHub's tables and formulas, wherever it is.
_ANYWHERE: Final = re.compile(r"[\\`*_\[\]<>&#~|$]")
# What does so at the beginning of a line only: lists, underlines of headings.
_AT_BEGIN: Final = re.compile(r"^(\d{1,9})?([-+=.):])")
_INDENT: Final = re.compile(r"^[ \t]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # splitlines takes the rest


def to_json(session: SessionRecord, messages: Iterable[MessageRecord]) -> str:
    """The conversation as an object of JSON, the same for the same conversation.

    Args:
        session: Nothing of it that says whose it is or that would resume it is told.
        messages: What was said in it; in any order.
    """
    said = sorted(messages, key=order)
    told = {
        "format": FORMAT,
        "version": VERSION,
        "session_id": session.session_id,
        "title": session.title,
        "state": session.state,
        "terminated_reason": session.terminated_reason,
        "created_at": _moment(session.created_at),
        "last_active_at": _moment(session.last_active_at),
        "total_cost_usd": session.total_cost_usd,
        "messages": [
            {
                "turn": message.turn,
                "speaker": message.speaker,
                "at": _moment(message.at),
                "origin": message.origin,
                "status": message.status,
                "text": message.text,
                "heard": message.heard,
            }
            for message in said
        ],
    }
    # Piece by piece: one call for all of it would let no other thread run meanwhile.
    pieces = json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(told)
    return "".join(map(clean, pieces)) + "\n"


def to_markdown(session: SessionRecord, messages: Iterable[MessageRecord]) -> str:
    """The conversation as Markdown, in which nothing that was said is markup.

    Args:
        session: Whose title is the heading.
        messages: What was said in it; in any order.
    """
    title = " ".join(_escaped(line) for line in session.title.splitlines()) or _UNTITLED
    began, last = _day(session.created_at), _day(session.last_active_at)
    blocks = [f"# {title}", f"Began {began}, last words {last} (UTC)."]
    for message in sorted(messages, key=order):
        notes = [_moment(message.at)[11:19], _origin(message), _STATUSES[message.status]]
        blocks.append(f"**{_SPEAKERS[message.speaker]}** ({', '.join(filter(None, notes))})")
        blocks.append(_quoted(message))
    return "\n\n".join(blocks) + "\n"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _origin(message: MessageRecord) -> str:
    known = _USER_ORIGINS if message.speaker is Speaker.USER else _ASSISTANT_ORIGINS
    return known.get(message.origin, "")


def _quoted(message: MessageRecord) -> str:
    """The text as a quotation, with a mark where the user stopped hearing it."""
    if not message.text.strip():
        return "> *(nothing)*"
    text, heard = message.text, message.heard
    cut = message.status is EntryStatus.INTERRUPTED and text.startswith(heard)
    if not cut or not heard.strip() or not text[len(heard) :].strip():
        return _quotation(text)
    return f"{_quotation(heard)}\n>\n> *(not heard:)*\n>\n{_quotation(text[len(heard) :].lstrip())}"


def _quotation(text: str) -> str:
    lines = [_escaped(line) for line in text.strip("\r\n").splitlines()]
    # A backslash at its end keeps a line apart from the next one of its paragraph.
    ends = [
        "\\" if line and after else "" for line, after in zip(lines, [*lines[1:], ""], strict=True)
    ]
    return "\n".join(f"> {line}{end}".rstrip(" ") for line, end in zip(lines, ends, strict=True))


def _escaped(line: str) -> str:
    line = _CONTROL.sub("\ufffd", clean(line.rstrip()))
    line = _INDENT.sub(lambda indent: "\u00a0" * len(indent[0].expandtabs(4)), line)
    return _AT_BEGIN.sub(r"\1\\\2", _ANYWHERE.sub(r"\\\g<0>", line))

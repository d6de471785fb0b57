"""What a conversation becomes on its way out over HTTP: a page of its messages, or a file.

A long one takes seconds, in which no other task may wait: all of this is made in a thread.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from voicechat.session.export import to_json, to_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicechat.session.store.ports import MessageRecord, SessionRecord

_MAX_NAME: Final = 60
"""Characters of a title in a file's name: at most 240 bytes, and file systems allow 255."""


def page(session_id: str, said: Sequence[MessageRecord], limit: int, before: int | None) -> bytes:
    """The newest messages as JSON; no turn is divided, so there may be one more than `limit`.

    Args:
        session_id: Which one.
        said: In it, oldest first.
        limit: So many.
        before: Only those of smaller turns.

    Returns:
        An object with `messages`, oldest first, and `before`: the turn that is to be asked with for
        the page before this one, or null if there is none.
    """
    wanted = [each for each in said if before is None or each.turn < before]
    begin = max(0, len(wanted) - limit)
    if begin and wanted[begin - 1].turn == wanted[begin].turn:
        begin -= 1
    told = {
        "session_id": session_id,
        "messages": [_message(each) for each in wanted[begin:]],
        "before": wanted[begin].turn if begin else None,
    }
    # Piece by piece: one call for all of it would let no other thread run meanwhile.
    return "".join(json.JSONEncoder(separators=(",", ":")).iterencode(told)).encode()


def exported(kind: str, session: SessionRecord, said: Sequence[MessageRecord]) -> bytes:
    """The whole conversation as a file, in UTF-8.

    Args:
        kind: ``json`` or ``markdown``.
        session: Its record.
        said: In it.
    """
    make = to_json if kind == "json" else to_markdown
    return make(session, said).encode()


def _message(message: MessageRecord) -> dict[str, Any]:
    return {
        "turn": message.turn,
        "speaker": message.speaker,
        "text": message.text,
        "heard": message.heard,
        "origin": message.origin,
        "status": message.status,
        "at": message.at.isoformat(timespec="milliseconds"),
    }


def file_names(title: str, ending: str) -> tuple[str, str]:
    """Names for a file, from a title that may hold anything: one in its script, one in ASCII.

    Letters, marks and digits stay, everything else becomes a hyphen: neither paths nor quotes nor
    invisible characters are left.
    """
    kept = "".join(
        char if unicodedata.category(char)[0] in "LMN" else "-"
        for char in unicodedata.normalize("NFC", title)
    )
    full = _hyphenated(kept)
    ascii_only = unicodedata.normalize("NFKD", kept).encode("ascii", "ignore").decode()
    plain = _hyphenated(re.sub("[^A-Za-z0-9]", "-", ascii_only))
    return f"{full}-{ending}", f"{plain}-{ending}"


def _hyphenated(text: str) -> str:
    name = "-".join(part for part in text.split("-") if part)[:_MAX_NAME].strip("-")
    return name or "conversation"

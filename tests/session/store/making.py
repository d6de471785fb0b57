"""Short ways to make what stores keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import MessageRecord, Put, SessionRecord

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def record(session_id: str = "s1", user_id: str = "u1", **more: Any) -> SessionRecord:
    made = SessionRecord(
        session_id=session_id,
        user_id=user_id,
        secret_hash=b"\x07" * 32,
        state=SessionState.ACTIVE,
        created_at=EPOCH,
        last_active_at=EPOCH,
    )
    return attrs.evolve(made, **more)


def said(turn: int, text: str, **more: Any) -> MessageRecord:
    made = MessageRecord(
        turn=turn,
        speaker=Speaker.USER,
        text=text,
        origin=Origin.TEXT,
        status=EntryStatus.COMPLETE,
        at=at(turn),
    )
    return attrs.evolve(made, **more)


def answered(turn: int, text: str, **more: Any) -> MessageRecord:
    return said(turn, text, speaker=Speaker.ASSISTANT, **more)


def put(message: MessageRecord, session_id: str = "s1", **more: Any) -> Put:
    return Put(session_id=session_id, message=message, **more)


def raw(folder: Path) -> bytes:
    """Every byte of every file of the folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

"""The family of sessions: begin one, switch, list, name and delete; `session` is inside one."""

from __future__ import annotations

from typing import ClassVar

import attrs

from voicechat.protocol.fields import number, text
from voicechat.protocol.messages.base import U32_MAX, ClientMessage, ServerMessage
from voicechat.protocol.messages.session import MAX_CLIENT, MAX_ID, SessionState

MAX_TITLE = 120
"""Longest title of a session in characters."""
MAX_QUERY = 200
"""Longest search in characters."""

# -- from the client ---------------------------------------------------------------------------


@attrs.frozen
class CreateSession(ClientMessage):
    """Begin a new session on this connection; the one it drove goes on without a connection.

    Attributes:
        client: See `Resume`.
    """

    type: ClassVar[str] = "create_session"
    client: str = text(max_length=MAX_CLIENT, default="")


@attrs.frozen(kw_only=True)
class SwitchSession(ClientMessage):
    """Drive another session of the same user, from its history where it has ended.

    As `Resume`, but the user's key (see `Hello`) stands for the secret.
    """

    type: ClassVar[str] = "switch_session"
    session_id: str = text(min_length=1, max_length=MAX_ID)
    epoch: str | None = text(max_length=MAX_ID, default=None)
    seq: int | None = number(ge=0, le=U32_MAX, default=None)
    buffered: bool = False
    client_seq: int = number(ge=1, le=U32_MAX, default=1)
    client: str = text(max_length=MAX_CLIENT, default="")


@attrs.frozen
class DestroySession(ClientMessage):
    """End a session of this user and delete all that is kept of it."""

    type: ClassVar[str] = "destroy_session"
    session_id: str = text(min_length=1, max_length=MAX_ID)


@attrs.frozen
class RenameSession(ClientMessage):
    """Give a session of this user another title."""

    type: ClassVar[str] = "rename_session"
    session_id: str = text(min_length=1, max_length=MAX_ID)
    title: str = text(min_length=1, max_length=MAX_TITLE)


@attrs.frozen
class ListSessions(ClientMessage):
    """Ask for a `SessionList`: the newest sessions of this user, or those in which words occur.

    Attributes:
        query: Words to look for in titles and in all that was said; empty for all sessions.
    """

    type: ClassVar[str] = "list_sessions"
    query: str = text(max_length=MAX_QUERY, default="")


# -- from the server ---------------------------------------------------------------------------


@attrs.frozen
class SessionInfo:
    """What a list tells of a session.

    Attributes:
        session_id: Safe to log.
        title: Given by the user, or else from the first words; may be empty.
        state: Where it is in its life.
        created_at: ISO 8601 with zone.
        last_active_at: Likewise.
        message_count: What was said and answered in it.
        snippet: Where a search found its words, with each in ``[`` and ``]``; else empty.
    """

    session_id: str
    title: str
    state: SessionState
    created_at: str
    last_active_at: str
    message_count: int
    snippet: str = ""


@attrs.frozen
class SessionList(ServerMessage):
    """The answer to `ListSessions`; also sent when the list has changed.

    Attributes:
        query: The search that it answers; empty for all sessions.
        sessions: The newest ones, newest first.
        current: The session that this connection drives.
    """

    type: ClassVar[str] = "session_list"
    query: str
    sessions: tuple[SessionInfo, ...]
    current: str | None

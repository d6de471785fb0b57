"""What the HTTP interface needs of the rest of the server, so that it can be tested without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicechat.session.store.ports import Found, MessageRecord, SessionRecord


class Sessions(Protocol):
    """Whoever keeps the sessions, those that are alive and those that are over."""

    async def list(self, user_id: str, query: str, limit: int) -> Sequence[Found]:
        """A user's sessions, newest first; with a query those in which its words occur."""
        ...

    async def find(self, session_id: str) -> SessionRecord | None:
        """What is known of a session, whoever it belongs to."""
        ...

    async def messages(
        self, session_id: str, *, limit: int = ..., before: int | None = None
    ) -> Sequence[MessageRecord]:
        """The newest messages in it, or of those before a turn, oldest first; else all."""
        ...

    async def rename(self, session_id: str, user_id: str, title: str) -> None:
        """Give a session of this user another title.

        Raises:
            ProtocolError: With code `session_not_found`.
        """
        ...

    async def destroy(self, session_id: str, user_id: str) -> None:
        """End a session of this user and delete what is kept of it; errors as `rename`."""
        ...

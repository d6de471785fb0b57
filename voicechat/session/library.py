"""All sessions of a user, alive or not: lists, searches, renames and deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.sessions import SessionInfo
from voicechat.session.store.ports import Found, Update

if TYPE_CHECKING:
    from voicechat.session.kept import KeptSessions
    from voicechat.session.manager import SessionManager
    from voicechat.session.scribe import Scribe
    from voicechat.session.store.ports import MessageRecord, SessionRecord, Store

_SHOWN: Final = 200
"""Sessions in a list."""
_FOUND: Final = 50
_ALL: Final = 1_000_000


class Library:
    """Of all users; each call names one.

    Args:
        sessions: Those that are alive.
        kept: Finds them by what is kept.
        store: Those that are kept.
        scribe: Writes there.
    """

    def __init__(
        self, sessions: SessionManager, kept: KeptSessions, store: Store, scribe: Scribe
    ) -> None:
        self._sessions = sessions
        self._kept = kept
        self._store = store
        self._scribe = scribe

    async def list(self, user_id: str, query: str, limit: int) -> tuple[Found, ...]:
        """The sessions of a user in which something was said, the newest first.

        Args:
            user_id: Whose.
            query: Only those in which these words occur, the best first; empty for all.
            limit: As many at most.
        """
        await self._scribe.flush()
        if query.strip():
            found = await self._store.search(user_id, query, limit=limit)
            return tuple(attrs.evolve(each, session=self._now(each.session)) for each in found)
        records = await self._store.of_user(user_id, limit=limit)
        return tuple(Found(self._now(record), "") for record in records if record.message_count)

    async def infos(self, user_id: str, query: str) -> tuple[SessionInfo, ...]:
        """The same for a client."""
        limit = _FOUND if query.strip() else _SHOWN
        found = await self.list(user_id, query, limit)
        return tuple(_info(each.session, each.snippet) for each in found)

    async def find(self, session_id: str) -> SessionRecord | None:
        """What is kept of a session."""
        await self._scribe.flush()
        record = await self._store.get(session_id)
        return None if record is None else self._now(record)

    async def messages(
        self, session_id: str, *, limit: int = _ALL, before: int | None = None
    ) -> tuple[MessageRecord, ...]:
        """What was said in a session, oldest first; see `Store.messages`."""
        await self._scribe.flush()
        return await self._store.messages(session_id, limit=limit, before=before)

    async def rename(self, session_id: str, user_id: str, title: str) -> None:
        """Give a session of this user another title.

        Raises:
            ProtocolError: With code `session_not_found`.
        """
        await self._kept.owned(session_id, user_id)
        await self._scribe.keep([Update(session_id=session_id, title=title)])
        alive = self._sessions.get(session_id)
        if alive is not None:
            alive.title = title

    async def destroy(self, session_id: str, user_id: str) -> None:
        """End a session of this user and delete all that is kept of it; errors as `rename`."""
        await self._kept.destroy(session_id, user_id)

    def _now(self, record: SessionRecord) -> SessionRecord:
        """What is kept, with the state of a session that is alive as it is now."""
        alive = self._sessions.get(record.session_id)
        return record if alive is None else attrs.evolve(record, state=alive.life.state)


def _info(record: SessionRecord, snippet: str) -> SessionInfo:
    return SessionInfo(
        record.session_id,
        record.title,
        record.state,
        record.created_at.isoformat(timespec="seconds"),
        record.last_active_at.isoformat(timespec="seconds"),
        record.message_count,
        snippet,
    )

"""Sessions by what is kept of them: finds those that may be driven again, and brings them back."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.session import EndReason, SessionState
from voicechat.session import identity
from voicechat.session.alive import record_of
from voicechat.session.keeper import Keeper
from voicechat.session.store.ports import Delete, Update
from voicechat.session.transcript import KEPT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.session import Resume
    from voicechat.protocol.messages.sessions import SwitchSession
    from voicechat.session.alive import Alive
    from voicechat.session.manager import SessionManager
    from voicechat.session.scribe import Scribe
    from voicechat.session.store.ports import SessionRecord, Store


class KeptSessions:
    """Of one server.

    Args:
        sessions: Those that are alive.
        store: Where they are kept.
        scribe: Writes there.
        window_s: How long after the server is there a session of before can be resumed.
    """

    def __init__(
        self,
        sessions: SessionManager,
        store: Store,
        scribe: Scribe,
        *,
        window_s: float = math.inf,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._scribe = scribe
        self._window_over_at = trio.current_time() + window_s
        self._reopening: dict[str, trio.Lock] = {}
        self._doomed: set[str] = set()

    async def resume(self, point: Resume, hello: Hello) -> Alive:
        """Find the session that a client wants to drive again, by its secret.

        Raises:
            ProtocolError: With code `session_expired` or `session_not_found`.
            CapacityExceeded: It would have to be brought back, and as many as allowed are alive.
        """
        record = await self._find(point.session_id)
        if record is None or not identity.is_secret(point.secret, record.secret_hash):
            raise _not_found()
        expired = (
            EndReason.EXPIRED is record.terminated_reason
            or trio.current_time() > self._window_over_at
        )
        if self._sessions.get(point.session_id) is None and expired and not point.reopen:
            raise ProtocolError(
                "You were away for too long: the conversation has ended.",
                suggested_action="Go on in the new one. The old one is in the list.",
                code=ErrorCode.SESSION_EXPIRED,
            )
        return await self._bring_back(record.session_id, hello)

    async def switch(self, point: SwitchSession, hello: Hello, user_id: str) -> Alive:
        """Find a session of a user; errors as `resume`."""
        record = await self.owned(point.session_id, user_id)
        return await self._bring_back(record.session_id, hello)

    async def owned(self, session_id: str, user_id: str) -> SessionRecord:
        """What is kept of a session of this user.

        Raises:
            ProtocolError: With code `session_not_found`: also where it is somebody else's.
        """
        record = await self._find(session_id)
        if record is None or not user_id or record.user_id != user_id:
            raise _not_found()
        return record

    async def destroy(self, session_id: str, user_id: str) -> None:
        """End a session of this user and delete what is kept of it; errors as `owned`."""
        await self.owned(session_id, user_id)
        # At once, so that nothing can come in between: what it still wanted to keep is not kept.
        self._doomed.add(session_id)
        alive = self._sessions.get(session_id)
        if alive is not None:
            self._sessions.end(alive, EndReason.DESTROYED)
        await self._scribe.keep([Delete(session_id)])
        async with self._bringing_back(session_id):  # who still did so has seen that it is doomed
            self._doomed.discard(session_id)
        if alive is not None:
            await alive.session.ended.wait()

    async def forget(self, session_ids: Iterable[str]) -> int:
        """Delete sessions in which nothing was said for long, but for those that are alive again.

        Returns:
            How many.
        """
        async with AsyncExitStack() as locks:
            old = []
            for session_id in session_ids:
                await locks.enter_async_context(self._bringing_back(session_id))
                if self._sessions.get(session_id) is None:
                    old.append(session_id)
            await self._scribe.keep([Delete(session_id) for session_id in old])
        return len(old)

    # -- inside --------------------------------------------------------------------------------

    @asynccontextmanager
    async def _bringing_back(self, session_id: str) -> AsyncIterator[None]:
        """Nobody else brings this session back in the block."""
        lock = self._reopening.setdefault(session_id, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.statistics().tasks_waiting and not lock.locked():
                self._reopening.pop(session_id, None)

    async def _find(self, session_id: str) -> SessionRecord | None:
        alive = self._sessions.get(session_id)
        if alive is not None and alive.reason is None:  # even while the disk fails
            return record_of(alive, identity.hash_of(alive.secret))
        if alive is not None:
            await alive.session.ended.wait()
        await self._scribe.flush()  # it may have ended this moment
        return await self._store.get(session_id)

    async def _bring_back(self, session_id: str, hello: Hello) -> Alive:
        """The session as it lives, or else from its history."""
        async with self._bringing_back(session_id):  # two connections may want it at once
            alive = self._sessions.get(session_id)
            if alive is not None and alive.reason is None and alive.fits(hello):
                return alive
            if alive is not None:
                self._sessions.end(alive, EndReason.CLOSED)
                await alive.session.ended.wait()
            await self._scribe.flush()
            past = await self._store.get(session_id)
            if past is None or not past.is_resumable:
                raise _not_found()
            before = await self._store.messages(past.session_id, limit=KEPT + 1)
            if session_id in self._doomed:
                raise _not_found()
            keeper = Keeper(past.session_id, self._scribe.write, before)
            alive = self._sessions.revive(past, keeper, hello)
            alive.words = bool(before)
            change = Update(
                session_id=alive.id,
                state=SessionState.ACTIVE,
                secret_hash=identity.hash_of(alive.secret),
            )
            self._scribe.write([change])
            return alive


def _not_found() -> ProtocolError:
    return ProtocolError(
        "There is no such conversation, or it is somebody else's.",
        suggested_action="Begin a new one.",
        code=ErrorCode.SESSION_NOT_FOUND,
    )

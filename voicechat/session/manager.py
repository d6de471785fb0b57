"""Makes sessions, owns their nursery, and knows which are alive."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.errors import CapacityExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.session import Session

log = structlog.get_logger()


class SessionManager:
    """The `sessions` branch of the tree; `run` owns every session.

    Args:
        make: Builds a session from its id and the client's hello; it starts nothing.
        limit: Sessions that may live at the same time.
    """

    def __init__(self, make: Callable[[str, Hello], Session], *, limit: int) -> None:
        self._make = make
        self._limit = limit
        self._live: dict[str, Session] = {}
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._live)

    def turns(self, session_id: str) -> tuple[TurnTrace, ...] | None:
        """Records of the newest turns of a live session; None if there is no such session."""
        session = self._live.get(session_id)
        return None if session is None else session.turns

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the sessions until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def create(self, hello: Hello) -> Session:
        """Start a session.

        Raises:
            CapacityExceeded: As many as allowed are alive.
        """
        if len(self._live) >= self._limit:
            raise CapacityExceeded(
                "Too many people are talking to this server.",
                suggested_action="Try again when somebody has left.",
            )
        if self._nursery is None:
            raise RuntimeError("the session manager does not run")
        session = self._make(secrets.token_hex(8), hello)
        self._live[session.id] = session
        self._nursery.start_soon(self._own, session, name=f"session {session.id}")
        return session

    async def _own(self, session: Session) -> None:
        log.info("session started", session_id=session.id)
        try:
            await session.run()
        finally:
            del self._live[session.id]
            log.info("session ended", session_id=session.id)

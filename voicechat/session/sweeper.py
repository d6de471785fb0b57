"""Does in time what is due in sessions: rest, warn, expire and end them, and forget old ones.

It sleeps until the next moment at which something is due; nothing is polled.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
import trio

from voicechat.errors import StoreFailed
from voicechat.protocol.messages.session import EndReason, SessionWarning
from voicechat.session.lifecycle import Due
from voicechat.session.store.ports import Delete

if TYPE_CHECKING:
    from voicechat.session.alive import Alive
    from voicechat.session.manager import SessionManager
    from voicechat.session.scribe import Scribe
    from voicechat.session.store.ports import Store

log = structlog.get_logger()

_FORGET_EVERY_S: Final = 6 * 3600.0


class Sweeper:
    """Of all sessions.

    Args:
        sessions: Those that are alive.
        store: Those that are kept.
        scribe: Writes there.
        keep_days: How long a session is kept in which nothing is said; None for ever.
    """

    def __init__(
        self, sessions: SessionManager, store: Store, scribe: Scribe, *, keep_days: int | None
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._scribe = scribe
        self._keep_days = keep_days
        self._next = math.inf
        self._earlier = trio.Event()
        sessions.on_deadline = self._look

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sweep until cancelled."""
        async with trio.open_nursery() as nursery:
            if self._keep_days is not None:
                nursery.start_soon(self._forget_old, self._keep_days)
            task_status.started()
            while True:
                self._earlier = trio.Event()
                going_on = (each.life for each in self._sessions if each.reason is None)
                self._next = min((life.deadline for life in going_on), default=math.inf)
                with trio.move_on_at(self._next):
                    await self._earlier.wait()
                for alive in self._sessions:
                    self._sweep(alive)

    def _look(self, deadline: float) -> None:
        """Something is due in a session then."""
        if deadline < self._next:
            self._earlier.set()

    def _sweep(self, alive: Alive) -> None:
        while alive.reason is None and not alive.session.ended.is_set():
            match alive.life.due(trio.current_time()):
                case None:
                    return
                case Due.REST:
                    self._sessions.rest(alive)
                case Due.WARN:
                    remaining = alive.life.remaining_s(trio.current_time())
                    with suppress(trio.ClosedResourceError):  # it ends just now
                        alive.session.tell(SessionWarning(round(remaining, 1)))
                case Due.EXPIRE:
                    self._sessions.expire(alive)
                case Due.END:
                    self._sessions.end(alive, EndReason.MAX_DURATION)

    async def _forget_old(self, days: int) -> None:
        while True:
            try:
                old = await self._store.older_than(datetime.now(UTC) - timedelta(days=days))
            except StoreFailed as error:
                log.warning("old conversations are not deleted yet", reason=error.message)
            else:
                if old:
                    self._scribe.write([Delete(session_id) for session_id in old])
                    log.info("old conversations deleted", count=len(old), days=days)
            await trio.sleep(_FORGET_EVERY_S)

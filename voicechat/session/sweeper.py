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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicechat.session.alive import Alive
    from voicechat.session.kept import KeptSessions
    from voicechat.session.manager import SessionManager
    from voicechat.session.store.ports import Store

log = structlog.get_logger()

_FORGET_EVERY_S: Final = 6 * 3600.0
_AT_ONCE: Final = 50
"""Conversations that are deleted in one transaction."""


class Sweeper:
    """Of all sessions.

    Args:
        sessions: Those that are alive.
        store: Those that are kept.
        kept: Deletes them.
        keep_days: How long a session is kept in which nothing is said; None for ever.
    """

    def __init__(
        self, sessions: SessionManager, store: Store, kept: KeptSessions, *, keep_days: int | None
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._kept = kept
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
                    try:
                        self._sweep(alive)
                    except Exception:  # of its agent, perhaps: it ends that session only
                        log.exception("session failed", session_id=alive.id)
                        self._sessions.end(alive, EndReason.FAILED)

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

    async def _forget(self, old: Sequence[str], days: int) -> None:
        for first in range(0, len(old), _AT_ONCE):
            count = await self._kept.forget(old[first : first + _AT_ONCE])
            log.info("old conversations deleted", count=count, days=days)

    async def _forget_old(self, days: int) -> None:
        while True:
            try:
                old = await self._store.older_than(datetime.now(UTC) - timedelta(days=days))
                await self._forget(old, days)
            except StoreFailed as error:
                log.warning("old conversations are not deleted yet", reason=error.message)
            await trio.sleep(_FORGET_EVERY_S)

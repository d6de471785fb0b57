"""The sessions that are alive: makes them, brings them back and ends them; owns their tasks."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
import trio

from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError
from voicechat.protocol.messages.connection import ServerShuttingDown
from voicechat.protocol.messages.session import EndReason, SessionState
from voicechat.protocol.messages.sessions import CreateSession
from voicechat.session import identity
from voicechat.session.alive import Alive, longest_away, record_of
from voicechat.session.keeper import Keeper
from voicechat.session.lifecycle import Life, LifeEvent, Timers
from voicechat.session.store.ports import Begin, Delete, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.session import Resume
    from voicechat.protocol.messages.sessions import SwitchSession
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.alive import Make
    from voicechat.session.driver import Attached, Line
    from voicechat.session.scribe import Scribe
    from voicechat.session.session import Session
    from voicechat.session.store.ports import SessionRecord

log = structlog.get_logger()

_LAST_WORDS_S: Final = 0.5
"""For telling a client that its turn was cut."""


class SessionManager:
    """The `sessions` branch of the tree.

    Args:
        make: Builds a session.
        scribe: Writes what is kept of them.
        limit: Sessions that may be alive at the same time.
        timers: How long things last.
        secrets: Makes the secrets of sessions.

    Attributes:
        on_deadline: Told when something may be due in a session earlier than it was.
    """

    def __init__(
        self,
        make: Make,
        *,
        scribe: Scribe,
        limit: int,
        timers: Timers,
        secrets: identity.Secrets | None = None,
    ) -> None:
        self.on_deadline: Callable[[float], None] = lambda _: None
        self._make = make
        self._scribe = scribe
        self._limit = limit
        self._timers = timers
        self._secrets = secrets or identity.Secrets()
        self._alive: dict[str, Alive] = {}
        self._nursery: trio.Nursery | None = None
        self._draining = False
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._alive)

    def __iter__(self) -> Iterator[Alive]:
        return iter(tuple(self._alive.values()))

    def get(self, session_id: str) -> Alive | None:
        """A session that is alive."""
        return self._alive.get(session_id)

    def turns(self, session_id: str) -> tuple[TurnTrace, ...] | None:
        """Records of the newest turns of a live session; None if there is no such session."""
        alive = self._alive.get(session_id)
        return None if alive is None else alive.session.conversation.traces

    def statistics(self) -> dict[str, int]:
        """How many are alive, how many of them in each state, and what happened since the start."""
        states = Counter(alive.life.state for alive in self._alive.values())
        now = {state.value: states[state] for state in _LIVE}
        return {"alive": len(self._alive), **now, **{name: self._counts[name] for name in _COUNTED}}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the sessions until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    # -- begin ---------------------------------------------------------------------------------

    def create(self, hello: Hello, user_id: str = "") -> Alive:
        """Start a new session.

        Raises:
            CapacityExceeded: As many as allowed are alive.
            ProtocolError: With code `server_shutting_down`.
        """
        self._check_open()
        session_id = identity.new_session_id()
        keeper = Keeper(session_id, self._scribe.write)
        alive = self._begin(self._make(session_id, hello, keeper=keeper), user_id, _now())
        self._scribe.write([Begin(record_of(alive, identity.hash_of(alive.secret)))])
        self._counts["created"] += 1
        return alive

    def revive(self, past: SessionRecord, keeper: Keeper, hello: Hello) -> Alive:
        """Start a session from what was kept of it; errors as `create`."""
        self._check_open()
        session = self._make(past.session_id, hello, keeper=keeper, past=past)
        alive = self._begin(session, past.user_id, past.created_at)
        alive.title = past.title
        return alive

    # -- drive ---------------------------------------------------------------------------------

    def drive(
        self, alive: Alive, line: Line, point: Resume | SwitchSession | CreateSession | None = None
    ) -> Attached:
        """Let a connection drive a session, instead of the one that did."""
        attached = alive.session.driver.attach(line, point)
        if point is not None and not isinstance(point, CreateSession):
            self._counts["resumed" if attached.history is None else "restored"] += 1
        if alive.reason is None:  # else the connection is told at once that it has ended
            self._happens(alive, LifeEvent.ATTACHED)
        return attached

    async def leave(self, alive: Alive, line: Line, *, comes_back: bool = True) -> None:
        """A connection drives a session no more; unless its client comes back, the session ends."""
        if not alive.session.driver.detach(line) or alive.session.ended.is_set():
            return
        self._happens(alive, LifeEvent.DETACHED)
        if self._draining:
            alive.session.conversation.presence.leaves()
        if not (comes_back and alive.session.hello.acknowledges):
            self.end(alive, EndReason.CLOSED)
            with trio.CancelScope(shield=True):  # short: all that it owns can be cancelled
                await alive.session.ended.wait()

    # -- end -----------------------------------------------------------------------------------

    def end(self, alive: Alive, reason: EndReason) -> None:
        """End a session; its history is kept unless it is destroyed."""
        if alive.reason is None:
            alive.reason = reason
            alive.session.end()

    async def drain(self, grace_s: float) -> None:
        """The server ends: tell every client, let turns in flight end in time, end the sessions."""
        self._draining = True
        deadline = trio.current_time() + grace_s
        async with trio.open_nursery() as nursery:
            for alive in tuple(self._alive.values()):
                nursery.start_soon(self._drain, alive, grace_s, deadline)

    # -- what the sweeper finds to be due ------------------------------------------------------

    def expire(self, alive: Alive) -> None:
        """Nobody came back to it."""
        self._happens(alive, LifeEvent.EXPIRED)
        self._counts["expired"] += 1
        self.end(alive, EndReason.EXPIRED)

    def rest(self, alive: Alive) -> None:
        """Nothing was said for long: release its agent, unless that has begun something since."""
        if alive.session.rest():
            self._happens(alive, LifeEvent.RESTED)
        else:
            alive.life.touch(trio.current_time())

    # -- inside --------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._draining:
            raise ProtocolError(
                "The server is shutting down.",
                suggested_action="Try again when it is back.",
                code=ErrorCode.SERVER_SHUTTING_DOWN,
            )
        staying = [alive for alive in self if alive.reason is None]
        if len(staying) >= self._limit:
            away = longest_away(staying, trio.current_time())
            if away is None:
                raise CapacityExceeded(
                    "Too many people are talking to this server.",
                    suggested_action="Try again when somebody has left.",
                )
            self.expire(away)

    def _begin(self, session: Session, user_id: str, created_at: datetime) -> Alive:
        if self._nursery is None:
            raise RuntimeError("the session manager does not run")
        now = trio.current_time()
        alive = Alive(
            session=session,
            life=Life(self._timers, now),
            user_id=user_id,
            secret=self._secrets.of(session.id),
            created_at=created_at,
        )
        session.on_words = partial(self._said, alive)
        session.on_work = partial(self._works, alive)
        self._alive[session.id] = alive
        alive.life.happens(LifeEvent.READY, now)
        self._nursery.start_soon(self._own, alive, name=f"session {session.id}")
        self.on_deadline(alive.life.deadline)
        return alive

    async def _own(self, alive: Alive) -> None:
        log.info("session started", session_id=alive.id)
        try:
            await alive.session.run()
        finally:
            del self._alive[alive.id]
            reason = alive.reason or (
                EndReason.FAILED if alive.session.failed else EndReason.SHUTDOWN
            )
            alive.reason = reason
            if alive.life.state is not SessionState.EXPIRED:
                alive.life.happens(LifeEvent.ENDED, trio.current_time())
            if alive.words:
                self._scribe.write(
                    [
                        Update(
                            session_id=alive.id,
                            state=alive.life.state,
                            terminated_reason=reason,
                        )
                    ]
                )
            else:
                self._scribe.write([Delete(alive.id)])
            log.info("session ended", session_id=alive.id, reason=reason)

    async def _drain(self, alive: Alive, grace_s: float, deadline: float) -> None:
        session = alive.session
        with suppress(trio.ClosedResourceError):
            session.tell(ServerShuttingDown(grace_s))
        if not session.driver.there:  # what is not heard can be read when it is back
            session.conversation.presence.leaves()
        with trio.move_on_at(deadline):
            await session.conversation.drain()
        session.conversation.stop()
        with trio.move_on_after(_LAST_WORDS_S):
            await session.conversation.drain()
        self.end(alive, EndReason.SHUTDOWN)
        await session.ended.wait()

    def _said(self, alive: Alive) -> None:
        alive.words = alive.news = True
        alive.title = alive.title or alive.session.title
        before = alive.life.state
        alive.life.touch(trio.current_time())
        self._changed(alive, before)

    def _works(self, alive: Alive, busy: bool) -> None:  # noqa: FBT001  (a callback)
        before = alive.life.state
        alive.busy = busy
        alive.life.busy(busy, trio.current_time())
        if busy:  # it may have woken who answers, also for words that come to nothing
            alive.life.touch(trio.current_time())
        self._changed(alive, before)

    def _happens(self, alive: Alive, event: LifeEvent) -> None:
        before = alive.life.state
        alive.life.happens(event, trio.current_time())
        self._changed(alive, before)

    def _changed(self, alive: Alive, before: SessionState) -> None:
        if alive.life.state is not before:
            self._scribe.write([Update(session_id=alive.id, state=alive.life.state)])
        self.on_deadline(alive.life.deadline)


_LIVE: Final = (SessionState.ACTIVE, SessionState.IDLE, SessionState.DISCONNECTED)
_COUNTED: Final = ("created", "resumed", "restored", "expired")


def _now() -> datetime:
    return datetime.now(UTC)

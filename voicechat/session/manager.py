"""The sessions that are alive: makes them, brings them back and ends them; owns their tasks."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import structlog
import trio

from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError
from voicechat.protocol.messages.connection import ServerShuttingDown
from voicechat.protocol.messages.session import EndReason, SessionState
from voicechat.session import identity
from voicechat.session.alive import Alive, record_of
from voicechat.session.keeper import Keeper
from voicechat.session.lifecycle import Life, LifeEvent, Timers
from voicechat.session.store.ports import Begin, Delete, Update
from voicechat.session.transcript import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.session import Resume, SwitchSession
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.driver import Attached, Line
    from voicechat.session.scribe import Scribe
    from voicechat.session.session import Session
    from voicechat.session.store.ports import SessionRecord, Store

log = structlog.get_logger()

_LAST_WORDS_S: Final = 0.5
"""For telling a client that its turn was cut."""


class Make(Protocol):
    """Builds a session; it starts nothing."""

    def __call__(
        self,
        session_id: str,
        hello: Hello,
        /,
        *,
        keeper: Keeper | None = None,
        past: SessionRecord | None = None,
    ) -> Session:
        """Build it."""
        ...


class SessionManager:
    """The `sessions` branch of the tree.

    Args:
        make: Builds a session.
        store: Where sessions are kept.
        scribe: Writes there.
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
        store: Store,
        scribe: Scribe,
        limit: int,
        timers: Timers,
        secrets: identity.Secrets | None = None,
    ) -> None:
        self.on_deadline: Callable[[float], None] = lambda _: None
        self._make = make
        self._store = store
        self._scribe = scribe
        self._limit = limit
        self._timers = timers
        self._secrets = secrets or identity.Secrets()
        self._alive: dict[str, Alive] = {}
        self._nursery: trio.Nursery | None = None
        self._reopening = trio.Lock()
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

    async def resume(self, point: Resume, hello: Hello) -> Alive:
        """Find the session that a client wants to drive again, by its secret.

        Raises:
            ProtocolError: With code `session_expired` or `session_not_found`.
            CapacityExceeded: It would have to be brought back, and as many as allowed are alive.
        """
        record = await self._kept(point.session_id)
        if record is None or not identity.is_secret(point.secret, record.secret_hash):
            raise _not_found()
        expired = EndReason.EXPIRED is record.terminated_reason
        if point.session_id not in self._alive and expired and not point.reopen:
            raise ProtocolError(
                "You were away for too long: the conversation has ended.",
                suggested_action="Go on in the new one. The old one is in the list.",
                code=ErrorCode.SESSION_EXPIRED,
            )
        return await self._bring_back(record, hello)

    async def switch(self, point: SwitchSession, hello: Hello, user_id: str) -> Alive:
        """Find a session of a user; errors as `resume`."""
        return await self._bring_back(await self.owned(point.session_id, user_id), hello)

    async def owned(self, session_id: str, user_id: str) -> SessionRecord:
        """What is kept of a session of this user.

        Raises:
            ProtocolError: With code `session_not_found`: also where it is somebody else's.
        """
        record = await self._kept(session_id)
        if record is None or not user_id or record.user_id != user_id:
            raise _not_found()
        return record

    # -- drive ---------------------------------------------------------------------------------

    def drive(
        self, alive: Alive, line: Line, point: Resume | SwitchSession | None = None
    ) -> Attached:
        """Let a connection drive a session, instead of the one that did."""
        attached = alive.session.driver.attach(line, point)
        if point is not None:
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

    async def destroy(self, session_id: str, user_id: str) -> None:
        """End a session of this user and delete what is kept of it; errors as `owned`."""
        await self.owned(session_id, user_id)
        async with self._reopening:  # nobody brings it back meanwhile
            alive = self._alive.get(session_id)
            if alive is not None:
                self.end(alive, EndReason.DESTROYED)
                await alive.session.ended.wait()
            self._scribe.write([Delete(session_id)])
        await self._scribe.flush()

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
        """Nothing was said for long: release its agent."""
        alive.session.rest()
        self._happens(alive, LifeEvent.RESTED)

    # -- inside --------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._draining:
            raise ProtocolError(
                "The server is shutting down.",
                suggested_action="Try again when it is back.",
                code=ErrorCode.SERVER_SHUTTING_DOWN,
            )
        if len(self._alive) >= self._limit:
            raise CapacityExceeded(
                "Too many people are talking to this server.",
                suggested_action="Try again when somebody has left.",
            )

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

    async def _kept(self, session_id: str) -> SessionRecord | None:
        alive = self._alive.get(session_id)
        if alive is not None and alive.reason is None:  # even while the disk fails
            return record_of(alive, identity.hash_of(alive.secret))
        if alive is not None:
            await alive.session.ended.wait()
        await self._scribe.flush()  # it may have ended this moment
        return await self._store.get(session_id)

    async def _bring_back(self, record: SessionRecord, hello: Hello) -> Alive:
        """The session as it lives, or else from its history."""
        async with self._reopening:  # two connections may want it at once
            alive = self._alive.get(record.session_id)
            if alive is not None and alive.reason is None and alive.fits(hello):
                return alive
            if alive is not None:
                self.end(alive, EndReason.CLOSED)
                await alive.session.ended.wait()
            await self._scribe.flush()
            past = await self._store.get(record.session_id)
            if past is None or not past.is_resumable:
                raise _not_found()
            before = await self._store.messages(past.session_id, limit=KEPT)
            self._check_open()
            keeper = Keeper(past.session_id, self._scribe.write, before)
            session = self._make(past.session_id, hello, keeper=keeper, past=past)
            alive = self._begin(session, past.user_id, past.created_at)
            alive.title, alive.words = past.title, bool(before)
            secret_hash = identity.hash_of(alive.secret)
            self._scribe.write(
                [Update(session_id=alive.id, state=SessionState.ACTIVE, secret_hash=secret_hash)]
            )
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
        alive.words = True
        alive.title = alive.title or alive.session.title
        before = alive.life.state
        alive.life.touch(trio.current_time())
        self._changed(alive, before)

    def _works(self, alive: Alive, busy: bool) -> None:  # noqa: FBT001  (a callback)
        before = alive.life.state
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


def _not_found() -> ProtocolError:
    return ProtocolError(
        "There is no such conversation, or it is somebody else's.",
        suggested_action="Begin a new one.",
        code=ErrorCode.SESSION_NOT_FOUND,
    )

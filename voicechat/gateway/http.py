"""Speaks HTTP/1.1 on one connection with Hypercorn's protocol, until its end or an upgrade.

The only module that touches Hypercorn's internals (``tests/contracts`` holds each of them). It
takes Hypercorn's HTTP/1.1 state machine, its ASGI life span and nothing else: Hypercorn's own
connection shields its writes from cancellation, so that a client which does not read outlives the
server; it spends a task on each idle time-out; and it offers HTTP/2 with WebSockets inside. Here a
write can be cancelled, an idle time-out is the deadline of the read, and there is no HTTP/2.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import attrs
import h11
import structlog
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIReceiveEvent, ASGISendEvent, ConnectionState, TaskGroup
from hypercorn.utils import LifespanTimeoutError, wrap_app

from voicechat.gateway.app import guarded, new_app
from voicechat.gateway.upgrade import Verdict

if TYPE_CHECKING:
    from hypercorn.typing import AppWrapper, ASGIFramework, Scope

    from voicechat.gateway.origin import Guard
    from voicechat.gateway.wire import Wire

log = structlog.get_logger()

__all__ = ["HttpServer", "HttpSettings", "new_app", "running"]

Judge = Callable[[bytes], Verdict]
ToApp = Callable[[ASGIReceiveEvent], Awaitable[None]]
FromApp = Callable[[ASGISendEvent | None], Awaitable[None]]

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
LINGER = 1.0
"""Seconds to wait for the client's own end after our last answer; see `Wire.finish_sending`."""

HALF_CLOSED = 2.0
"""Seconds to finish an answer after the client's end: it may have closed only its half."""


@attrs.frozen
class HttpSettings:
    """Limits of a plain HTTP connection.

    Attributes:
        idle_timeout: Seconds until a request's head must be complete, counted from the connection's
            start or the last answer; bytes that trickle in do not extend it.
        body_timeout: Seconds between two reads of a request's body.
        max_head: Bytes of a request's head; more is answered with 431.
        shutdown_timeout: Seconds that the application's own shutdown functions may take.
    """

    idle_timeout: float = 10.0
    body_timeout: float = 30.0
    max_head: int = 16 * 1024
    shutdown_timeout: float = 5.0


@attrs.define(eq=False)
class HttpServer:
    """What all HTTP connections of one application share; made by `running`."""

    settings: HttpSettings
    app: AppWrapper
    config: Config
    context: WorkerContext
    state: dict[str, Any]
    idle: set[_Conversation] = attrs.field(factory=set, init=False)

    async def converse(self, wire: Wire, judge: Judge) -> bytes | None:
        """Serve one connection.

        Args:
            wire: The client's stream; the caller closes it.
            judge: Told the first bytes of each request, says whether it is an upgrade.

        Returns:
            None when HTTP has ended; else the unanswered bytes of a request that is an upgrade.
        """
        return await _Conversation(self, wire).run(judge)

    async def drain(self) -> None:
        """End idle connections now, and the others after the answer that they are giving."""
        await self.context.terminated.set()
        for conversation in list(self.idle):
            conversation.expire()


@asynccontextmanager
async def running(
    app: ASGIFramework, settings: HttpSettings, guard: Guard
) -> AsyncIterator[HttpServer]:
    """Start an ASGI application behind a guard, and shut it down at the end of the block.

    Raises:
        hypercorn.utils.LifespanFailureError: One of its startup functions failed.
    """
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")  # an own handler would bypass ours
    config.include_server_header = False
    config.h11_max_incomplete_size = settings.max_head
    config.shutdown_timeout = settings.shutdown_timeout
    asgi, state = wrap_app(guarded(app, guard), 0, "asgi"), dict[str, Any]()
    lifespan = Lifespan(asgi, config, state)
    async with trio.open_nursery() as nursery:
        await nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        yield HttpServer(settings, asgi, config, WorkerContext(None), state)
        try:
            await lifespan.wait_for_shutdown()
        except LifespanTimeoutError:
            log.warning("application shutdown took too long", seconds=settings.shutdown_timeout)
        nursery.cancel_scope.cancel()


class _Http11(H11Protocol):
    """Hypercorn's HTTP/1.1 that never becomes HTTP/2."""

    async def _check_protocol(self, _event: h11.Request) -> None:
        """Ignore an offer of h2c, as RFC 9110 allows; ``PRI`` is a method that no route has."""


class _Conversation:
    """One connection: Hypercorn's protocol, its application tasks, and the reader of it."""

    def __init__(self, server: HttpServer, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._writing = trio.Lock()
        self._reading = trio.CancelScope()
        self._deadline = math.inf  # of the next read
        self._finished = False  # our last answer is out
        self._answered = trio.Event()
        self._nursery: trio.Nursery
        self._protocol: H11Protocol

    async def run(self, judge: Judge) -> bytes | None:
        """Serve until the end, or an upgrade; returns its bytes."""
        server = self._server
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._protocol = _Http11(
                    server.app,
                    server.config,
                    server.context,
                    cast("TaskGroup", self),
                    ConnectionState(server.state.copy()),
                    self._wire.tls,
                    self._wire.client,
                    self._wire.server,
                    self._send,
                )
                self._set_idle(idle=True)
                upgrade = await self._read(judge)
                if upgrade is None:
                    await self._protocol.handle(Closed())  # tells the application
            return upgrade
        finally:
            server.idle.discard(self)

    def expire(self) -> None:
        """Stop waiting for a request."""
        self._deadline = self._reading.deadline = -math.inf

    async def _read(self, judge: Judge) -> bytes | None:
        held = b""
        while (data := await self._receive()) is not None:
            if data and self._protocol.connection.their_state is h11.DONE:
                # The next request, before the answer is out to its last state: the client can know
                # the length of the answer and be faster than we are. h11 would swallow it here.
                await self._answered.wait()
            if data and (held or self._at_boundary()):
                held += data
                verdict = judge(held)
                if verdict is Verdict.YES:
                    return held
                if verdict is Verdict.UNDECIDED:
                    continue
                data, held = held, b""
            elif held:  # the end came in the middle of a head
                return None
            await self._protocol.handle(RawData(data))
            if not data:
                with trio.move_on_after(HALF_CLOSED):
                    await self._answered.wait()
                return None
        return None

    async def _receive(self) -> bytes | None:
        """The next bytes; ``b""`` at the client's end; None at ours."""
        data = None
        with trio.CancelScope(deadline=self._patience()) as self._reading:
            try:
                data = await self._wire.receive_some()
            except GONE:
                return None
        if self._finished:
            await self._linger()
            return None
        return data

    async def _linger(self) -> None:
        """Say that no more comes, and let the client get what it has not read yet."""
        await self._wire.finish_sending()
        with trio.move_on_after(LINGER), suppress(*GONE):
            while await self._wire.receive_some():
                pass

    def _patience(self) -> float:
        """Until when the next bytes must be here."""
        if self._protocol.connection.their_state is h11.SEND_BODY:
            return min(self._deadline, trio.current_time() + self._server.settings.body_timeout)
        return self._deadline

    def _at_boundary(self) -> bool:
        """Whether the next byte begins a request: nothing is half read, unanswered or queued."""
        at = self._protocol.connection
        return at.their_state is h11.IDLE is at.our_state and not at.trailing_data[0]

    def _set_idle(self, *, idle: bool) -> None:
        server = self._server
        if not idle:
            self._answered = trio.Event()
            server.idle.discard(self)
            self._deadline = math.inf
        else:
            self._answered.set()
            server.idle.add(self)
            patience = (
                -math.inf if server.context.terminated.is_set() else server.settings.idle_timeout
            )
            self._deadline = trio.current_time() + patience
        self._reading.deadline = self._deadline  # the read that waits now, if one does

    async def _send(self, event: Event) -> None:
        """What Hypercorn's protocol wants done: bytes out, the end, or a change of idleness."""
        if isinstance(event, RawData):
            try:
                async with self._writing:
                    await self._wire.send_all(event.data)
            except GONE:
                self._answered.set()  # as far as it ever will be
                await self._protocol.handle(Closed())
        elif isinstance(event, Closed):
            # Done by the reader: this may run in a task of the application, which Quart cancels as
            # soon as it has been told that the client's stream is closed.
            self._finished = True
            self._answered.set()
            self.expire()
        elif isinstance(event, Updated):
            self._set_idle(idle=event.idle)

    async def spawn_app(
        self, app: AppWrapper, _config: Config, scope: Scope, send: FromApp
    ) -> ToApp:
        """Run the application for one request; returns how to hand it the request's events.

        All that HTTP/1.1 wants of Hypercorn's ``TaskGroup``, whose own blocks for ever when the
        application ends with a large body unread; here the rest of the events is thrown away.
        """
        to_app, from_client = trio.open_memory_channel[ASGIReceiveEvent](10)
        self._nursery.start_soon(self._run_app, app, scope, from_client, send)

        async def put(event: ASGIReceiveEvent) -> None:
            with suppress(trio.BrokenResourceError):
                await to_app.send(event)

        return put

    async def _run_app(
        self,
        app: AppWrapper,
        scope: Scope,
        events: trio.MemoryReceiveChannel[ASGIReceiveEvent],
        send: FromApp,
    ) -> None:
        try:
            with events:
                await app(
                    scope, events.receive, send, trio.to_thread.run_sync, trio.from_thread.run
                )
        except* Exception as error:
            log.exception("request failed", path=scope.get("path"), exc_info=error)
        await send(None)  # the application has said all: answers 500 if that was nothing

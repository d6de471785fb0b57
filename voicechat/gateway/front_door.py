"""Hands each connection of the one TCP port to HTTP or, at an upgrade, to a WebSocket.

A connection starts as HTTP and is looked at whenever a request begins, so that an upgrade works on
a kept-alive connection as well. The nurseries nest as the shutdown runs: accepting ends first, then
the connections, then the HTTP application.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.gateway import http, websocket
from voicechat.gateway.listening import Bound, listening
from voicechat.gateway.origin import Guard, Refusal
from voicechat.gateway.upgrade import BadHead, judge, parse
from voicechat.gateway.websocket import Closed, SocketLimits, WebSocket
from voicechat.gateway.wire import SocketStream, Wire

if TYPE_CHECKING:
    import ssl

    from quart_trio import QuartTrio

log = structlog.get_logger()

OnWebSocket = Callable[[WebSocket], Awaitable[None]]

BAD_HANDSHAKE = Refusal(
    400, "bad_request", "The WebSocket handshake is not valid.", "Use a WebSocket client."
)
SHUTTING_DOWN = Refusal(
    503, "server_shutting_down", "The server is shutting down.", "Try again in a moment."
)


@attrs.frozen(kw_only=True)
class DoorSettings:
    """Where the door is and how patient it is.

    Attributes:
        host: Address or name to listen on.
        port: TCP port; 0 takes a free one.
        tls: Made by `voicechat.gateway.tls`; None speaks plain HTTP.
        websocket_path: Where the WebSocket is.
        subprotocols: WebSocket subprotocols that the server speaks, best first.
        guard: The host names and origins that may talk to it.
        grace_period: Seconds that work in flight gets at shutdown. An idle server ends at once.
        send_timeout: Seconds that one write may take before a client that doesn't read is dropped.
        tls_timeout: Seconds for the TLS handshake.
        http: Limits of plain HTTP.
        sockets: Limits of each WebSocket.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls: ssl.SSLContext | None = None
    websocket_path: str = "/ws"
    subprotocols: Sequence[str] = ("voicechat.v1",)
    guard: Guard = attrs.field(factory=Guard)
    grace_period: float = 5.0
    send_timeout: float = 20.0
    tls_timeout: float = 10.0
    http: http.HttpSettings = attrs.field(factory=http.HttpSettings)
    sockets: SocketLimits = attrs.field(factory=SocketLimits)


async def probe(settings: DoorSettings) -> None:
    """Find out before anything is started whether the port can be opened; errors as `serve`."""
    async with listening(settings.host, settings.port, settings.tls):
        pass


async def serve(
    app: QuartTrio,
    on_websocket: OnWebSocket,
    *,
    settings: DoorSettings,
    shutdown: trio.Event,
    task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``shutdown`` is set and everything has ended.

    Args:
        app: The HTTP application; its startup functions run before the first connection.
        on_websocket: Called for each WebSocket. When it returns, the socket is closed with 1000;
            when it raises, with 1011; when the grace period cuts it, with 1001. `Closed` may leave
            it.
        settings: Where and how.
        shutdown: Stops accepting, ends idle HTTP connections at once, and the rest after the grace
            period. Cancelling this function instead ends everything at once, without goodbyes.
        task_status: Told the addresses when clients can connect.

    Raises:
        UsageError: It cannot listen there; says why and what to do.
    """
    async with (
        listening(settings.host, settings.port, settings.tls) as (listeners, bound),
        http.running(app, settings.http, settings.guard) as http_server,
        trio.open_nursery() as connections,
    ):
        door = _Door(settings, http_server, on_websocket, shutdown)
        accept = partial(
            trio.serve_listeners, door.connection, listeners, handler_nursery=connections
        )
        async with trio.open_nursery() as accepting:
            accepting.start_soon(accept)
            task_status.started(bound)
            await shutdown.wait()
            accepting.cancel_scope.cancel()
        await http_server.drain()
        end_of_grace = trio.current_time() + settings.grace_period
        door.expire(end_of_grace)
        connections.cancel_scope.deadline = end_of_grace + settings.sockets.close_timeout


@attrs.define(eq=False)
class _Door:
    """What the connections share."""

    _settings: DoorSettings
    _http: http.HttpServer
    _on_websocket: OnWebSocket
    _shutdown: trio.Event
    _talking: set[trio.CancelScope] = attrs.field(factory=set, init=False)
    _deadline: float = attrs.field(default=math.inf, init=False)

    def expire(self, deadline: float) -> None:
        """Give the WebSockets until then."""
        self._deadline = deadline
        for scope in self._talking:
            scope.deadline = deadline

    async def connection(self, stream: SocketStream) -> None:
        """Serve one connection; whatever goes wrong ends it and nothing else."""
        with structlog.contextvars.bound_contextvars(connection_id=secrets.token_hex(6)):
            try:
                await self._converse(stream)
            except* Exception as error:
                log.exception("connection failed", exc_info=error)

    async def _converse(self, stream: SocketStream) -> None:
        if isinstance(stream, trio.SSLStream) and not await self._shake_hands(stream):
            return
        try:
            wire = Wire(stream, send_timeout=self._settings.send_timeout)
        except OSError:
            return  # gone already
        is_upgrade = partial(
            judge,
            path=self._settings.websocket_path.encode(),
            limit=self._settings.http.max_head,
        )
        request = await self._http.converse(wire, is_upgrade)
        if request is not None:
            await self._upgrade(wire, request)
        await wire.aclose()

    async def _shake_hands(self, stream: trio.SSLStream[trio.SocketStream]) -> bool:
        """Do the TLS handshake; False if the client failed it, was too slow, or we shut down."""
        done = False
        async with trio.open_nursery() as nursery:

            async def give_up() -> None:
                with trio.move_on_after(self._settings.tls_timeout):
                    await self._shutdown.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(give_up)
            try:
                await stream.do_handshake()
                done = True
            except trio.BrokenResourceError:
                log.debug("tls handshake failed")
            nursery.cancel_scope.cancel()
        return done

    async def _upgrade(self, wire: Wire, request: bytes) -> None:
        """Answer a request for a WebSocket, and talk."""
        try:
            upgrade = parse(request)
            refusal = self._settings.guard.refuse_upgrade(
                host=upgrade.headers.get("host"),
                origin=upgrade.headers.get("origin"),
                scheme="https" if wire.tls else "http",
            )
            if refusal is None and self._shutdown.is_set():
                refusal = SHUTTING_DOWN
            if refusal is None:
                ws = await websocket.accept(
                    wire, upgrade, self._settings.sockets, self._settings.subprotocols
                )
        except BadHead:
            refusal = BAD_HANDSHAKE
        except Closed:
            return
        if refusal is None:
            await self._talk(ws)
        else:
            await _refuse(wire, refusal)

    async def _talk(self, ws: WebSocket) -> None:
        code = websocket.NORMAL
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.run)
            grace = trio.CancelScope(deadline=self._deadline)
            self._talking.add(grace)
            try:
                with grace:
                    await self._on_websocket(ws)
                if grace.cancelled_caught:
                    code = websocket.GOING_AWAY
            except* Closed:
                pass
            except* Exception as error:
                log.exception("websocket failed", exc_info=error)
                code = websocket.INTERNAL
            finally:
                self._talking.discard(grace)
            await ws.close(code)
            nursery.cancel_scope.cancel()


async def _refuse(wire: Wire, refusal: Refusal) -> None:
    """Answer an upgrade that is not accepted; the connection ends with it."""
    body = json.dumps(refusal.as_json())
    head = (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    try:
        await wire.send_all((head + body).encode())
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        log.debug("client left before it was refused")

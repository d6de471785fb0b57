"""One WebSocket as the rest of voicechat sees it: receive, send, close, each with a known end.

Closing and writing end in time, which in trio-websocket they need not; frames that a client sends
right behind its handshake are not lost; a wrong handshake is an error at once and not a wait. This
and `voicechat.gateway.reader` alone touch trio-websocket's internals (``tests/contracts`` holds
each of them).
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request
from wsproto.utilities import RemoteProtocolError

from voicechat.errors import UsageError
from voicechat.gateway.reader import Connection, Sink, SocketLimits, size_of
from voicechat.gateway.upgrade import BadHead, Headers, Upgrade
from voicechat.gateway.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["Closed", "SocketLimits", "WebSocket", "accept", "connect"]

NORMAL, GOING_AWAY, ABNORMAL, INTERNAL = 1000, 1001, 1006, 1011
MAX_USER_AGENT = 200
SEND_TIMEOUT = 20.0
"""Seconds that a write of our client may take."""


class Closed(Exception):
    """The WebSocket is closed, by either side.

    Args:
        code: The close code; 1005 if the client gave none, 1006 if the connection was lost.
        reason: What was said about it; may be empty.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """One WebSocket; made by `accept` or `connect`, ended by `close`.

    Attributes:
        peer: The other side's IP address.
        path: Of the request, without the query.
        query: The raw query string, without ``?``.
        headers: Of the request, by name in any case.
        subprotocols: What the client offered, in its order.
        subprotocol: What was chosen of it, if anything.
        user_agent: What the client calls itself: at most 200 printable characters.
        traffic: Counts what passes.
    """

    def __init__(
        self, connection: Connection, wire: Wire, upgrade: Upgrade, limits: SocketLimits
    ) -> None:
        self._connection = connection
        self._wire = wire
        self._limits = limits
        self._sending = False
        self._closing: Closed | None = None
        self._pings_sent = 0
        self.peer = wire.client[0]
        self.path = upgrade.path
        self.query = upgrade.query
        self.headers: Headers = upgrade.headers
        self.subprotocols = upgrade.subprotocols
        self.subprotocol = connection.subprotocol
        agent = self.headers.get("user-agent", "")[:MAX_USER_AGENT]
        self.user_agent = "".join(char for char in agent if char.isprintable())
        self.traffic = connection.traffic

    async def run(self) -> None:
        """Read from the client until the end; runs beside everything else that is done here."""
        await self._connection.run()

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            Closed: There will be none.
        """
        try:
            message: str | bytes = await self._connection.get_message()
        except ConnectionClosed as closed:
            raise self._closed(closed) from None
        self._connection.taken(message)
        return message

    def hand_over(self, sink: Sink | None) -> None:
        """Offer each binary message to `sink` as soon as it is read; None ends that.

        A message that it takes wakes no task, which is what a frame of audio costs most. It keeps
        its place in the order: while another message waits to be received, `sink` is not asked.

        Args:
            sink: Called from `run`, so it may neither wait nor raise; False leaves the message to
                `receive`.
        """
        self._connection.hand_over(sink)

    async def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Send one message.

        When the client takes too long to read it, or this is cancelled in the middle, the socket is
        dropped: half a frame cannot be followed by another.

        Raises:
            Closed: The client has gone or was dropped.
            RuntimeError: Another task is sending. Exactly one may.
        """
        if self._sending:
            raise RuntimeError("two tasks send on one WebSocket: it has one writer")
        self._sending = True
        try:
            message = data if isinstance(data, str) else bytes(data)
            await self._connection.send_whole(message)
            self.traffic.messages_out += 1
            self.traffic.bytes_out += size_of(message)
        except ConnectionClosed as closed:
            raise self._closed(closed) from None
        finally:
            self._sending = False

    async def ping(self) -> float:
        """Send a ping and wait for its pong, without bound: call it under a deadline.

        Returns:
            Seconds that it took.

        Raises:
            Closed: The client has gone, before or after the ping.
        """
        self._pings_sent += 1
        payload = self._pings_sent.to_bytes(4, "big")
        start = trio.current_time()
        try:
            await self._connection.ping(payload)
            if self._connection.closed is not None:
                raise ConnectionClosed(self._connection.closed)  # noqa: TRY301  (one way out)
        except ConnectionClosed as closed:
            raise self._closed(closed) from None
        finally:
            self._connection.forget_ping(payload)  # a cancelled one would stay for ever
        return trio.current_time() - start

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye, wait at most ``close_timeout`` for the other side's goodbye, and disconnect.

        Unread messages are thrown away. Closing twice does nothing.
        """
        if self._closing is None and self._connection.closed is None:
            self._closing = Closed(code, reason)
        with trio.move_on_after(self._limits.close_timeout):
            await self._connection.leave(code, reason)
        self.drop()

    def drop(self) -> None:
        """Disconnect now, without a goodbye; the other side sees 1006."""
        self._wire.drop()

    def _closed(self, closed: ConnectionClosed) -> Closed:
        if self._closing is not None:
            return Closed(self._closing.code, self._closing.reason)
        if closed.reason is None:
            return Closed(ABNORMAL)
        return Closed(int(closed.reason.code), closed.reason.reason or "")


async def accept(
    wire: Wire, upgrade: Upgrade, limits: SocketLimits, subprotocols: Sequence[str] = ()
) -> WebSocket:
    """Answer a handshake with 101; `WebSocket.run` must be running before anything is received.

    Args:
        wire: The client's stream.
        upgrade: Its request.
        limits: Bounds of the WebSocket.
        subprotocols: Those that the server speaks; the first one that was offered is chosen.

    Raises:
        BadHead: The handshake is wrong; nothing has been sent.
        Closed: The client has gone, or did not take the answer in time.
    """
    protocol = WSConnection(ConnectionType.SERVER)
    try:
        protocol.receive_data(upgrade.head)
        (request,) = protocol.events()
    except (RemoteProtocolError, UnicodeError, ValueError) as error:
        raise BadHead from error  # UnicodeError: wsproto decodes Host as IDNA
    if not isinstance(request, Request):
        raise BadHead
    connection = Connection(wire, protocol, limits)
    chosen = next((name for name in subprotocols if name in upgrade.subprotocols), None)
    with trio.move_on_after(limits.handshake_timeout) as opening:
        try:
            await WebSocketRequest(connection, request).accept(subprotocol=chosen)
        except ConnectionClosed:
            raise Closed(ABNORMAL) from None
    if opening.cancelled_caught:
        raise Closed(ABNORMAL)
    connection.begin_with(upgrade.rest)
    return WebSocket(connection, wire, upgrade, limits)


@asynccontextmanager
async def connect(url: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[WebSocket]:
    """Be a client: open a WebSocket, and close it at the end of the block.

    Args:
        url: ``ws://`` or ``wss://``.
        tls: Whom to trust, instead of the system's authorities.

    Raises:
        UsageError: Nothing answers there, or not as a WebSocket.
        ExceptionGroup: Around what the block raises.
    """
    limits, ws = SocketLimits(), None
    with trio.move_on_after(limits.handshake_timeout):
        try:
            ws = await _open(url, tls, limits)
        except (OSError, ValueError, trio.BrokenResourceError) as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise UsageError(
                    f"the certificate of {url} is not trusted",
                    suggested_action="Give the server's own certificate to trust it.",
                ) from None
    if ws is None:
        raise UsageError(
            f"no voicechat server answers at {url}",
            suggested_action="Start one with `voicechat serve`, or change the address.",
        )
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.run)
            yield ws
            await ws.close()
    finally:
        ws.drop()


async def _open(url: str, tls: ssl.SSLContext | None, limits: SocketLimits) -> WebSocket | None:
    """Dial and shake hands; None if the other side does not want a WebSocket."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    if parts.scheme == "wss":
        stream = await trio.open_ssl_over_tcp_stream(
            host, port, ssl_context=tls, https_compatible=True
        )
    elif parts.scheme != "ws":
        raise ValueError(url)
    else:
        stream = await trio.open_tcp_stream(host, port)
    opened = False
    try:
        wire = Wire(stream, send_timeout=SEND_TIMEOUT)
        protocol = WSConnection(ConnectionType.CLIENT)
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        await wire.send_all(protocol.send(Request(host=parts.netloc, target=target)))
        answer = None
        while answer is None and (data := await wire.receive_some()):
            protocol.receive_data(data)
            answer = next(iter(protocol.events()), None)
        opened = isinstance(answer, AcceptConnection)
    except RemoteProtocolError:
        return None
    finally:
        if not opened:
            await trio.aclose_forcefully(stream)
    if not opened:
        return None
    upgrade = Upgrade(parts.path, parts.query, Headers(()), head=b"", rest=b"")
    return WebSocket(Connection(wire, protocol, limits), wire, upgrade, limits)

"""A WebSocket client for `voicechat talk`: the public side of trio-websocket, with bounds."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    wrap_client_stream,
)

from voicechat.errors import UsageError
from voicechat.gateway.websocket import ABNORMAL, Closed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from trio_websocket import WebSocketConnection

CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_MAX_MESSAGE = 1024 * 1024
_QUEUE = 64


class ClientWebSocket:
    """One open connection; the same calls as the server's `WebSocket`."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            Closed: There is none: the connection has ended.
        """
        try:
            message: str | bytes = await self._connection.get_message()
        except ConnectionClosed as closed:
            raise _closed(closed) from None
        return message

    async def send(self, data: str | bytes) -> None:
        """Send one message; cancelling it in the middle makes the connection useless.

        Raises:
            Closed: The connection has ended.
        """
        try:
            await self._connection.send_message(data)
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait for the answer, but not for long."""
        with trio.move_on_after(_CLOSE_TIMEOUT_S):
            await self._connection.aclose(code, reason)


@asynccontextmanager
async def connect(url: str, *, ca: Path | None = None) -> AsyncIterator[ClientWebSocket]:
    """Connect to the WebSocket at `url` (ws:// or wss://) for as long as the block runs.

    Args:
        url: Address with its path.
        ca: Certificates (PEM) to trust besides the system's, for a self-signed server.

    Raises:
        UsageError: There is no such server, it refuses, or its certificate is not trusted.
    """
    try:
        parts = urlsplit(url)
        secure = {"ws": False, "wss": True}[parts.scheme]
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    except (ValueError, KeyError):
        raise UsageError(
            f"{url} is not the address of a server",
            suggested_action="Write it like http://127.0.0.1:8000.",
        ) from None
    context = _trust(ca) if secure else None
    with _explained(url):
        with trio.fail_after(CONNECT_TIMEOUT_S):
            stream = await _open_stream(host, port, context)
    async with stream, trio.open_nursery() as nursery:
        with _explained(url), trio.fail_after(CONNECT_TIMEOUT_S):
            connection = await wrap_client_stream(
                nursery,
                stream,
                parts.netloc,
                f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
                message_queue_size=_QUEUE,
                max_message_size=_MAX_MESSAGE,
            )
        client = ClientWebSocket(connection)
        try:
            yield client
        finally:
            with trio.CancelScope(shield=True):  # bounded: a goodbye, also when cancelled
                await client.close()
            nursery.cancel_scope.cancel()


async def _open_stream(
    host: str, port: int, context: ssl.SSLContext | None
) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    if context is None:
        return await trio.open_tcp_stream(host, port)
    stream = await trio.open_ssl_over_tcp_stream(
        host, port, ssl_context=context, https_compatible=True
    )
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turns what can go wrong while connecting into one line with what to do."""
    try:
        yield
    except ConnectionRejected as error:
        raise UsageError(
            f"{url} refuses the connection (HTTP {error.status_code})",
            suggested_action="Check the address; it must be a voicechat server's.",
        ) from None
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, HandshakeError) as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise UsageError(
                f"the certificate of {url} is not trusted",
                suggested_action="Give its certificate with --ca FILE.",
            ) from None
        raise UsageError(
            f"no server answers at {url}",
            suggested_action="Start one with `voicechat serve`, or check the address.",
        ) from None


def _trust(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError):
            raise UsageError(
                f"{ca} is not a readable certificate file",
                suggested_action="Give a file in PEM form.",
            ) from None
    return context


def _closed(closed: ConnectionClosed) -> Closed:
    if closed.reason is None:
        return Closed(ABNORMAL)
    return Closed(int(closed.reason.code), closed.reason.reason or "")

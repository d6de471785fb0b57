"""trio-websocket's connection with a reader of our own, for what cannot be configured in its own.

Beside `voicechat.gateway.websocket` the only module that touches trio-websocket's internals. The
library counts the size of text in characters, crashes on a ping that arrives while it is closing,
leaves a broken frame without an answer, bounds unread messages by number only, and is slow with
the small messages of a conversation, which go past its parser here (`voicechat.gateway.frames`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import trio
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from voicechat.gateway.frames import Rest, Splitter, whole_frame
from voicechat.gateway.wire import RECEIVE_SIZE

if TYPE_CHECKING:
    from wsproto import WSConnection
    from wsproto.events import Event

    from voicechat.gateway.wire import Wire

# Three debug lines a message, formatted even where the level of the root logger is DEBUG for ours.
logging.getLogger("trio-websocket").setLevel(logging.INFO)

Sink = Callable[[bytes], bool]
"""Takes a binary message at once; False to have it received like any other."""

TOO_BIG = 1009
_HEARING = frozenset({ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING})


@attrs.frozen
class SocketLimits:
    """Bounds of one WebSocket.

    Attributes:
        max_message: Bytes of one message, text or binary; more closes with 1009.
        max_unread: Bytes of messages that wait to be received; then the client is not read from,
            and TCP makes it wait.
        max_unread_messages: The same in messages. Large, because pings are not answered either
            while the client is not read from.
        close_timeout: Seconds for the client's part of the closing handshake.
        handshake_timeout: Seconds to get the answer to the handshake out.
    """

    max_message: int = 1024 * 1024
    max_unread: int = 4 * 1024 * 1024
    max_unread_messages: int = 1024
    close_timeout: float = 2.0
    handshake_timeout: float = 10.0


@attrs.define(eq=False)
class Traffic:
    """What has passed over one WebSocket: whole messages, and their bytes without any frame.

    Attributes:
        messages_in: Taken from the other side, read by the program or not.
        bytes_in: In those.
        messages_out: Handed to the kernel.
        bytes_out: In those.
        last_message: When the other side's last message came, or the socket was opened (monotonic
            seconds). Pings and pongs are no messages.
    """

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0
    last_message: float = attrs.field(factory=trio.current_time)


def size_of(message: str | bytes) -> int:
    """Bytes of a message on the wire."""
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode())


class Connection(WebSocketConnection):
    """trio-websocket's connection with our reader."""

    def __init__(self, wire: Wire, protocol: WSConnection, limits: SocketLimits) -> None:
        super().__init__(
            wire,
            protocol,
            message_queue_size=limits.max_unread_messages,
            max_message_size=limits.max_message,
            receive_buffer_size=RECEIVE_SIZE,
            host="",  # required of clients, for a handshake that is done elsewhere
            path="",
        )
        self._wire = wire
        self._limits = limits
        # A client's parser may hold half a frame that came with the handshake's answer.
        self._splitter = None if protocol.client else Splitter(limits.max_message)
        self._first = b""
        self._partial = bytearray()
        self.traffic = Traffic()
        self._sink: Sink | None = None
        self._unread = 0
        self._room = trio.Event()
        self._reader_ended = trio.Event()

    def begin_with(self, data: bytes) -> None:
        """The client sent this right behind its handshake."""
        self._first = data

    def hand_over(self, sink: Sink | None) -> None:
        """Offer binary messages to `sink` as they are read; see `WebSocket.hand_over`."""
        self._sink = sink

    async def send_whole(self, message: str | bytes) -> None:
        """Send one message; what `send_message` does, for a server at a third of the cost.

        Raises:
            ConnectionClosed: The connection is closed or being closed.
        """
        if self._wsproto.client or self._wsproto.state is not ConnectionState.OPEN:
            await self.send_message(message)
            return
        try:
            self._stream_lock.acquire_nowait()
        except trio.WouldBlock:  # a pong is on its way
            await self._stream_lock.acquire()
        try:
            await self._wire.send_all(whole_frame(message))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._abort_web_socket()
            raise ConnectionClosed(self._close_reason) from None
        finally:
            self._stream_lock.release()

    def taken(self, message: str | bytes) -> None:
        """A message was received: there is room for more."""
        self._unread -= size_of(message)
        self._room.set()

    async def leave(self, code: int, reason: str) -> None:
        """Close, and wait for the reader to see the end."""
        self._unread = 0
        self._room.set()  # the reader must read on, to see the client's goodbye
        await self.aclose(code, reason)
        await self._reader_ended.wait()

    def forget_ping(self, payload: bytes) -> None:
        """Nobody waits for this pong any more."""
        self._pings.pop(payload, None)

    async def run(self) -> None:
        """Read until the end; runs beside everything else that is done with the connection."""
        try:
            async with self._send_channel:
                parsing = await self._read_frames()
            if not parsing:
                await self._discard_rest()
        except ConnectionClosed:
            pass
        finally:
            self._close_handshake.set()
            self._reader_ended.set()
            for waiting in self._pings.values():
                waiting.set()  # there will be no pong

    async def _read_frames(self) -> bool:
        """Handle frames until the end; False if the peer broke the protocol and may still send."""
        data = self._first
        while True:
            if not await self._take(data):
                return False
            if not self._reader_running:
                return True
            try:
                data = await self._wire.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data:
                await self._abort_web_socket()
                return True

    async def _take(self, data: bytes) -> bool:
        """Handle what came; False if it broke the protocol."""
        for item in self._split(data):
            if not isinstance(item, Rest):
                await self._deliver(item)
                continue
            if item and self._wsproto.state in {
                ConnectionState.OPEN,
                ConnectionState.LOCAL_CLOSING,
            }:
                self._wsproto.receive_data(item)
            for event in self._wsproto.events():
                if not await self._handle(event):
                    return False
            if not self._reader_running:
                break
        return True

    def _split(self, data: bytes) -> Sequence[str | bytes | Rest]:
        """Messages, and what is for wsproto: it is asked first of all for what it holds already."""
        if self._splitter is None or not data:
            return (Rest(data),)
        return self._splitter.push(data)

    async def _handle(self, event: Event) -> bool:
        if isinstance(event, (BytesMessage, TextMessage)):
            await self._handle_message_event(event)
        elif isinstance(event, Ping):
            if self._wsproto.state is ConnectionState.OPEN:  # once closing, a pong is an error
                await self._send(event.response())
        elif isinstance(event, Pong):
            await self._handle_pong_event(event)
        elif isinstance(event, CloseConnection):
            if self._wsproto.state is ConnectionState.OPEN:  # wsproto found a broken frame
                await self._fail(event.code, event.reason or "")
                return False
            await self._handle_close_connection_event(event)
        return True

    async def _handle_message_event(self, event: Any) -> None:
        if self._close_reason is not None:
            return
        data, is_text = event.data, isinstance(event, TextMessage)
        if event.message_finished and not self._partial:  # the usual: one read, one message
            message: str | bytes = data if is_text else bytes(data)
            size = size_of(message)
        else:  # parts go into one buffer: a list of many tiny ones would be larger than their sum
            self._partial += data.encode() if is_text else data
            size = len(self._partial)
        if size > self._limits.max_message:
            self._partial = bytearray()
            await self._fail(TOO_BIG, f"a message may have {self._limits.max_message} bytes")
            return
        if not event.message_finished:
            return
        if self._partial:
            message = self._partial.decode() if is_text else bytes(self._partial)
            self._partial = bytearray()
        await self._deliver(message)

    async def _deliver(self, message: str | bytes) -> None:
        """Put a whole message where it can be received, as soon as there is room."""
        if self._close_reason is not None:
            return
        size = size_of(message)
        traffic = self.traffic
        traffic.messages_in += 1
        traffic.bytes_in += size
        traffic.last_message = trio.current_time()
        if self._sink and isinstance(message, bytes) and not self._unread and self._sink(message):
            return
        while self._unread and self._unread + size > self._limits.max_unread:
            self._room = trio.Event()
            await self._room.wait()
        self._unread += size
        try:
            try:
                self._send_channel.send_nowait(message)
            except trio.WouldBlock:
                await self._send_channel.send(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return  # closed on this side: nobody wants it

    async def _fail(self, code: int, reason: str) -> None:
        """Close because of what the client sent; messages that it sent before can't be received."""
        self._close_reason = CloseReason(code, reason)
        await self._recv_channel.aclose()
        await self._send(CloseConnection(code=code, reason=reason))

    async def _discard_rest(self) -> None:
        """Read on after a broken frame: a reset would destroy our close frame on its way."""
        await self._wire.finish_sending()
        try:
            while await self._wire.receive_some():
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

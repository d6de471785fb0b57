"""A byte stream that is either whole or gone: a write ends in time, or the socket is dropped.

Both protocols of the port need this. A WebSocket frame or an HTTP chunk of which only a part has
left cannot be followed by anything sensible, so a write that is cancelled or too slow takes the
socket with it; and since nothing is shielded from cancellation, a client that does not read cannot
keep the server alive.
"""

from __future__ import annotations

import os
from typing import TypeAlias

import trio

SocketStream: TypeAlias = "trio.SocketStream | trio.SSLStream[trio.SocketStream]"

RECEIVE_SIZE = 65_536
"""Bytes taken from the kernel at a time: fewer wake-ups than with trio-websocket's 4 KiB."""

_YIELD_EVERY = 32
"""So many writes in a row may go without letting other tasks run, if the kernel takes them."""


class Wire(trio.abc.Stream):
    """One client's stream, plain or TLS.

    A plain socket is read and written directly: Trio's own streams try a call before they wait and
    let other tasks run after each, which for a small frame costs more than the frame.

    Args:
        stream: An accepted socket, after its TLS handshake if it has one.
        send_timeout: Seconds that one write may take before the socket is dropped.

    Raises:
        OSError: The client has gone already, so that it has no address.
    """

    def __init__(self, stream: SocketStream, *, send_timeout: float) -> None:
        self.tls = isinstance(stream, trio.SSLStream)
        self._plain = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._stream = stream
        self._send_timeout = send_timeout
        self._direct = not self.tls and os.name == "posix"
        self._sending = False
        self._writes = 0
        self.client = _address(self._plain.socket.getpeername())
        self.server = _address(self._plain.socket.getsockname())

    async def receive_some(self, max_bytes: int | None = RECEIVE_SIZE) -> bytes:
        """Return the next bytes; ``b""`` at the end.

        Raises:
            trio.BrokenResourceError: The connection was lost.
            trio.ClosedResourceError: It was closed or dropped on this side.
        """
        if not self._direct or max_bytes is None:
            return bytes(await self._stream.receive_some(max_bytes))
        while True:
            await trio.lowlevel.wait_readable(self._descriptor())
            try:
                return os.read(self._descriptor(), max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, or drop the socket.

        Raises:
            trio.BrokenResourceError: The client went away, or read too slowly and was dropped.
            trio.ClosedResourceError: It was closed or dropped on this side.
            trio.BusyResourceError: Another task is sending: their bytes would be mixed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()  # here nothing is torn yet: the socket lives
        if self._sending:
            raise trio.BusyResourceError("another task is sending to this client")
        self._sending = True
        try:
            await self._send_alone(data)
        finally:
            self._sending = False

    async def _send_alone(self, data: bytes | bytearray | memoryview) -> None:
        taken = self._write(data) if self._direct else 0
        if taken == len(data):
            self._writes += 1
            if self._writes % _YIELD_EVERY == 0:
                await trio.lowlevel.cancel_shielded_checkpoint()
            return
        try:
            with trio.fail_after(self._send_timeout):
                await self._stream.send_all(memoryview(data)[taken:])
        except trio.Cancelled:
            self.drop()
            raise
        except trio.TooSlowError:
            self.drop()
            raise trio.BrokenResourceError("the client reads too slowly") from None

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel takes more."""
        await self._stream.wait_send_all_might_not_block()

    async def finish_sending(self) -> None:
        """Tell the client that no more comes, while what it still sends can be read.

        To close a socket on which unread bytes lie makes the kernel send a reset, which can destroy
        the last answer on its way. TLS cannot close one direction; there this closes the socket.
        """
        if self.tls:
            await self.aclose()
            return
        try:
            await self._plain.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            self.drop()

    def drop(self) -> None:
        """Close the socket now, without a goodbye; who waits gets a `trio.ClosedResourceError`."""
        self._plain.socket.close()

    async def aclose(self) -> None:
        """Close the stream."""
        try:
            await self._stream.aclose()
        except trio.BrokenResourceError:
            self.drop()

    def _descriptor(self) -> int:
        """The socket's number, asked for anew each time: a closed one has none.

        Raises:
            trio.ClosedResourceError: It was closed or dropped on this side.
        """
        if (descriptor := self._plain.socket.fileno()) < 0:
            raise trio.ClosedResourceError
        return descriptor

    def _write(self, data: bytes | bytearray | memoryview) -> int:
        """How many bytes the kernel takes at once."""
        try:
            return os.write(self._descriptor(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError from error


def _address(name: object) -> tuple[str, int]:
    """The host and port of a socket name; a Unix socket has none."""
    if isinstance(name, tuple):
        return str(name[0]), int(name[1])
    return "local", 0

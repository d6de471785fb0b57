"""A TCP proxy that loses a network on demand: it cuts, stalls, swallows and refuses.

Between a client and a server of a test::

    async with running_proxy("127.0.0.1", server_port) as proxy:
        ...  # the client connects to 127.0.0.1:proxy.port
        proxy.cut()
"""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHUNK = 16_384
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends a reset


class _Gate:
    """Open or shut; who comes while it is shut waits."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self._open.set()

    @property
    def shut(self) -> bool:
        return not self._open.is_set()

    def close(self) -> None:
        if self._open.is_set():
            self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        while self.shut:
            await self._open.wait()


@attrs.define(eq=False)
class _Pair:
    """One connection: the client's socket and the one to the server."""

    client: trio.SocketStream
    server: trio.SocketStream
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    gate: _Gate = attrs.field(factory=_Gate)

    def end(self, *, fin: bool) -> None:
        for stream in (self.client, self.server):
            if not fin and stream.socket.fileno() >= 0:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            stream.socket.close()
        self.scope.cancel()


class Proxy:
    """See the module; made by `running_proxy`.

    Attributes:
        port: Where clients connect, at 127.0.0.1.
        connections: How many there were.
        to_server: Bytes that were passed on.
        to_client: Likewise.
    """

    def __init__(self, host: str, port: int, nursery: trio.Nursery) -> None:
        self._host, self._server_port = host, port
        self._nursery = nursery
        self._pairs: set[_Pair] = set()
        self._gate = _Gate()
        self._door = trio.CancelScope()
        self._connected = trio.Event()
        self._swallow = False
        self._listening: trio.SocketListener | None = None
        self.port = 0
        self.connections = 0
        self.to_server = 0
        self.to_client = 0

    # -- what a network can do -----------------------------------------------------------------

    def cut(self, *, fin: bool = False) -> None:
        """End all connections, on both sides: with a reset, or as if the other side had closed."""
        for pair in list(self._pairs):
            pair.end(fin=fin)

    def stall(self) -> None:
        """No byte passes until `flow`; sockets stay open, new ones are accepted."""
        self._gate.close()

    def flow(self) -> None:
        """Let bytes pass again, those that waited first; what a black hole holds stays there."""
        self._gate.open()

    def blackhole(self, *, refuse: bool = False) -> None:
        """No byte of the connections that exist passes any more, nor any end of one.

        New connections are accepted and work, or are refused.
        """
        for pair in self._pairs:
            pair.gate.close()
        if refuse:
            self.close_door()

    def close_door(self) -> None:
        """Refuse new connections."""
        if self._listening is not None:
            self._listening.socket.close()
            self._listening = None
        self._door.cancel()

    async def open_door(self) -> None:
        """Accept connections, at the same port as before."""
        if self._listening is not None:
            return
        (self._listening,) = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = self._listening.socket.getsockname()[1]
        self._door = trio.CancelScope()
        self._nursery.start_soon(self._accept, self._listening, self._door)

    # -- what a test wants to know -------------------------------------------------------------

    @property
    def open_connections(self) -> int:
        """How many there are."""
        return len(self._pairs)

    @property
    def connected(self) -> trio.Event:
        """Set at the next new connection; ask for it before what makes one."""
        return self._connected

    # -- inside --------------------------------------------------------------------------------

    async def _accept(self, listener: trio.SocketListener, door: trio.CancelScope) -> None:
        with door:
            while True:
                try:
                    client = await listener.accept()
                except (trio.ClosedResourceError, OSError):
                    return
                self._nursery.start_soon(self._serve, client)

    async def _serve(self, client: trio.SocketStream) -> None:
        try:
            server = await trio.open_tcp_stream(self._host, self._server_port)
        except OSError:
            await trio.aclose_forcefully(client)
            return
        pair = _Pair(client, server)
        self._pairs.add(pair)
        self.connections += 1
        self._connected.set()
        self._connected = trio.Event()
        try:
            with pair.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pass, pair, client, server)
                    nursery.start_soon(self._pass, pair, server, client)
        finally:
            self._pairs.discard(pair)
            for stream in (client, server):
                stream.socket.close()

    async def _pass(
        self, pair: _Pair, source: trio.SocketStream, target: trio.SocketStream
    ) -> None:
        try:
            while True:
                data = await source.receive_some(_CHUNK)
                await self._gate.passed()
                await pair.gate.passed()
                if not data:
                    await target.send_eof()
                    return
                await target.send_all(data)
                if target is pair.server:
                    self.to_server += len(data)
                else:
                    self.to_client += len(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._gate.passed()
            await pair.gate.passed()
            pair.end(fin=False)


@asynccontextmanager
async def running_proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to a server until the end of the block."""
    async with trio.open_nursery() as nursery:
        proxy = Proxy(host, port, nursery)
        await proxy.open_door()
        try:
            yield proxy
        finally:
            proxy.close_door()
            nursery.cancel_scope.cancel()

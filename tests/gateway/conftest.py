"""A real door on a free port, and clients that speak to it in raw bytes."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import structlog
import structlog.testing
import trio
import trustme
from quart import Response, request

from voicechat.gateway.front_door import DoorSettings, serve
from voicechat.gateway.http import HttpSettings, new_app
from voicechat.gateway.websocket import Closed, SocketLimits, WebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TIMEOUT = 10  # seconds until a test that waits for something is stuck


def tiny_app() -> Any:
    app = new_app("tiny")

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    @app.post("/length")
    async def length() -> str:
        return str(len(await request.get_data()))

    @app.post("/ignore")
    async def ignore() -> str:
        return "no thanks"

    @app.get("/slow")
    async def slow() -> str:
        await trio.sleep(0.3)
        return "slow"

    @app.get("/big")
    async def big() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(4000):
                yield bytes(65_536)

        return Response(chunks())

    @app.get("/events")
    async def events() -> Response:
        async def lines() -> AsyncIterator[bytes]:
            while True:
                yield b"data: x\n\n"
                await trio.sleep(0.05)

        return Response(lines(), content_type="text/event-stream")

    @app.get("/boom")
    async def boom() -> str:
        raise RuntimeError("secret /path/of/the/library")

    return app


async def echo(ws: WebSocket) -> None:
    while True:
        await ws.send(await ws.receive())


@attrs.define
class Client:
    """A TCP client that speaks bytes."""

    stream: Any
    buffer: bytes = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some(65_536)
        except trio.BrokenResourceError:
            return False
        self.buffer += data
        return bool(data)

    async def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            assert await self._more(), f"closed before {end!r}: {self.buffer[:300]!r}"
        got, _, self.buffer = self.buffer.partition(end)
        return got + end

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            assert await self._more(), f"closed after {self.buffer!r}"
        got, self.buffer = self.buffer[:size], self.buffer[size:]
        return got

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        while await self._more():
            pass
        return self.buffer

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.exactly(int(fields.get("content-length", 0)))
        return int(head[0].split()[1]), fields, body

    async def get(self, path: str, *, host: str = "localhost", **headers: str) -> tuple:
        await self.request("GET", path, host=host, **headers)
        return await self.response()

    async def request(self, method: str, path: str, *, host: str = "localhost", **headers: str):
        extra = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        await self.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode())

    async def upgrade(self, **headers: str) -> None:
        await self.send(handshake(**headers))
        head = await self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the server's next frame."""
        first, length = await self.exactly(2)
        if length == 126:
            length = int.from_bytes(await self.exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.exactly(8), "big")
        return first & 15, await self.exactly(length)

    async def close_code(self) -> int:
        """Skip to the server's close frame; its code."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")


def handshake(path: str = "/ws", host: str = "localhost", **headers: str) -> bytes:
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def frame(payload: bytes, *, opcode: int = 2, fin: bool = True) -> bytes:
    """A client's frame, masked."""
    mask = b"\x01\x02\x03\x04"
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([(0x80 if fin else 0) | opcode]) + length + mask + masked


@attrs.define
class Door:
    port: int
    url: str
    shutdown: trio.Event
    scope: trio.CancelScope
    ended: trio.Event
    tls: ssl.SSLContext | None
    clients: list[Client] = attrs.field(factory=list)

    async def tcp(self) -> Client:
        client = Client(await trio.open_tcp_stream("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def client(self) -> Client:
        client = await self.tcp()
        if self.tls is not None:
            client.stream = trio.SSLStream(
                client.stream, self.tls, server_hostname="localhost", https_compatible=True
            )
            await client.stream.do_handshake()
        return client

    async def end_takes(self, act: Callable[[], object]) -> float:
        """Seconds from an act until the server has ended."""
        start = trio.current_time()
        act()
        await self.ended.wait()
        return trio.current_time() - start


@asynccontextmanager
async def _open_door(
    on_websocket: Callable[[WebSocket], Awaitable[None]] = echo,
    *,
    app: Any = None,
    client_tls: ssl.SSLContext | None = None,
    http: dict | None = None,
    sockets: dict | None = None,
    **settings: Any,
) -> AsyncIterator[Door]:
    settings = {"port": 0, "grace_period": 1.0} | settings
    settings["http"] = HttpSettings(**(http or {}))
    settings["sockets"] = SocketLimits(**({"close_timeout": 0.5} | (sockets or {})))
    shutdown, ended = trio.Event(), trio.Event()
    with trio.fail_after(TIMEOUT):
        async with trio.open_nursery() as nursery:

            async def run(task_status: Any) -> None:
                with trio.CancelScope() as scope:
                    door = partial(serve, app or tiny_app(), on_websocket)

                    class Started:
                        def started(self, bound: list) -> None:
                            task_status.started((bound, scope))

                    await door(
                        settings=DoorSettings(**settings), shutdown=shutdown, task_status=Started()
                    )
                ended.set()

            bound, scope = await nursery.start(run_with_status(run))
            door = Door(bound[0].port, bound[0].url, shutdown, scope, ended, client_tls)
            try:
                yield door
                shutdown.set()
                for client in door.clients:
                    await trio.aclose_forcefully(client.stream)
                await ended.wait()
            finally:
                for client in door.clients:
                    await trio.aclose_forcefully(client.stream)


def run_with_status(run: Callable[[Any], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def start(*, task_status: Any) -> None:
        await run(task_status)

    return start


@pytest.fixture(autouse=True)
def logs() -> Any:
    """What was logged; structlog's own default would draw each traceback with its variables."""
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
def open_door() -> Callable[..., Any]:
    return _open_door


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def wire_helpers() -> Any:
    """The functions that make bytes."""

    class Helpers:
        pass

    helpers = Helpers()
    helpers.frame, helpers.handshake, helpers.Closed = frame, handshake, Closed  # type: ignore[attr-defined]
    return helpers

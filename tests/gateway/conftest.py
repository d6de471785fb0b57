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

from tests.gateway.raw_client import Client
from voicechat.gateway.front_door import DoorSettings, serve
from voicechat.gateway.http import HttpSettings, new_app
from voicechat.gateway.websocket import SocketLimits, WebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

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

"""The names of Hypercorn that are not public and that `voicechat.gateway.http` uses."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import h11
import pytest
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import LifespanTimeoutError, wrap_app

from voicechat.gateway.http import _Http11

pytestmark = pytest.mark.requirement("P-4")


def test_version_is_the_one_that_was_read() -> None:
    assert version("hypercorn").startswith("0.18.")


def test_signatures() -> None:
    assert list(inspect.signature(H11Protocol).parameters) == [
        "app",
        "config",
        "context",
        "task_group",
        "connection_state",
        "ssl",
        "client",
        "server",
        "send",
    ]
    assert list(inspect.signature(Lifespan).parameters) == ["app", "config", "state"]
    assert list(inspect.signature(wrap_app).parameters) == ["app", "wsgi_max_body_size", "mode"]
    assert issubclass(LifespanTimeoutError, Exception)


def test_override_that_keeps_http_2_out_overrides_something() -> None:
    assert "_check_protocol" in vars(H11Protocol)
    assert "await self._check_protocol(event)" in inspect.getsource(H11Protocol._handle_events)
    assert _Http11._check_protocol is not H11Protocol._check_protocol


def test_the_reason_for_our_own_connection_still_holds() -> None:
    """When Hypercorn stops shielding its writes, its own connection can be used again."""
    assert "cancel_scope.shield = True" in inspect.getsource(TCPServer.protocol_send)


class Group:
    """Hypercorn's ``TaskGroup`` as far as HTTP/1.1 uses it."""

    def __init__(self) -> None:
        self.sends = []

    async def spawn_app(self, _app, _config, scope, send):
        self.sends.append((scope, send))

        async def put(event) -> None:
            pass

        return put


async def conversation(config: Config | None = None):
    events, group = [], Group()

    async def send(event) -> None:
        events.append(event)

    protocol = _Http11(
        wrap_app(lambda *_: None, 0, "asgi"),
        config or Config(),
        WorkerContext(None),
        group,
        ConnectionState({}),
        False,
        ("127.0.0.1", 1),
        ("127.0.0.1", 2),
        send,
    )
    return protocol, events, group


async def test_idleness_and_states_around_one_request() -> None:
    protocol, events, group = await conversation()
    connection = protocol.connection
    assert isinstance(connection, h11.Connection)
    assert connection.their_state is connection.our_state is h11.IDLE
    assert not connection.trailing_data[0]
    await protocol.handle(RawData(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert [event.idle for event in events if isinstance(event, Updated)] == [False]
    assert connection.their_state is h11.DONE
    (scope, app_send) = group.sends[0]
    assert (scope["path"], scope["client"]) == ("/x", ("127.0.0.1", 1))
    await app_send({"type": "http.response.start", "status": 204, "headers": []})
    await app_send({"type": "http.response.body", "body": b"", "more_body": False})
    assert [event.idle for event in events if isinstance(event, Updated)] == [False, True]
    assert protocol.connection.their_state is h11.IDLE
    await app_send(None)
    assert not any(isinstance(event, Closed) for event in events)


async def test_terminated_context_closes_after_the_answer() -> None:
    protocol, events, group = await conversation()
    await protocol.handle(RawData(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert not protocol.context.terminated.is_set()
    await protocol.context.terminated.set()
    _, app_send = group.sends[0]
    await app_send({"type": "http.response.start", "status": 204, "headers": []})
    await app_send({"type": "http.response.body", "body": b"", "more_body": False})
    assert isinstance(events[-1], Closed)


async def test_silent_application_is_answered_500() -> None:
    protocol, events, group = await conversation()
    await protocol.handle(RawData(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"))
    await group.sends[0][1](None)
    assert events[1].data.startswith(b"HTTP/1.1 500")


async def test_limits_of_config_are_used() -> None:
    config = Config()
    config.h11_max_incomplete_size = 100
    config.include_server_header = False
    protocol, events, _ = await conversation(config)
    await protocol.handle(RawData(b"GET /" + b"x" * 200))
    assert events[0].data.startswith(b"HTTP/1.1 431")
    assert b"server" not in events[0].data
    assert isinstance(events[-1], Closed)


async def test_lifespan_starts_and_stops() -> None:
    seen = []

    async def app(scope, receive, send) -> None:
        for step in ("startup", "shutdown"):
            seen.append((await receive())["type"])
            await send({"type": f"lifespan.{step}.complete"})

    lifespan = Lifespan(wrap_app(app, 0, "asgi"), Config(), {})
    async with trio.open_nursery() as nursery:
        await nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        await lifespan.wait_for_shutdown()
    assert seen == ["lifespan.startup", "lifespan.shutdown"]

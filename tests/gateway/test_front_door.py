"""Black-box tests of the one port: what arrives at it, in what pieces, and what comes back."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import subprocess
import sys

import pytest
import trio
import trio.testing
import trio_websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Response

from voicechat.errors import UsageError
from voicechat.gateway import websocket
from voicechat.gateway.front_door import Bound, DoorSettings, serve
from voicechat.gateway.http import new_app
from voicechat.gateway.websocket import Closed

pytestmark = pytest.mark.requirement("P-4")


@pytest.fixture
def frame(wire_helpers):
    return wire_helpers.frame


@pytest.fixture
def handshake(wire_helpers):
    return wire_helpers.handshake


async def test_http_and_websocket_on_one_port(open_door) -> None:
    async with open_door() as door:
        status, fields, body = await (await door.client()).get("/hello")
        assert (status, body) == (200, b"hello")
        assert "server" not in fields
        async with trio_websocket.open_websocket_url(f"ws://127.0.0.1:{door.port}/ws?x=1") as ws:
            await ws.send_message("héé")
            assert await ws.get_message() == "héé"
            await ws.send_message(bytes(100_000))
            assert await ws.get_message() == bytes(100_000)


async def test_tls_serves_both_and_only_http_1(open_door, server_tls, client_tls) -> None:
    client_tls.set_alpn_protocols(["h2", "http/1.1"])
    async with open_door(tls=server_tls, client_tls=client_tls) as door:
        client = await door.client()
        assert client.stream.selected_alpn_protocol() == "http/1.1"
        assert (await client.get("/hello"))[2] == b"hello"
        await client.upgrade(Origin="https://localhost")
        assert door.url == f"https://127.0.0.1:{door.port}"
        async with websocket.connect(f"wss://127.0.0.1:{door.port}/ws", tls=client_tls) as ws:
            await ws.send("over tls")
            assert await ws.receive() == "over tls"


async def test_http_2_cannot_be_reached_without_tls_either(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 4")
        client = await door.client()
        status, _, body = await client.get(
            "/hello", Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAAA"
        )
        assert (status, body) == (200, b"hello")


@pytest.mark.parametrize("over_tls", [False, True])
async def test_upgrade_as_third_request_of_a_kept_alive_connection(
    open_door, frame, server_tls, client_tls, over_tls
) -> None:
    tls = {"tls": server_tls, "client_tls": client_tls} if over_tls else {}
    async with open_door(**tls) as door:
        client = await door.client()
        assert (await client.get("/hello"))[0] == 200
        assert (await client.get("/nothing"))[0] == 404
        await client.upgrade()
        await client.send(frame(b"hi"))
        assert await client.frame() == (2, b"hi")


async def test_bytes_one_by_one(open_door, frame, handshake) -> None:
    async with open_door() as door:
        client = await door.client()
        for byte in b"GET /wsx HTTP/1.1\r\nHost: localhost\r\n\r\n":
            await client.send(bytes([byte]))
        assert (await client.response())[0] == 404
        for byte in handshake():
            await client.send(bytes([byte]))
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        for byte in frame(b"slowly"):
            await client.send(bytes([byte]))
        assert await client.frame() == (2, b"slowly")


async def test_a_frame_right_behind_the_handshake_is_not_lost(open_door, frame, handshake) -> None:
    async with open_door() as door:
        client = await door.client()
        half = frame(b"second")
        await client.send(handshake() + frame(b"first") + half[:5])
        await client.until(b"\r\n\r\n")
        assert await client.frame() == (2, b"first")
        await client.send(half[5:])
        assert await client.frame() == (2, b"second")


@pytest.mark.parametrize("start", [b"", b"GET /ws HTTP/1.1\r\nA: ", b"GET / HTTP/1.1\r\nA: "])
async def test_slow_loris_is_cut_however_it_trickles(open_door, start) -> None:
    async with open_door(http={"idle_timeout": 0.3}) as door:
        client = await door.client()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def trickle() -> None:
                await client.send(start)
                while True:
                    await trio.sleep(0.05)
                    try:
                        await client.send(b"x" if start else b"")
                    except trio.BrokenResourceError:
                        return

            nursery.start_soon(trickle)
            await client.rest()
            assert 0.2 < trio.current_time() - began < 2
            nursery.cancel_scope.cancel()


async def test_slow_body_is_cut(open_door) -> None:
    async with open_door(http={"body_timeout": 0.2}) as door:
        client = await door.client()
        await client.request("POST", "/length", Content_Length="100")
        await client.send(b"only this")
        began = trio.current_time()
        await client.rest()
        assert trio.current_time() - began < 2


@pytest.mark.parametrize("path", ["/hello", "/ws"])
async def test_a_huge_head_is_answered_431(open_door, path) -> None:
    async with open_door() as door:
        client = await door.client()
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n".encode()
        await client.send(head + b"A: " + b"a" * 40_000)
        assert (await client.rest()).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_WebSocket_Key": ""},
        {"Sec_WebSocket_Version": "12"},
        {"Connection": "close"},
        {"Sec_WebSocket_Version": ""},
    ],
)
async def test_bad_handshake_is_answered_and_closed(open_door, handshake, headers) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.send(handshake(**headers))
        began = trio.current_time()
        status, _, body = await client.response()
        assert status == 400
        assert json.loads(body)["error"] == "bad_request"
        assert await client.rest() == b""
        assert trio.current_time() - began < 0.5


@pytest.mark.requirement("C-5")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"host": "evil.example"},
        {"host": "evil.example", "Origin": "http://evil.example"},
        {"host": "localhost@evil.example"},
    ],
)
async def test_forged_upgrade_never_reaches_the_handler(open_door, handshake, headers) -> None:
    called = []

    async def handler(ws) -> None:
        called.append(ws)

    async with open_door(handler) as door:
        client = await door.client()
        await client.send(handshake(**headers))
        status, fields, body = await client.response()
        assert (status, fields["content-type"]) == (403, "application/json")
        assert set(json.loads(body)) == {"error", "message", "suggested_action"}
        assert json.loads(body)["error"] == "forbidden"
        assert await client.rest() == b""
    assert not called


@pytest.mark.requirement("C-5")
async def test_forged_http_requests(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        assert (await client.get("/hello", host="evil.example"))[0] == 421
        assert (await client.get("/hello", Origin="http://evil.example"))[0] == 200
        await client.request("POST", "/length", Origin="http://evil.example", Content_Length="0")
        status, _, body = await client.response()
        assert (status, json.loads(body)["error"]) == (403, "forbidden")
        await client.request("POST", "/length", Origin="http://localhost", Content_Length="2")
        await client.send(b"ab")
        assert (await client.response())[2] == b"2"
        client = await door.client()
        await client.send(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")
        assert (await client.response())[0] == 400


async def test_websocket_elsewhere_is_not_found(open_door, handshake) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.send(handshake("/other"))
        status, _, body = await client.response()
        assert (status, json.loads(body)["error"]) == (404, "not_found")


async def test_errors_tell_nothing_of_the_inside(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        status, _, body = await client.get("/boom")
        assert (status, json.loads(body)["error"]) == (500, "internal")
        assert b"secret" not in body
        assert (await client.get("/length"))[1]["allow"] in {"options, post", "post, options"}
        status, fields, _ = await client.get("/nothing", Accept="text/html")
        assert (status, fields["content-type"]) == (404, "text/html; charset=utf-8")
        status, fields, _ = await client.get("/api/x", Accept="text/html")
        assert (status, fields["content-type"]) == (404, "application/json")


async def test_half_closed_client_gets_its_answer(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.request("GET", "/slow")
        await client.stream.send_eof()
        assert (await client.rest()).endswith(b"slow")
        client = await door.client()
        await client.send(b"GET /ws HT")
        await client.stream.send_eof()
        assert await client.rest() == b""


async def test_body_that_nobody_reads_leaks_no_connection(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.request("POST", "/ignore", Content_Length=str(50 * 1024 * 1024))
        async with trio.open_nursery() as nursery:

            async def upload() -> None:
                try:
                    for _ in range(50):
                        await client.send(bytes(1024 * 1024))
                except trio.BrokenResourceError:
                    pass

            nursery.start_soon(upload)
            assert (await client.response())[2] == b"no thanks"
        began = trio.current_time()
        await client.rest()
        assert trio.current_time() - began < 3


async def test_event_stream_outlives_quarts_response_timeout(open_door) -> None:
    assert new_app("x").config["RESPONSE_TIMEOUT"] is None
    app = new_app("timed")
    app.config["RESPONSE_TIMEOUT"] = 0.2

    async def lines():
        while True:
            yield b"data: x\n\n"
            await trio.sleep(0.05)

    @app.get("/cut")
    async def cut() -> Response:
        return Response(lines())

    @app.get("/kept")
    async def kept() -> Response:
        response = Response(lines())
        response.timeout = None
        return response

    async with open_door(app=app) as door:
        client = await door.client()
        await client.request("GET", "/cut")
        await client.rest()  # the trap: Quart ends it
        client = await door.client()
        await client.request("GET", "/kept")
        began = trio.current_time()
        while trio.current_time() - began < 0.5:
            await client.until(b"data: x\n\n")


async def test_client_that_does_not_read_is_dropped(open_door) -> None:
    async with open_door(send_timeout=0.3) as door:
        client = await door.client()
        await client.request("GET", "/big")
        await trio.sleep(1)  # the server's patience, from outside
        assert len(await client.rest()) < 100_000_000


async def test_failing_handler_ends_its_own_connection_only(open_door) -> None:
    async def handler(ws) -> None:
        raise RuntimeError(await ws.receive())

    async with open_door(handler) as door:
        for _ in range(2):
            async with websocket.connect(f"ws://127.0.0.1:{door.port}/ws") as ws:
                await ws.send("a bug")
                with pytest.raises(Closed) as closed:
                    await ws.receive()
                assert closed.value.code == 1011
        assert (await (await door.client()).get("/hello"))[0] == 200


async def test_handler_that_returns_closes_with_1000_after_its_last_message(open_door) -> None:
    async def handler(ws) -> None:
        await ws.send("bye")

    async with (
        open_door(handler) as door,
        websocket.connect(f"ws://127.0.0.1:{door.port}/ws") as ws,
    ):
        assert await ws.receive() == "bye"
        with pytest.raises(Closed) as closed:
            await ws.receive()
        assert closed.value.code == 1000


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    start=st.sampled_from(
        [b"", b"GET /ws", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"\x16\x03\x01"]
    ),
    noise=st.binary(max_size=300),
    upgraded=st.booleans(),
)
async def test_random_bytes_break_nothing(open_door, start, noise, upgraded) -> None:
    async with open_door(http={"idle_timeout": 0.05}, sockets={"close_timeout": 0.05}) as door:
        client = await door.client()
        if upgraded:
            await client.upgrade()
        try:
            await client.send(start + noise)
            await client.stream.send_eof()
        except trio.BrokenResourceError:
            pass
        await client.rest()
        assert (await (await door.client()).get("/hello"))[0] == 200


INDEPENDENT_CLIENT = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], subprotocols=["other", "voicechat.v1"]) as ws:
    assert ws.subprotocol == "voicechat.v1", ws.subprotocol
    assert ws.ping().wait(5)
    for data in ("text é", b"binary", "x" * 200_000):
        ws.send(data)
        assert ws.recv(5) == data
print("fine", end="")
"""


async def test_with_an_independent_client(open_door) -> None:
    async with open_door() as door:
        done = await trio.run_process(
            [sys.executable, "-c", INDEPENDENT_CLIENT, f"ws://127.0.0.1:{door.port}/ws"],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.stdout == b"fine", done.stdout.decode()


async def test_plain_http_to_a_tls_port_is_closed(open_door, server_tls) -> None:
    async with open_door(tls=server_tls) as door:
        client = await door.tcp()
        await client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in await client.rest()


async def serve_briefly(**where) -> None:
    shutdown = trio.Event()
    shutdown.set()
    await serve(
        new_app("x"), lambda ws: ws.close(), settings=DoorSettings(**where), shutdown=shutdown
    )


async def test_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError) as error:
            await serve_briefly(port=port)
    assert error.value.message == (
        f"port {port} on 127.0.0.1 is in use; stop the other program or use --port"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "999.1.1.1", "no host"])
async def test_bad_host_is_one_clear_line(host) -> None:
    with pytest.raises(UsageError, match="--host") as error:
        await serve_briefly(host=host, port=0)
    assert "\n" not in error.value.message


async def test_too_many_open_files_do_not_end_the_server(open_door, caplog) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with open_door() as door:
        waiting = trio.socket.socket()
        lowest_free = waiting.fileno() + 1
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            await waiting.connect(("127.0.0.1", door.port))
            with trio.fail_after(5):
                while "EMFILE" not in caplog.text:
                    await trio.lowlevel.checkpoint()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        stream = trio.SocketStream(waiting)
        async with stream:
            await stream.send_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


def test_bound_addresses_are_links() -> None:
    assert Bound("http", "127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Bound("https", "::1", 8000).url == "https://[::1]:8000"


async def careless(scope, receive, send) -> None:
    """An ASGI application that answers without having read anything."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    await trio.testing.wait_all_tasks_blocked(0.01)  # let the body fill every queue
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_application_that_ends_with_full_queues_leaks_no_connection(open_door, logs) -> None:
    async with open_door(app=careless) as door, trio.open_nursery() as nursery:
        client = await door.client()
        await client.request("POST", "/", Content_Length=str(50 * 1024 * 1024))

        async def upload() -> None:
            with contextlib.suppress(trio.BrokenResourceError):
                await client.send(bytes(50 * 1024 * 1024))

        nursery.start_soon(upload)
        with trio.fail_after(4):
            await client.rest()
    assert not logs


async def test_a_bug_of_the_door_itself_ends_one_connection_and_is_logged(
    open_door, logs, monkeypatch
) -> None:
    async def broken(*_args) -> None:
        raise RuntimeError("a bug")

    async with open_door() as door:
        with monkeypatch.context() as patch:
            patch.setattr("voicechat.gateway.http.HttpServer.converse", broken)
            assert await (await door.client()).rest() == b""
        assert (await (await door.client()).get("/hello"))[0] == 200
    (entry,) = logs
    assert entry["event"] == "connection failed"

"""Black-box tests of the one port: HTTP and WebSockets on it, whatever pieces they come in."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
import trio_websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.raw_client import frame, handshake
from voicechat.gateway import websocket
from voicechat.gateway.websocket import Closed

pytestmark = pytest.mark.requirement("P-4")


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


async def test_plain_http_to_a_tls_port_is_closed(open_door, server_tls) -> None:
    async with open_door(tls=server_tls) as door:
        client = await door.tcp()
        await client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in await client.rest()


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
    open_door, server_tls, client_tls, over_tls
) -> None:
    tls = {"tls": server_tls, "client_tls": client_tls} if over_tls else {}
    async with open_door(**tls) as door:
        client = await door.client()
        assert (await client.get("/hello"))[0] == 200
        assert (await client.get("/nothing"))[0] == 404
        await client.upgrade()
        await client.send(frame(b"hi"))
        assert await client.frame() == (2, b"hi")


async def test_bytes_one_by_one(open_door) -> None:
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


async def test_a_frame_right_behind_the_handshake_is_not_lost(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        half = frame(b"second")
        await client.send(handshake() + frame(b"first") + half[:5])
        await client.until(b"\r\n\r\n")
        assert await client.frame() == (2, b"first")
        await client.send(half[5:])
        assert await client.frame() == (2, b"second")


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

"""What the door does not let in: bad handshakes, forged origins, addresses that are not there."""

from __future__ import annotations

import json

import pytest
import trio

from tests.gateway.raw_client import handshake

pytestmark = pytest.mark.requirement("P-4")


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
async def test_bad_handshake_is_answered_and_closed(open_door, headers) -> None:
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
async def test_forged_upgrade_never_reaches_the_handler(open_door, headers) -> None:
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


async def test_websocket_elsewhere_is_not_found(open_door) -> None:
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

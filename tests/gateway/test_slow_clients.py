"""Clients that trickle, stop or do not read, and bodies that nobody reads: none stays for ever."""

from __future__ import annotations

import contextlib

import pytest
import trio
import trio.testing
from quart import Response

from voicechat.gateway.http import new_app

pytestmark = pytest.mark.requirement("P-4")


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


async def test_client_that_does_not_read_is_dropped(open_door) -> None:
    async with open_door(send_timeout=0.3) as door:
        client = await door.client()
        await client.request("GET", "/big")
        await trio.sleep(1)  # the server's patience, from outside
        assert len(await client.rest()) < 100_000_000


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

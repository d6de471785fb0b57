"""The proxy that loses networks: each trick must do to real sockets what it says."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from tests.chaos.proxy import running_proxy

QUIET_S = 0.1
"""So long nothing comes where nothing may come."""


class Echo:
    """A server that sends back what it gets, and knows how its connections ended."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ends: list[str] = []
        self.ended = trio.Event()

    async def __call__(self, stream) -> None:
        try:
            while data := await stream.receive_some():
                self.got += data
                await stream.send_all(data)
            self.ends.append("fin")
        except trio.BrokenResourceError:
            self.ends.append("reset")
        self.ended.set()


@asynccontextmanager
async def between():
    """An echo server, a proxy before it, and a function that connects."""
    echo = Echo()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
            port = listener.socket.getsockname()[1]
            async with running_proxy("127.0.0.1", port) as proxy:
                yield echo, proxy
            nursery.cancel_scope.cancel()


async def dial(proxy):
    return await trio.open_tcp_stream("127.0.0.1", proxy.port)


async def say(stream, words: bytes) -> bytes:
    await stream.send_all(words)
    return await stream.receive_some()


async def silent(stream) -> bool:
    with trio.move_on_after(QUIET_S):
        await stream.receive_some()
        return False
    return True


async def test_what_is_sent_arrives_and_is_counted() -> None:
    async with between() as (_, proxy):
        connected = proxy.connected
        async with await dial(proxy) as stream:
            big = bytes(range(256)) * 4_000
            got = bytearray()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, big)
                while len(got) < len(big):
                    got += await stream.receive_some()
            assert connected.is_set()
            assert got == big
        assert (proxy.to_server, proxy.to_client) == (len(big), len(big))
        assert proxy.connections == 1


@pytest.mark.parametrize("fin", [False, True])
async def test_a_cut_ends_both_sides(fin) -> None:
    async with between() as (echo, proxy):
        stream = await dial(proxy)
        assert await say(stream, b"hello") == b"hello"
        proxy.cut(fin=fin)
        if fin:
            assert await stream.receive_some() == b""
        else:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await echo.ended.wait()
        assert echo.ends == ["fin" if fin else "reset"]
        await stream.aclose()
        async with await dial(proxy) as again:
            assert await say(again, b"again") == b"again"
        assert proxy.connections == 2


async def test_an_end_of_one_side_reaches_the_other() -> None:
    async with between() as (echo, proxy):
        stream = await dial(proxy)
        await stream.send_all(b"last words")
        await stream.send_eof()
        got = bytearray()
        while data := await stream.receive_some():
            got += data
        assert got == b"last words"
        assert echo.ends == ["fin"]
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert proxy.open_connections == 0


async def test_a_stall_loses_nothing() -> None:
    async with between() as (echo, proxy), await dial(proxy) as stream:
        assert await say(stream, b"one") == b"one"
        proxy.stall()
        await stream.send_all(b"two")
        assert await silent(stream)
        assert echo.got == b"one"
        async with await dial(proxy) as other:
            await other.send_all(b"three")
            assert await silent(other)
            proxy.flow()
            assert await other.receive_some() == b"three"
        assert await stream.receive_some() == b"two"


@pytest.mark.parametrize("refuse", [False, True])
async def test_a_black_hole_tells_neither_side_anything(refuse) -> None:
    async with between() as (echo, proxy):
        swallowed = await dial(proxy)
        assert await say(swallowed, b"one") == b"one"
        proxy.blackhole(refuse=refuse)
        await swallowed.send_all(b"two")
        assert await silent(swallowed)
        await swallowed.aclose()
        with trio.move_on_after(QUIET_S):
            await echo.ended.wait()
        assert echo.ends == [], "its client is gone, and nobody has told it"
        assert echo.got == b"one"
        if refuse:
            with pytest.raises(OSError, match="all attempts to connect"):
                await dial(proxy)
            await proxy.open_door()
        async with await dial(proxy) as stream:
            assert await say(stream, b"three") == b"three"
        proxy.flow()
        assert b"two" not in echo.got


async def test_the_door_is_shut_and_opened_at_the_same_port() -> None:
    async with between() as (_, proxy):
        port = proxy.port
        async with await dial(proxy) as stream:
            proxy.close_door()
            proxy.close_door()
            assert await say(stream, b"still here") == b"still here"
            with pytest.raises(OSError, match="all attempts to connect"):
                await dial(proxy)
        await proxy.open_door()
        await proxy.open_door()
        assert proxy.port == port
        async with await dial(proxy) as stream:
            assert await say(stream, b"back") == b"back"


async def test_a_server_that_is_away() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with trio.fail_after(5):
        async with running_proxy("127.0.0.1", port) as proxy, await dial(proxy) as stream:
            assert await stream.receive_some() == b""
            assert proxy.connections == 0

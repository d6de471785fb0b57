"""Clients that vanish, say nothing, or do not read, against the whole server in this process."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from tests.gateway.raw_client import Client, frame, handshake
from voicechat import server as server_module
from voicechat.server import serve
from voicechat.settings import Server, Settings

TEXT = 1
HELLO = b'{"type":"hello","protocol":1}'


@pytest.fixture
def shutdowns(monkeypatch):
    """The shutdown event of each server that was started, to set it without a signal."""
    events = []
    build = server_module.wiring.build

    def remember(settings, shutdown):
        events.append(shutdown)
        return build(settings, shutdown)

    monkeypatch.setattr(server_module.wiring, "build", remember)
    return events


@asynccontextmanager
async def running(ended=None, **server):
    links, link = trio.open_memory_channel[list[str]](1)
    settings = Settings(server=Server(port=0, grace_s=3, **server))
    async with trio.open_nursery() as nursery:

        async def run():
            await partial(serve, settings, on_ready=links.send_nowait)()
            if ended is not None:
                ended.set()

        nursery.start_soon(run)
        yield (await link.receive())[0]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def raw(link, *, hello=True):
    port = int(link.rpartition(":")[2])
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        client = Client(stream)
        await client.send(handshake(host=f"127.0.0.1:{port}"))
        assert b" 101 " in await client.until(b"\r\n\r\n")
        if hello:
            await client.send(frame(HELLO, opcode=TEXT))
            opcode, payload = await client.frame()
            assert (opcode, json.loads(payload)["type"]) == (TEXT, "welcome")
        yield client


async def sessions(link):
    async with httpx.AsyncClient(base_url=link) as http:
        return (await http.get("/health")).json()["sessions"]


@pytest.mark.requirement("C-2")
async def test_a_client_that_vanished_frees_its_session():
    async with running(heartbeat_s=0.3) as link, raw(link):
        assert await sessions(link) == 1
        with trio.fail_after(5):
            while await sessions(link):  # noqa: ASYNC110  (asked over HTTP)
                await trio.sleep(0.05)


@pytest.mark.requirement("C-10")
async def test_shutdown_does_not_wait_for_a_client_that_said_nothing(shutdowns):
    ended = trio.Event()
    async with running(ended) as link, raw(link, hello=False) as client:
        shutdowns[0].set()
        with trio.fail_after(2):
            assert await client.close_code() == 1001
        await client.stream.aclose()
        with trio.fail_after(3):
            await ended.wait()


@pytest.mark.requirement("L-3")
async def test_shutdown_does_not_wait_for_a_client_that_does_not_read(shutdowns):
    ended = trio.Event()
    async with running(ended) as link, raw(link) as client:
        with trio.move_on_after(3):  # until its answers fill every buffer on the way
            for _ in range(200_000):
                await client.send(frame(b'{"type":"ping","nonce":"' + b"x" * 64 + b'"}', opcode=1))
        start = trio.current_time()
        shutdowns[0].set()
        with trio.fail_after(20):
            await ended.wait()
        assert trio.current_time() - start < 8, "grace and last words, and not a time-out of writes"

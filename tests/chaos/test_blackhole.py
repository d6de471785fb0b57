"""A network that is gone without a word: no byte comes any more, and no end of the connection."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest
import trio

from tests.chaos.proxy import Proxy, running_proxy
from voicechat.gateway.websocket import Closed, WebSocket, connect
from voicechat.protocol.close_codes import CloseCode
from voicechat.server import serve
from voicechat.settings import Server, Sessions, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEARTBEAT_S = 0.5
SLACK_S = 0.5  # of a busy machine, and of asking over HTTP


@attrs.define
class Place:
    """A server, and the network to it."""

    link: str
    proxy: Proxy

    @asynccontextmanager
    async def client(self) -> AsyncIterator[WebSocket]:
        """A connection that has said hello, through the network."""
        async with connect(f"ws://127.0.0.1:{self.proxy.port}/ws") as ws:
            yield ws
            ws.drop()  # a goodbye would wait for an answer out of the hole

    async def health(self) -> dict[str, Any]:
        """What the server tells of itself, past the network that is lost."""
        async with httpx.AsyncClient(base_url=self.link) as http:
            return (await http.get("/health")).json()

    async def connections(self, count: int) -> float:
        """Wait until the server has so many; how long that took."""
        start = trio.current_time()
        with trio.fail_after(4 * HEARTBEAT_S + 5):
            while (await self.health())["connections"]["open"] != count:  # noqa: ASYNC110  (HTTP)
                await trio.sleep(0.02)
        return trio.current_time() - start


@asynccontextmanager
async def running(**server: Any) -> AsyncIterator[Place]:
    links, link = trio.open_memory_channel[list[str]](1)
    settings = Settings(
        server=Server(port=0, grace_s=1, **server), sessions=Sessions(store="memory")
    )
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await serve(settings, on_ready=links.send_nowait, signals=False)

        nursery.start_soon(run)
        url = (await link.receive())[0]
        async with running_proxy("127.0.0.1", int(url.rpartition(":")[2])) as proxy:
            yield Place(url, proxy)
        nursery.cancel_scope.cancel()


async def tell(ws: WebSocket, type_: str, **fields: Any) -> None:
    await ws.send(json.dumps({"type": type_} | fields))


async def hear(ws: WebSocket, type_: str) -> dict[str, Any]:
    """The next message of this type."""
    with trio.fail_after(10):
        while True:
            data = await ws.receive()
            if isinstance(data, str) and (message := json.loads(data))["type"] == type_:
                return message


async def begin(ws: WebSocket) -> dict[str, Any]:
    await tell(ws, "hello", protocol=1, speak=False, acknowledges=True)
    return await hear(ws, "session_ready")


@pytest.mark.requirement("C-2", "S-1")
async def test_the_server_notices_within_two_heartbeats_and_the_session_lives():
    async with running(heartbeat_s=HEARTBEAT_S) as place, place.client() as ws:
        session = await begin(ws)
        await trio.sleep(2.5 * HEARTBEAT_S)
        before = await place.health()
        assert before["connections"]["open"] == 1, "its pongs were heard"
        assert before["session_states"]["active"] == 1
        place.proxy.blackhole()
        took = await place.connections(0)
        print(f"noticed after {took:.2f} s, with a heartbeat of {HEARTBEAT_S} s")
        assert took <= 2 * HEARTBEAT_S + SLACK_S
        after = await place.health()
        assert after["session_states"]["alive"] == 1
        assert after["session_states"]["disconnected"] == 1
        async with place.client() as again:
            await tell(again, "hello", protocol=1, acknowledges=True, start=False)
            await tell(
                again,
                "resume",
                session_id=session["session_id"],
                secret=session["secret"],
                epoch=session["epoch"],
                seq=session.get("seq") or 0,
            )
            restored = await hear(again, "session_restored")
            assert restored["epoch"] == session["epoch"]
            states = (await place.health())["session_states"]
            assert (states["active"], states["disconnected"]) == (1, 0)


@pytest.mark.requirement("C-2")
async def test_a_network_that_is_away_for_a_moment_costs_nothing():
    async with running(heartbeat_s=2 * HEARTBEAT_S) as place, place.client() as ws:
        await begin(ws)
        for _ in range(3):
            place.proxy.stall()
            await trio.sleep(1.2 * HEARTBEAT_S)
            place.proxy.flow()
            await tell(ws, "ping", nonce="still there?")
            await hear(ws, "pong")
        found = (await place.health())["connections"]
        assert (found["open"], found["total"]) == (1, 1)


@pytest.mark.requirement("C-2")
async def test_a_client_in_a_hole_before_its_hello_is_gone_as_well(monkeypatch):
    monkeypatch.setattr("voicechat.gateway.greeting.HELLO_TIMEOUT_S", HEARTBEAT_S)
    async with running(heartbeat_s=HEARTBEAT_S) as place, place.client():
        await place.connections(1)
        place.proxy.blackhole()
        # Nothing waits for its goodbye longer than the closing handshake may take.
        assert await place.connections(0) <= HEARTBEAT_S + 2 + SLACK_S


@pytest.mark.requirement("C-2")
async def test_a_client_that_says_nothing_for_long_is_told_to_stay_away():
    async with (
        running(heartbeat_s=HEARTBEAT_S, idle_timeout_s=1) as place,
        connect(f"{place.link.replace('http', 'ws')}/ws") as ws,
    ):
        await begin(ws)
        start = trio.current_time()
        with pytest.raises(Closed) as closed:
            await hear(ws, "nothing at all")
        assert closed.value.code == CloseCode.IDLE
        assert 0.9 <= trio.current_time() - start < 2 + SLACK_S

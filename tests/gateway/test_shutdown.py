"""The door's end: at once when idle, bounded whatever clients do, and immediate when cancelled."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from voicechat.gateway import websocket
from voicechat.gateway.websocket import Closed

pytestmark = [pytest.mark.requirement("L-2"), pytest.mark.requirement("C-10")]


async def forever(ws) -> None:
    await trio.sleep_forever()


async def flood(ws) -> None:
    while True:
        await ws.send(bytes(65_536))


async def unread_response(door) -> None:
    client = await door.tcp()
    await client.request("GET", "/big")
    await client.until(b"\r\n\r\n")


async def event_stream(door) -> None:
    client = await door.tcp()
    await client.request("GET", "/events")
    await client.until(b"data: x")


async def unread_websocket(door) -> None:
    client = await door.tcp()
    await client.upgrade()


async def half_a_head(door) -> None:
    await (await door.tcp()).send(b"GET /ws HTTP/1.1\r\nA: b")


async def half_a_body(door) -> None:
    client = await door.tcp()
    await client.request("POST", "/length", Content_Length="100")
    await client.send(b"half")


async def test_idle_server_ends_at_once(open_door) -> None:
    async with open_door(grace_period=9) as door:
        kept_alive = await door.tcp()
        await kept_alive.get("/hello")
        silent = await door.tcp()
        await half_a_head(door)
        await trio.testing.wait_all_tasks_blocked()
        assert await door.end_takes(door.shutdown.set) < 0.1
        assert await kept_alive.rest() == await silent.rest() == b""


async def test_tls_handshake_in_progress_does_not_delay(open_door, server_tls) -> None:
    async with open_door(grace_period=9, tls=server_tls) as door:
        await door.tcp()
        await trio.testing.wait_all_tasks_blocked()
        assert await door.end_takes(door.shutdown.set) < 0.1


async def test_answer_in_flight_is_finished(open_door) -> None:
    async with open_door(grace_period=5) as door:
        client = await door.tcp()
        await client.request("GET", "/slow")
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.end_takes, door.shutdown.set)
            assert (await client.response())[2] == b"slow"
            assert await client.rest() == b""
            await trio.aclose_forcefully(client.stream)


async def test_handler_is_cut_by_the_grace_period_and_its_client_gets_1001(open_door) -> None:
    async with open_door(forever, grace_period=0.3) as door:
        url = f"ws://127.0.0.1:{door.port}/ws"
        async with websocket.connect(url) as first, websocket.connect(url) as second:
            start = trio.current_time()
            door.shutdown.set()
            for ws in (first, second):
                with pytest.raises(Closed) as closed:
                    await ws.receive()
                assert closed.value.code == 1001
            await door.ended.wait()
            assert 0.2 < trio.current_time() - start < 0.45


async def test_handler_that_watches_the_shutdown_closes_by_itself(open_door) -> None:
    told: list[trio.Event] = []

    async def polite(ws) -> None:
        await told[0].wait()
        await ws.send("server_shutting_down")
        await ws.close(1001, "see you")

    async with open_door(polite, grace_period=9) as door:
        told.append(door.shutdown)
        async with websocket.connect(f"ws://127.0.0.1:{door.port}/ws") as ws:
            assert await door.end_takes(door.shutdown.set) < 0.2
            assert await ws.receive() == "server_shutting_down"
            with pytest.raises(Closed) as closed:
                await ws.receive()
            assert (closed.value.code, closed.value.reason) == (1001, "see you")


STUCK = [unread_response, event_stream, unread_websocket, half_a_body]


@pytest.mark.parametrize("stuck", STUCK)
@pytest.mark.parametrize("handler", [forever, flood])
async def test_no_client_can_delay_the_end(open_door, stuck, handler) -> None:
    async with open_door(handler, grace_period=0.3, sockets={"close_timeout": 0.2}) as door:
        await stuck(door)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert await door.end_takes(door.shutdown.set) < 0.8


@pytest.mark.parametrize("told_before", [False, True])
async def test_cancelling_ends_everything_at_once(open_door, told_before) -> None:
    async with open_door(flood, grace_period=9, sockets={"close_timeout": 9}) as door:
        for stuck in STUCK:
            await stuck(door)
        if told_before:
            door.shutdown.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not door.ended.is_set()
        assert await door.end_takes(door.scope.cancel) < 0.2


async def test_cancelling_ends_tls_clients_at_once(open_door, server_tls, client_tls) -> None:
    async with open_door(flood, tls=server_tls, client_tls=client_tls, grace_period=9) as door:
        client = await door.client()
        await client.upgrade(Origin="https://localhost")
        client = await door.client()
        await client.request("GET", "/big")
        await client.until(b"\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert await door.end_takes(door.scope.cancel) < 0.2


async def test_failure_during_the_end_is_logged_and_no_more(open_door, logs) -> None:
    async def bad_loser(ws) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("while being cancelled")

    async with open_door(bad_loser) as door:
        await (await door.tcp()).upgrade()
        assert await door.end_takes(door.scope.cancel) < 0.2
    assert [entry["event"] for entry in logs] == ["websocket failed"]

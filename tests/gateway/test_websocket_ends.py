"""How a WebSocket ends: closed by either side, lost, or dropped by a write that did not end."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.gateway.raw_client import CLOSE, PING, TEXT, frame
from voicechat.gateway import websocket
from voicechat.gateway.websocket import Closed


async def test_closing_with_a_full_queue_hears_the_goodbye(open_door) -> None:
    closed = trio.Event()

    async def handler(ws) -> None:
        await trio.testing.wait_all_tasks_blocked(0.05)
        start = trio.current_time()
        await ws.close(4000, "enough")
        assert trio.current_time() - start < 1
        closed.set()

    async with open_door(
        handler, sockets={"max_unread": 1000, "max_unread_messages": 2, "close_timeout": 5}
    ) as door:
        client = await door.client()
        await client.upgrade()
        await client.send(frame(bytes(500)) * 50)
        assert await client.close_code() == 4000
        await client.send(frame(b"", opcode=PING) + frame((4000).to_bytes(2, "big"), opcode=CLOSE))
        await closed.wait()


async def test_peer_that_never_answers_a_close(open_door) -> None:
    took = []

    async def handler(ws) -> None:
        start = trio.current_time()
        await ws.close(4001)
        took.append(trio.current_time() - start)
        await ws.close(4002)
        with pytest.raises(Closed) as closed:
            await ws.receive()
        assert closed.value.code == 4001
        with pytest.raises(Closed):
            await ws.send("too late")

    async with open_door(handler, sockets={"close_timeout": 0.3}) as door:
        client = await door.client()
        await client.upgrade()
        assert await client.close_code() == 4001
        await client.send(frame(b"ping while closing", opcode=PING))
        assert await client.rest() == b""
    assert 0.25 < took[0] < 0.6


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [(b"\x03\xe8bye", 1000, "bye"), (b"", 1005, ""), (None, 1006, "")],
)
async def test_client_that_closes(open_door, payload, code, reason) -> None:
    ends = []

    async def handler(ws) -> None:
        try:
            await ws.receive()
        except Closed as closed:
            ends.append((closed.code, closed.reason))

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        if payload is None:
            await client.stream.aclose()
        else:
            await client.send(frame(payload, opcode=CLOSE))
            assert (await client.frame())[0] == CLOSE
            assert await client.rest() == b""
        with trio.fail_after(2):
            while not ends:
                await trio.lowlevel.checkpoint()
    assert ends == [(code, reason)]


async def test_send_that_is_cancelled_in_the_middle_drops_the_socket(open_door) -> None:
    sent = []

    async def handler(ws) -> None:
        with trio.move_on_after(0.1):
            while True:
                await ws.send(bytes(65_536))
        with pytest.raises(Closed):
            await ws.send("after half a frame")
        sent.append("nothing")

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        with trio.fail_after(2):
            while not sent:
                await trio.lowlevel.checkpoint()


async def test_send_cancelled_before_its_first_byte_leaves_the_socket_alive(open_door) -> None:
    async def handler(ws) -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await ws.send("never")
        await ws.send("still here")

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        assert await client.frame() == (TEXT, b"still here")


async def test_slow_reader_is_dropped(open_door) -> None:
    ends = []

    async def handler(ws) -> None:
        try:
            while True:
                await ws.send(bytes(65_536))
        except Closed as closed:
            ends.append(closed.code)

    async with open_door(handler, send_timeout=0.2) as door:
        client = await door.client()
        await client.upgrade()
        with trio.fail_after(3):
            while not ends:
                await trio.lowlevel.checkpoint()
    assert ends == [1006]


async def test_connect_leaves_no_socket_when_its_block_fails(open_door) -> None:
    ends = []

    async def handler(ws) -> None:
        try:
            await ws.receive()
        except Closed as closed:
            ends.append(closed.code)

    async with open_door(handler) as door:
        with pytest.raises(ExceptionGroup):
            async with websocket.connect(f"ws://127.0.0.1:{door.port}/ws"):
                raise ValueError("a bug of the caller")
        with trio.fail_after(2):
            while not ends:
                await trio.lowlevel.checkpoint()
    assert ends == [1006]

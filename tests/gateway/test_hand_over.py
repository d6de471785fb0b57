"""Binary messages that a sink takes as they are read, and the order that they keep."""

from __future__ import annotations

import trio

from tests.gateway.raw_client import BINARY, PING, PONG, TEXT, frame


async def test_a_sink_takes_binary_messages_and_no_others(open_door) -> None:
    taken: list[bytes] = []
    received: list[str | bytes] = []

    def sink(message: bytes) -> bool:
        if message == b"not mine":
            return False
        taken.append(message)
        return True

    async def handler(ws) -> None:
        ws.hand_over(sink)
        while len(received) < 3:
            received.append(await ws.receive())
        ws.hand_over(None)
        await ws.send("that was all")
        received.append(await ws.receive())
        await ws.send(received[-1])

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        await client.send(frame(b"1") + frame(b"text", opcode=TEXT) + frame(b"there?", opcode=PING))
        assert await client.frame() == (PONG, b"there?")
        await client.send(frame(b"not mine"))
        await client.send(frame(b"end", opcode=TEXT))
        assert await client.frame() == (TEXT, b"that was all")
        await client.send(frame(b"no sink now"))
        assert await client.frame() == (BINARY, b"no sink now")
    assert taken == [b"1"]
    assert received == ["text", b"not mine", "end", b"no sink now"]


async def test_a_message_never_overtakes_one_that_waits(open_door) -> None:
    order: list[str | bytes] = []
    go = trio.Event()

    def sink(message: bytes) -> bool:
        order.append(message)
        return True

    async def handler(ws) -> None:
        ws.hand_over(sink)
        await go.wait()
        while len(order) < 4:
            order.append(await ws.receive())
        await ws.send("done")

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        everything = frame(b"1") + frame(b"2", opcode=TEXT) + frame(b"3") + frame(b"4", opcode=TEXT)
        await client.send(everything + frame(b"read?", opcode=PING))
        assert await client.frame() == (PONG, b"read?")
        go.set()
        assert await client.frame() == (TEXT, b"done")
    assert order == [b"1", "2", b"3", "4"]

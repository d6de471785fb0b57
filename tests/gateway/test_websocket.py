"""One WebSocket: sizes, broken frames, pings, unread messages, and what its handler knows of it."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from tests.gateway.raw_client import BINARY, CLOSE, PING, PONG, TEXT, frame
from voicechat.errors import UsageError
from voicechat.gateway import websocket
from voicechat.gateway.websocket import Closed


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(TEXT, "é".encode() * 500, True)], None),
        ([(TEXT, "é".encode() * 501, True)], 1009),
        ([(BINARY, bytes(1000), True)], None),
        ([(BINARY, bytes(1001), True)], 1009),
        ([(TEXT, b"a" * 600, False), (0, b"a" * 400, True)], None),
        ([(TEXT, b"a" * 600, False), (0, b"a" * 401, False)], 1009),
        ([(BINARY, bytes(2000), True)] * 40, 1009),
        ([(TEXT, b"\xff", True)], 1007),
        ([(0, b"no start", True)], 1002),
        ([(3, b"unknown opcode", True)], 1002),
        ([(PING, bytes(126), True)], 1002),
    ],
)
async def test_sizes_are_bytes_and_broken_frames_get_their_code(open_door, frames, code) -> None:
    ends = []

    async def handler(ws) -> None:
        try:
            while True:
                await ws.send(await ws.receive())
        except Closed as closed:
            ends.append(closed.code)
            raise

    async with open_door(handler, sockets={"max_message": 1000}) as door:
        client = await door.client()
        await client.upgrade()
        for opcode, payload, fin in frames:
            await client.send(frame(payload, opcode=opcode, fin=fin))
        if code is None:
            assert (await client.frame())[1] == b"".join(payload for _, payload, _ in frames)
        else:
            assert await client.close_code() == code
            await client.send(frame(code.to_bytes(2, "big"), opcode=CLOSE))
            await client.stream.send_eof()
            assert await client.rest() == b""
            assert ends == [code]


async def test_broken_frame_code_survives_what_the_client_still_sends(open_door) -> None:
    """A close of a socket with unread bytes would send a reset, which destroys the close frame."""
    async with open_door(sockets={"max_message": 1000}) as door:
        for bad in (frame(b"\xff", opcode=TEXT), frame(bytes(60_000))):
            client = await door.client()
            await client.upgrade()
            await client.send(bad + frame(bytes(60_000)) * 3)
            assert await client.close_code() in {1007, 1009}


async def test_text_is_text_whatever_its_pieces(open_door) -> None:
    async with open_door() as door:
        client = await door.client()
        await client.upgrade()
        data = "aé😀".encode()
        for i, byte in enumerate(data):
            last = i == len(data) - 1
            await client.send(frame(bytes([byte]), opcode=0 if i else TEXT, fin=last))
        assert await client.frame() == (TEXT, data)


async def test_pongs_flow_while_nothing_is_received(open_door) -> None:
    async def deaf(ws) -> None:
        await trio.sleep_forever()

    async with open_door(deaf, grace_period=0) as door:
        client = await door.client()
        await client.upgrade()
        await client.send(frame(bytes(640)) * 800 + frame(b"there?", opcode=PING))
        assert await client.frame() == (PONG, b"there?")


async def test_unread_messages_are_bounded_in_bytes_and_none_is_lost(open_door) -> None:
    go, sent, got = trio.Event(), [], []
    numbered = [number.to_bytes(2, "big") + bytes(49_998) for number in range(300)]

    async def late(ws) -> None:
        await go.wait()
        while True:
            got.append(await ws.receive())

    async with open_door(late, sockets={"max_unread": 100_000}) as door:
        client = await door.client()
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        await client.upgrade()
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                for message in numbered:
                    await client.send(frame(message))
                    sent.append(message)
                await client.send(frame(b"", opcode=PING))

            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked(0.02)
            # Two messages wait for the handler; what else has left is in the kernel's buffers.
            assert len(sent) < 40
            go.set()
            assert await client.frame() == (PONG, b"")
        await client.send(frame((1000).to_bytes(2, "big"), opcode=CLOSE))
        assert await client.close_code() == 1000
        assert await client.rest() == b""
    assert got == numbered


async def test_two_writers_are_a_bug(open_door) -> None:
    refused = trio.Event()

    async def handler(ws) -> None:
        async with trio.open_nursery() as nursery:

            async def flood() -> None:
                while True:
                    await ws.send(bytes(65_536))

            nursery.start_soon(flood)
            await trio.testing.wait_all_tasks_blocked(0.01)
            with pytest.raises(RuntimeError, match="one writer"):
                await ws.send("me too")
            refused.set()
            nursery.cancel_scope.cancel()

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        await refused.wait()


async def test_ping_round_trip_and_a_ping_that_is_given_up(open_door) -> None:
    results = []

    async def handler(ws) -> None:
        results.append(await ws.ping())
        with trio.move_on_after(0.05):
            await ws.ping()
        results.append(len(ws._connection._pings))

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        opcode, payload = await client.frame()
        assert opcode == PING
        await client.send(frame(payload, opcode=PONG))
        assert await client.close_code() == 1000
    assert 0 <= results[0] < 1
    assert results[1] == 0


async def test_what_the_handler_knows(open_door) -> None:
    seen = {}

    async def handler(ws) -> None:
        seen.update(
            peer=ws.peer,
            path=ws.path,
            query=ws.query,
            agent=ws.headers["USER-agent"],
            offered=ws.subprotocols,
            chosen=ws.subprotocol,
            secret="s3cret" in repr(ws.headers),
        )

    async with open_door(handler) as door:
        client = await door.client()
        await client.request(
            "GET",
            "/ws?a=1&b=2",
            Upgrade="WebSocket",
            Connection="Upgrade",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Protocol="x, voicechat.v1",
            User_Agent="test",
            Cookie="s3cret",
        )
        assert b"voicechat.v1" in await client.until(b"\r\n\r\n")
        assert await client.close_code() == 1000
    assert seen == {
        "peer": "127.0.0.1",
        "path": "/ws",
        "query": "a=1&b=2",
        "agent": "test",
        "offered": ("x", "voicechat.v1"),
        "chosen": "voicechat.v1",
        "secret": False,
    }


async def test_connect_tells_when_nobody_answers(open_door) -> None:

    async with open_door() as door:
        for url in (f"ws://127.0.0.1:{door.port}/nothing", "ws://127.0.0.1:1/ws", "nonsense"):
            with pytest.raises(UsageError, match="no voicechat server"):
                async with websocket.connect(url):
                    pytest.fail("connected")

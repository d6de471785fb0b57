"""What our client reads: frames that begin in the server's answer and end after it."""

from __future__ import annotations

import base64
import hashlib

import pytest
import trio
import trio.testing

from tests.gateway.raw_client import Client
from voicechat.gateway import websocket

SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def answer_with(stream: trio.SocketStream, first: bytes, second: bytes) -> None:
    """Accept a handshake, `first` right behind the answer, `second` once that was read."""
    peer = Client(stream)
    head = (await peer.until(b"\r\n\r\n")).decode()
    key = next(
        line.split(": ")[1]
        for line in head.split("\r\n")
        if line.lower().startswith("sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key.encode() + SALT.encode()).digest())
    await peer.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + first
    )
    await trio.testing.wait_all_tasks_blocked(0.05)
    await peer.send(second)
    await peer.rest()


@pytest.mark.parametrize("held", range(11))
async def test_a_payload_that_looks_like_a_frame_stays_a_payload(held) -> None:
    """The first bytes of a frame may come with the handshake's answer, unseen by the reader."""
    payload = bytes((0x82, 0x81, 9, 9, 9, 9, 7)) + b"end"
    whole = bytes((0x82, len(payload))) + payload
    whole, rest = whole[:held], whole[held:]
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]

        async def serve(stream: trio.SocketStream) -> None:
            async with stream:
                await answer_with(stream, whole, rest)

        nursery.start_soon(trio.serve_listeners, serve, [listener])
        with trio.fail_after(5):
            async with websocket.connect(f"ws://127.0.0.1:{port}/ws") as ws:
                assert await ws.receive() == payload
                nursery.cancel_scope.cancel()

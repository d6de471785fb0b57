"""A server of the other library whose every word is in the test."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio_websocket import ConnectionClosed, serve_websocket

from tests.client.model_server import CODEC, WELCOME, ready, restored
from voicechat.protocol.frames import FrameKind, unpack


class Peer:
    """One connection of the client."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self.done = trio.Event()
        self.said: list[Any] = []

    async def hear(self) -> Any:
        """The next message of the client, a frame, or its close code."""
        try:
            data = await self._ws.get_message()
        except ConnectionClosed as closed:
            return 1006 if closed.reason is None else closed.reason.code
        if isinstance(data, bytes):
            return unpack(data, FrameKind.MICROPHONE)
        self.said.append(CODEC.decode_client(data))
        return self.said[-1].message

    async def say(self, message: Any, seq: int | None = None) -> None:
        await self._ws.send_message(
            message if isinstance(message, bytes) else CODEC.encode(message, seq)
        )

    async def greet(self) -> tuple[Any, Any]:
        """Take the hello and what follows it, and answer: a new session, or the old one."""
        hello, opening = await self.hear(), await self.hear()
        await self.say(WELCOME)
        if opening.type == "create_session":
            await self.say(ready())
        else:
            await self.say(restored(seq=opening.seq or 0, client_seq=opening.client_seq - 1))
        return hello, opening

    async def close(self, code: int) -> None:
        await self._ws.aclose(code)
        self.done.set()

    async def vanish(self) -> None:
        """The socket is gone, without a goodbye."""
        await trio.aclose_forcefully(self._ws._stream)
        self.done.set()


class FakeServer:
    """A port; who connects comes out of `peer`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._send, self._receive = trio.open_memory_channel[Peer](100)
        self._door = trio.CancelScope()
        self.port = 0

    @property
    def link(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def open(self) -> None:
        serve = functools.partial(
            serve_websocket, self._serve, "127.0.0.1", self.port, None, message_queue_size=100
        )
        self._door = trio.CancelScope()

        async def run(task_status: Any) -> None:
            with self._door:
                await serve(handler_nursery=self._nursery, task_status=task_status)

        server = await self._nursery.start(lambda *, task_status: run(task_status))
        self.port = server.port

    def shut(self) -> None:
        """Nobody can connect until `open`."""
        self._door.cancel()

    async def peer(self) -> Peer:
        """The next client that connects."""
        return await self._receive.receive()

    async def _serve(self, request: Any) -> None:
        peer = Peer(await request.accept())
        self._send.send_nowait(peer)
        await peer.done.wait()


@asynccontextmanager
async def fake_server():
    async with trio.open_nursery() as nursery:
        server = FakeServer(nursery)
        await server.open()
        yield server
        nursery.cancel_scope.cancel()

"""The first words on a connection: a client says who it is, in time, or has to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.messages.connection import PROTOCOL_VERSION, Hello
from voicechat.session.requests import told

if TYPE_CHECKING:
    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.codec import Codec

HELLO_TIMEOUT_S = 10.0
"""A client says who it is within this time, or the socket is for somebody else."""
HELLO_TRIES = 5
"""So many first messages may be wrong."""


async def greet(ws: WebSocket, codec: Codec, shutdown: trio.Event) -> Hello | None:
    """The first good message, which must be a hello; None after closing the socket."""
    hello: Hello | None = None
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + HELLO_TIMEOUT_S

        async def leave_at_shutdown() -> None:
            await shutdown.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(leave_at_shutdown)
        hello = await _first_hello(ws, codec)
        nursery.cancel_scope.cancel()
    if hello is not None:
        return hello
    if shutdown.is_set():
        await ws.close(CloseCode.GOING_AWAY, "server going away")
    else:
        await ws.close(CloseCode.POLICY, "say hello first")
    return None


async def _first_hello(ws: WebSocket, codec: Codec) -> Hello | None:
    for _ in range(HELLO_TRIES):
        try:
            return _expect_hello(await ws.receive(), codec)
        except ProtocolError as error:
            await ws.send(codec.encode(told(error)))
    return None


def _expect_hello(data: str | bytes, codec: Codec) -> Hello:
    if isinstance(data, str):
        message = codec.decode_client(data).message
        if isinstance(message, Hello):
            if message.protocol != PROTOCOL_VERSION:
                raise ProtocolError(
                    f"This server speaks protocol {PROTOCOL_VERSION}, not {message.protocol}.",
                    suggested_action="Reload the page or update the client.",
                    code=ErrorCode.UNSUPPORTED_PROTOCOL,
                )
            return message
    raise ProtocolError(
        "The first message must be a hello.",
        suggested_action='Send {"type":"hello","protocol":1} first.',
        code=ErrorCode.HELLO_REQUIRED,
    )

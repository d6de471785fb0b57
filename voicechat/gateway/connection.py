"""One client's socket: a reader that dispatches, the only writer, and a polite end.

The session is a sibling of this connection. For now it ends with it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio

import voicechat
from voicechat.errors import ErrorCode, ProtocolError, VoicechatError
from voicechat.gateway.websocket import Closed
from voicechat.observability.correlation import new_correlation_id
from voicechat.protocol.frames import MAX_FRAME_BYTES, FrameKind, unpack
from voicechat.protocol.messages.connection import (
    PROTOCOL_VERSION,
    Error,
    Hello,
    Recognizer,
    ServerShuttingDown,
    Welcome,
)
from voicechat.protocol.messages.conversation import MAX_TEXT
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.codec import Codec
    from voicechat.session.manager import SessionManager
    from voicechat.session.session import Session

log = structlog.get_logger()

HELLO_TIMEOUT_S = 10.0
"""A client says who it is within this time, or the socket is for somebody else."""
HELLO_TRIES = 5
"""So many first messages may be wrong."""
HEARTBEAT_S = 20.0
"""A client is pinged so often, and has as long to answer."""
_GOING_AWAY = 1001
_POLICY = 1008
_INTERNAL = 1011
_TRY_LATER = 1013
_LAST_WORDS_S = 0.5
"""For telling the client that the server ends, or that its turn was cut."""
_LAST_WRITE_S = 2.0
"""For what is left in the outbox, and the closing handshake."""


class ConnectionHandler:
    """Serves each WebSocket from its handshake to its close.

    Args:
        sessions: Makes sessions.
        codec: Decodes and encodes messages.
        recognizer: What the configured recogniser can understand, for the welcome.
        shutdown: Set when the server begins to end.
        grace_s: How long a turn in flight may then go on.
    """

    def __init__(
        self,
        *,
        sessions: SessionManager,
        codec: Codec,
        recognizer: Recognizer,
        shutdown: trio.Event,
        grace_s: float,
    ) -> None:
        self._sessions = sessions
        self._codec = codec
        self._recognizer = recognizer
        self._shutdown = shutdown
        self._grace_s = grace_s

    async def __call__(self, ws: WebSocket) -> None:
        """Serve until either side closes."""
        try:
            hello = await self._hello(ws)
            if hello is None:
                return
            try:
                session = self._sessions.create(hello)
            except VoicechatError as error:
                await self._refuse(ws, error)
                await ws.close(_TRY_LATER, error.code)
                return
            with structlog.contextvars.bound_contextvars(session_id=session.id):
                await self._serve(ws, session, hello)
        except* Closed:
            log.debug("connection closed")

    # -- before there is a session -------------------------------------------------------------

    async def _hello(self, ws: WebSocket) -> Hello | None:
        """The first good message, which must be a hello; None after closing the socket."""
        hello: Hello | None = None
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = trio.current_time() + HELLO_TIMEOUT_S

            async def leave_at_shutdown() -> None:
                await self._shutdown.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(leave_at_shutdown)
            hello = await self._first_hello(ws)
            nursery.cancel_scope.cancel()
        if hello is not None:
            return hello
        if self._shutdown.is_set():
            await ws.close(_GOING_AWAY, "server going away")
        else:
            await ws.close(_POLICY, "say hello first")
        return None

    async def _first_hello(self, ws: WebSocket) -> Hello | None:
        for _ in range(HELLO_TRIES):
            try:
                return self._expect_hello(await ws.receive())
            except ProtocolError as error:
                await self._refuse(ws, error)
        return None

    def _expect_hello(self, data: str | bytes) -> Hello:
        if isinstance(data, str):
            message = self._codec.decode_client(data).message
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

    async def _refuse(self, ws: WebSocket, error: VoicechatError) -> None:
        correlation_id = new_correlation_id()
        log.info("refused", code=error.code, correlation_id=correlation_id)
        await ws.send(self._codec.encode(Error.of(error, correlation_id)))

    # -- with a session ------------------------------------------------------------------------

    async def _serve(self, ws: WebSocket, session: Session, hello: Hello) -> None:
        log.info("connected", client=hello.client[:80], peer=ws.peer)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._drain, session, nursery.cancel_scope)
                nursery.start_soon(self._heartbeat, ws)
                nursery.start_soon(self._write, ws, session, nursery.cancel_scope)
                await session.emit(
                    Welcome(
                        protocol=PROTOCOL_VERSION,
                        server=voicechat.__version__,
                        session_id=session.id,
                        input_rate=INPUT_RATE,
                        output_rate=hello.output_rate,
                        patience=session.patience,
                        max_text=MAX_TEXT,
                        max_audio_bytes=MAX_FRAME_BYTES,
                        recognizer=self._recognizer,
                    )
                )
                ws.hand_over(partial(_take_audio, session))
                await self._read(ws, session)
        except* (Closed, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, or the session has ended and its outbox with it
        finally:
            session.end()
            with trio.CancelScope(shield=True):  # short: all that it owns can be cancelled
                await session.ended.wait()

    async def _read(self, ws: WebSocket, session: Session) -> None:
        """Take what the client says until it closes, or until the session ends.

        Waits for nothing but the client itself and the outbox, so that pings and interrupts are
        heard whatever the engines do.
        """
        with suppress(trio.ClosedResourceError):  # the outbox: the writer says goodbye
            while True:
                data = await ws.receive()
                try:
                    if isinstance(data, bytes):
                        session.microphones.audio(unpack(data, FrameKind.MICROPHONE))
                    else:
                        await session.handle(self._codec.decode_client(data))
                except ProtocolError as error:
                    await session.report(error)

    async def _write(self, ws: WebSocket, session: Session, connection: trio.CancelScope) -> None:
        """Send the outbox; when the session has ended and all is sent, close with the reason."""
        with suppress(trio.EndOfChannel):
            while True:
                await ws.send(await session.take())
        if session.failed:
            await ws.close(_INTERNAL, "the session failed")
        else:
            await ws.close(_GOING_AWAY, "server going away")
        connection.cancel()

    async def _drain(self, session: Session, connection: trio.CancelScope) -> None:
        """At shutdown: tell the client, let the turn in flight end, then end the session."""
        await self._shutdown.wait()
        with trio.move_on_after(_LAST_WORDS_S):  # a client that does not read is not told
            await session.emit(ServerShuttingDown(self._grace_s))
        with trio.move_on_after(self._grace_s):
            await session.conversation.drain()
        session.conversation.stop()
        with trio.move_on_after(_LAST_WORDS_S):
            await session.conversation.drain()
        session.end()
        connection.deadline = trio.current_time() + _LAST_WRITE_S

    async def _heartbeat(self, ws: WebSocket) -> None:
        """Drop a client that has vanished without a word: its session ends with it."""
        while True:
            await trio.sleep(HEARTBEAT_S)
            with trio.move_on_after(HEARTBEAT_S) as patience:
                await ws.ping()
            if patience.cancelled_caught:
                log.info("client vanished")
                ws.drop()
                return


def _take_audio(session: Session, data: bytes) -> bool:
    """Give a frame of the microphone to the session at once; False when that needs an answer."""
    try:
        frame = unpack(data, FrameKind.MICROPHONE)
    except ProtocolError:
        return False
    if not session.microphones.takes(frame):
        return False
    session.microphones.audio(frame)
    return True

"""One client's socket: a reader that dispatches, the only writer, and a polite end.

The session that it drives is its sibling: it was perhaps there before, and stays when this is gone.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

import voicechat
from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError, VoicechatError
from voicechat.gateway.greeting import greet
from voicechat.gateway.heartbeat import heartbeat
from voicechat.gateway.line import ClientLine
from voicechat.gateway.session_desk import REQUESTS, SessionDesk
from voicechat.gateway.websocket import Closed
from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.frames import MAX_FRAME_BYTES, FrameKind, unpack
from voicechat.protocol.messages.connection import (
    PROTOCOL_VERSION,
    Hello,
    Ping,
    Pong,
    Recognizer,
    Welcome,
)
from voicechat.protocol.messages.conversation import MAX_TEXT
from voicechat.session.identity import new_user_key, user_id_of
from voicechat.session.requests import told
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from voicechat.gateway.registry import Entry, Registry
    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.codec import Codec, Envelope
    from voicechat.session.alive import Alive
    from voicechat.session.kept import KeptSessions
    from voicechat.session.library import Library
    from voicechat.session.manager import SessionManager

log = structlog.get_logger()

_KEY_LENGTH = 32
"""Of the keys that are made here; a shorter one was made by somebody else, and may be guessed."""
_LAST_WRITE_S = 2.0
"""For what is left to send when the server ends, and the closing handshake."""


@attrs.frozen(kw_only=True)
class ConnectionHandler:
    """Serves each WebSocket from its handshake to its close.

    Attributes:
        sessions: Those that are alive.
        kept: Finds those that may be driven again.
        library: Those of a user.
        registry: The connections.
        codec: Decodes and encodes messages.
        recognizer: What the configured recogniser can understand, for the welcome.
        patience: The configured one, for the welcome.
        shutdown: Set when the server begins to end.
        heartbeat_s: How often a client is asked for a sign of life.
        idle_s: A client that says nothing for so long is sent away.
    """

    sessions: SessionManager
    kept: KeptSessions
    library: Library
    registry: Registry
    codec: Codec
    recognizer: Recognizer
    patience: float
    shutdown: trio.Event
    heartbeat_s: float = 30.0
    idle_s: float = math.inf

    async def __call__(self, ws: WebSocket) -> None:
        """Serve until either side closes."""
        try:
            with ExitStack() as open_one:
                try:
                    entry = open_one.enter_context(self.registry.connection(ws))
                except CapacityExceeded as error:
                    await ws.send(self.codec.encode(told(error)))
                    await ws.close(CloseCode.TRY_LATER, error.code)
                    return
                await self._converse(ws, entry)
        except* Closed:
            log.debug("connection closed")

    async def _converse(self, ws: WebSocket, entry: Entry) -> None:
        hello = await greet(ws, self.codec, self.shutdown)
        if hello is None:
            return
        user_key = hello.user_key if len(hello.user_key) >= _KEY_LENGTH else new_user_key()
        user_id = user_id_of(user_key)
        entry.welcome(user_id)
        line = ClientLine(ws, self.codec)
        desk = SessionDesk(self.sessions, self.kept, self.library, line, entry, hello, user_id)
        line.tell(
            Welcome(
                protocol=PROTOCOL_VERSION,
                server=voicechat.__version__,
                input_rate=INPUT_RATE,
                output_rate=hello.output_rate,
                patience=self.patience,
                max_text=MAX_TEXT,
                max_audio_bytes=MAX_FRAME_BYTES,
                recognizer=self.recognizer,
                user_key=user_key,
            )
        )
        log.info("connected", client=hello.client[:80], peer=ws.peer)
        try:
            if hello.start:
                await desk.create()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_with_server, line, nursery.cancel_scope)
                nursery.start_soon(self._heartbeat, ws, line)
                nursery.start_soon(line.acknowledge)
                nursery.start_soon(self._write, line, nursery.cancel_scope)
                ws.hand_over(partial(_take_audio, line))
                while True:
                    await self._take(await ws.receive(), line, desk)
        except* Closed as closed:
            code = next(_closed(closed)).code
            desk.comes_back = code != CloseCode.NORMAL
            raise
        finally:
            entry.goodbye()
            await desk.leave()

    async def _take(self, data: str | bytes, line: ClientLine, desk: SessionDesk) -> None:
        """Do what a client says; waits for the store at most, where sessions are asked for.

        So pings and interrupts are heard whatever the engines do.
        """
        with _log_of(line), suppress(trio.ClosedResourceError):  # it has ended: the writer tells
            try:
                if isinstance(data, bytes):
                    _hear(line, data)
                else:
                    await self._message(self.codec.decode_client(data), line, desk)
            except VoicechatError as error:
                line.tell(told(error))
                if error.code in _ENDS:
                    line.close(_ENDS[error.code], error.code)

    async def _message(self, envelope: Envelope, line: ClientLine, desk: SessionDesk) -> None:
        line.sign()
        if isinstance(envelope.message, Ping):  # a sign of life, and no activity
            line.tell(Pong(envelope.message.nonce))
            return
        line.active_at = trio.current_time()
        try:
            await self._request(envelope, line, desk)
        except ProtocolError as error:
            error.client_seq = envelope.seq
            raise

    async def _request(self, envelope: Envelope, line: ClientLine, desk: SessionDesk) -> None:
        if isinstance(envelope.message, REQUESTS):
            await desk.handle(envelope.message)
        elif line.alive is not None:
            line.alive.session.requests.handle(envelope)
        elif isinstance(envelope.message, Hello):
            raise ProtocolError("A hello is expected once only.")
        else:
            raise ProtocolError(
                "There is no session yet.",
                suggested_action="Send create_session, or resume one.",
                code=ErrorCode.SESSION_REQUIRED,
            )

    async def _write(self, line: ClientLine, connection: trio.CancelScope) -> None:
        await line.write()
        connection.cancel()

    async def _end_with_server(self, line: ClientLine, connection: trio.CancelScope) -> None:
        """A connection ends with its session, which ends when its turns have."""
        await self.shutdown.wait()
        while (alive := line.alive) is not None and not alive.session.ended.is_set():
            await alive.session.ended.wait()  # then it may drive another one
        connection.deadline = trio.current_time() + _LAST_WRITE_S
        line.finish(CloseCode.GOING_AWAY, "server going away")

    async def _heartbeat(self, ws: WebSocket, line: ClientLine) -> None:
        silence = await heartbeat(
            _Pinged(ws, line),
            every_s=self.heartbeat_s,
            idle_s=self.idle_s,
            last_activity=lambda: line.active_at,
        )
        if silence is CloseCode.IDLE:
            line.close(silence, "nothing was said for long")
        else:
            with _log_of(line):
                log.info("client vanished")
            ws.drop()


_ENDS = {
    ErrorCode.OUT_OF_ORDER: CloseCode.OUT_OF_ORDER,
    ErrorCode.BACKPRESSURE: CloseCode.SLOW,
}
"""Errors after which a connection cannot go on; its session can, on another one."""


def _log_of(line: ClientLine) -> AbstractContextManager[None]:
    """What is logged within is of the session that the connection drives, if it drives one.

    It cannot be bound for longer: sessions come and go, and others take them over.
    """
    if line.alive is None:
        return nullcontext()
    return structlog.contextvars.bound_contextvars(session_id=line.alive.id)


@attrs.frozen
class _Pinged:
    """A client whose pongs are signs of life."""

    ws: WebSocket
    line: ClientLine

    async def ping(self) -> None:
        await self.ws.ping()
        self.line.sign()


def _closed(group: BaseExceptionGroup[Closed]) -> Iterator[Closed]:
    for each in group.exceptions:
        if isinstance(each, Closed):
            yield each
        else:
            yield from _closed(each)


def _hear(line: ClientLine, data: bytes) -> None:
    frame = unpack(data, FrameKind.MICROPHONE)
    alive: Alive | None = line.alive
    if alive is None:
        return  # of the session that this connection has just left
    try:
        alive.session.requests.hear(frame)
    except ProtocolError as error:
        alive.session.tell(told(error))
        alive.session.outbox.check()


def _take_audio(line: ClientLine, data: bytes) -> bool:
    """Give a frame of the microphone to the session at once; False when that needs an answer."""
    line.active_at = trio.current_time()
    if line.alive is None:
        return False
    try:
        frame = unpack(data, FrameKind.MICROPHONE)
    except ProtocolError:
        return False
    session = line.alive.session
    if not session.microphones.takes(frame):
        return False
    session.requests.hear(frame)
    return True

"""What one connection sends: answers to the connection itself, and the session that it drives.

It is the only writer of its socket, and where the end of a session becomes the end of a connection,
or does not.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import trio

from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.messages.session import EndReason, SessionTerminated
from voicechat.session.alive import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.codec import Codec
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.session.alive import Alive

_ANSWERS: Final = 256
"""Answers that wait for a client that asks and does not read."""
_ACK_EVERY_S: Final = 0.25


class ClientLine:
    """Of one connection; a `voicechat.session.driver.Line`.

    Args:
        ws: Its socket.
        codec: Encodes messages.

    Attributes:
        on_drives: Told the id of the session, or None, whenever that changes.
        active_at: When the client last said something but a ping (monotonic seconds).
    """

    def __init__(self, ws: WebSocket, codec: Codec) -> None:
        self.on_drives: Callable[[str | None], None] = _nobody
        self._alive: Alive | None = None
        self.active_at = trio.current_time()
        self._ws = ws
        self._codec = codec
        self._answers: deque[ServerMessage] = deque()
        self._news = trio.Event()
        self._unacknowledged = trio.Event()
        self._ack_due = False  # to be sent; it says how far things are then
        self._goodbye: tuple[CloseCode, str] | None = None
        self._last: tuple[CloseCode, str] | None = None

    @property
    def alive(self) -> Alive | None:
        """The session that it drives."""
        return self._alive

    @alive.setter
    def alive(self, alive: Alive | None) -> None:
        self._alive = alive
        self.on_drives(None if alive is None else alive.id)

    # -- what others say -----------------------------------------------------------------------

    def tell(self, message: ServerMessage) -> None:
        """Send a message of the connection, before what its session sends; never waits."""
        if len(self._answers) >= _ANSWERS:
            self.close(CloseCode.SLOW, "this client does not read")
            return
        self._answers.append(message)
        self.wake()

    def wake(self) -> None:
        """The session has something to send, or has ended."""
        self._news.set()

    def sign(self) -> None:
        """The client has said something, or answered a ping."""
        if self.alive is not None:
            self.alive.session.conversation.presence.sign()

    def ack(self) -> None:
        """The session has something to acknowledge."""
        self._unacknowledged.set()

    def taken_over(self) -> None:
        """Another connection drives the session now."""
        self.alive = None
        self.close(CloseCode.OPENED_ELSEWHERE, "session_opened_elsewhere")

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket, behind what has been told."""
        if self._goodbye is None:
            self._goodbye = (code, reason)
        self.wake()

    def finish(self, code: CloseCode, reason: str) -> None:
        """Close the socket, behind what its session, which ends, has still to say."""
        self._last = (code, reason)
        self.wake()

    # -- its tasks -----------------------------------------------------------------------------

    async def write(self) -> None:
        """Send until there is a reason to close; then close.

        Raises:
            Closed: The client has gone.
        """
        while True:
            self._news = trio.Event()
            while (data := self._next()) is not None:
                await self._ws.send(data)
            if self._goodbye is None and self.alive is None:
                self._goodbye = self._last
            if self._goodbye is not None:
                await self._ws.close(*self._goodbye)
                return
            await self._news.wait()

    async def acknowledge(self) -> None:
        """Tell the client now and then what it need not keep, until cancelled."""
        while True:
            await self._unacknowledged.wait()
            self._unacknowledged = trio.Event()
            self._ack_due = True
            self.wake()
            await trio.sleep(_ACK_EVERY_S)

    # -- inside --------------------------------------------------------------------------------

    def _next(self) -> str | bytes | None:
        if self._answers:
            return self._codec.encode(self._answers.popleft())
        if self._goodbye is not None or self.alive is None:
            return None
        if self._ack_due:
            self._ack_due = False
            if self.alive.session.hello.acknowledges:
                return self._codec.encode(self.alive.session.incoming.ack())
        data = self.alive.session.driver.take()
        if data is not None or not self.alive.session.outbox.over:
            return data
        self._session_over(self.alive)
        return self._next()

    def _session_over(self, alive: Alive) -> None:
        self.alive = None
        failed = alive.session.failed
        reason = alive.reason or (EndReason.FAILED if failed else EndReason.SHUTDOWN)
        if reason is EndReason.SHUTDOWN:
            self.close(CloseCode.GOING_AWAY, "server going away")
            return
        if reason is EndReason.CLOSED:  # for a client that could not drive it as it was
            self.taken_over()
            return
        resumable = reason is not EndReason.DESTROYED and alive.words
        self.tell(SessionTerminated(alive.id, reason, ENDINGS[reason], resumable))
        if not alive.session.hello.acknowledges:  # such a client knows nothing of other sessions
            code = CloseCode.INTERNAL if failed else CloseCode.NORMAL
            self.close(code, "the session failed" if failed else "the session has ended")


def _nobody(_: str | None) -> None:
    """Nobody wants to know."""

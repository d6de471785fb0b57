"""All decisions of a client whose session outlives its connections; the shell only does. PURE.

The shell opens a socket when `Link.connect_at` has come, tells what happens to it, and sends what
`Link.next` gives. What was said is kept until the server has it, what comes twice is dropped, so
that across any number of lost sockets each side gets everything of the other exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.client.events import DisconnectedError, Event, StateChanged
from voicechat.client.heartbeat import INTERVAL_S, Beat, Heartbeat
from voicechat.client.known import Begin, KnownSession, SessionKey
from voicechat.client.outgoing import Numbered
from voicechat.client.sessions import Sessions
from voicechat.client.state import LOST, Reconnecting, State
from voicechat.errors import CapacityExceeded
from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import (
    Error,
    Hello,
    Ping,
    Pong,
    ServerShuttingDown,
    Welcome,
)
from voicechat.protocol.messages.conversation import TranscriptFinal
from voicechat.protocol.messages.session import (
    Ack,
    InputAck,
    Resume,
    SessionReady,
    SessionRestored,
    SessionTerminated,
)
from voicechat.protocol.messages.sessions import CreateSession, SwitchSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.client.outgoing import Outgoing
    from voicechat.protocol.messages.base import ClientMessage, ServerMessage

MAX_REQUESTS: Final = 64  # messages that are not kept and wait to be written
_HEARTBEAT: Final = "heartbeat"


class Link:
    """One client and its connections, one after another.

    Times are monotonic seconds.

    Args:
        hello: What to say first; `start`, `acknowledges` and later `user_key` are set here.
        begin: How to come to the first session.
        client: Random: whose numbers they are.
        heartbeat_s: Between two pings.
        new_session: Makes what is known of a session.

    Attributes:
        hang_up: Counts as the server's close code where it cannot serve this client; else None.
    """

    def __init__(
        self,
        hello: Hello,
        begin: Begin | None = None,
        *,
        client: str = "",
        heartbeat_s: float = INTERVAL_S,
        new_session: Callable[[Begin], KnownSession] = KnownSession,
    ) -> None:
        self._codec = Codec()
        self._hello = attrs.evolve(hello, start=False, acknowledges=True)
        self._sessions = Sessions(begin or CreateSession(), client, new_session)
        self._greeting: list[ClientMessage] = []
        self._requests: list[ClientMessage] = []
        self._heartbeat = Heartbeat(heartbeat_s)
        self._tries = Reconnecting()
        self._open = False
        self._leaving = False  # the server ends: nothing is begun on this connection
        self.hang_up: CloseCode | None = None

    @property
    def state(self) -> State:
        """Where the client is."""
        return self._tries.state

    @property
    def connect_at(self) -> float | None:
        """When to open a socket; None while one is open, or none is wanted."""
        return self._tries.connect_at

    @property
    def session(self) -> SessionKey | None:
        """The session that is driven, or will be again; None before and after."""
        wanted = self._sessions.wanted
        return None if wanted.over else wanted.key

    # -- the socket ----------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """A socket is open: `next` says hello."""
        self._open, self._leaving, self.hang_up = True, False, None
        self._sessions.disconnected()
        self._greeting, self._requests = [self._hello], []
        self._tries.opened()
        self._heartbeat.begin(now)

    def closed(self, code: int | None, now: float, chance: float) -> StateChanged:
        """The socket has closed, or none could be opened.

        Args:
            code: The server's close code; None if it gave none.
            now: When.
            chance: Evenly distributed in 0…1: spreads clients that lost the same server.
        """
        self._open = False
        self._sessions.disconnected()
        self._tries.closed(LOST if code is None else code, now, chance)
        return StateChanged(self.state)

    def retry(self, now: float) -> None:
        """Try at once: a person wants it, or the network is back."""
        self._tries.retry(now)

    def beat(self, now: float, *, listening: bool = True) -> bool:
        """Ask for a sign of life when it is time; False when the server has given none.

        Args:
            now: When.
            listening: Whether what comes is read at the moment.
        """
        beat = self._heartbeat.beat(now, listening=listening)
        if beat is Beat.PING:
            self._greeting.append(Ping(_HEARTBEAT))
        return beat is not Beat.DEAD

    @property
    def beat_at(self) -> float:
        """When to call `beat`."""
        return self._heartbeat.due_at

    # -- to the server -------------------------------------------------------------------------

    def next(self, now: float) -> str | bytes | None:
        """What to write now; None if there is nothing, until `ack_at` or until something is said.

        To be written whole before this is called again; where that fails, `closed` follows.
        """
        if (message := self._request_due() or self._report_due(now)) is not None:
            return self._codec.encode(message)
        if (speaks := self._sessions.speaks) is None:
            return None
        match speaks.outgoing.next():
            case Numbered(seq=seq, message=numbered):
                return self._codec.encode(numbered, seq)
            case AudioFrame() as frame:
                return frame.pack()
            case _:
                return None

    @property
    def ack_at(self) -> float | None:
        """When `next` has an acknowledgement to write, if nothing else happens."""
        driven = self._sessions.driven
        return None if driven is None else driven.incoming.ack_at

    def send(self, message: ClientMessage) -> int | None:
        """Say something; its number in the session, where it has one.

        What is numbered is kept until the server has it, under another number where it goes to the
        session of an earlier program, or to a new one because its own is over. What has none has to
        be asked again when the connection was lost.

        Raises:
            CapacityExceeded: Too much waits already.
            DisconnectedError: It cannot wait, and there is no connection; or the session is over.
            ValueError: The client says this by itself.
        """
        match message:
            case Hello() | Ack() | AudioOpen() | AudioClose():
                raise ValueError(f"the client sends {message.type} by itself")
            case CreateSession() | SwitchSession() | Resume():
                self._sessions.turn_to(message)
            case Playback():
                self._sessions.wanted.report(message)
            case _ if message.numbered:
                return self.outgoing.add(message)
            case _:
                self._request(message)
        return None

    @property
    def outgoing(self) -> Outgoing:
        """What is said in the session that is wanted, with its microphone.

        Raises:
            DisconnectedError: The session is over.
        """
        if self._sessions.wanted.over:
            raise DisconnectedError("The session has ended.", suggested_action="Begin another one.")
        return self._sessions.wanted.outgoing

    # -- from the server -----------------------------------------------------------------------

    def heard(self, data: str | bytes, now: float) -> list[tuple[Event, int | None]]:
        """Take what came; what the user is to be told of it, with its number in the session.

        Raises:
            ProtocolError: It is nothing that this client understands.
        """
        self._heartbeat.heard()
        if isinstance(data, bytes):
            frame = unpack(data, FrameKind.SPEECH)
            return [(frame, frame.seq)] if self._takes(frame.seq, now, speech=True) else []
        message, seq = self._codec.decode_server(data)
        if seq is not None and not self._takes(seq, now, speech=False):
            return []
        if isinstance(message, Pong) and message.nonce == _HEARTBEAT:
            return []
        before = self.state
        told: list[tuple[Event, int | None]] = [(message, seq)]
        if isinstance(message, SessionReady | SessionRestored):
            self._tries.connected(now)
            restored = self._sessions.arrived(message)
            told += [] if restored is None else [(restored, None)]
        elif isinstance(message, InputAck | TranscriptFinal):
            self._settle(message)
        else:
            self._follow(message, seq, now)
        if self.state != before:
            told.append((StateChanged(self.state), None))
        return told

    def _takes(self, seq: int, now: float, *, speech: bool) -> bool:
        driven = self._sessions.driven
        return driven is not None and driven.incoming.takes(seq, now, speech=speech)

    def _settle(self, message: InputAck | TranscriptFinal) -> None:
        if (driven := self._sessions.driven) is None:
            return
        if isinstance(message, InputAck):
            driven.outgoing.settle(message.client_seq, message.stream, message.samples)
        else:
            driven.outgoing.settle(0, message.stream, message.until)

    def _follow(self, message: ServerMessage, seq: int | None, now: float) -> None:
        match message:
            case Welcome(user_key=user_key):
                self._hello = attrs.evolve(self._hello, user_key=user_key)
                if self._sessions.wanted.over:
                    self._tries.connected(now)
            case ServerShuttingDown():
                self._leaving = True
            case SessionTerminated():
                self._leaving = self._sessions.terminated(message) or self._leaving
            case Error() if seq is None and self._sessions.asked is not None:
                self._tries.explained(message.message)
                if not self._sessions.refused(message):
                    self.hang_up = CloseCode.TRY_LATER if message.retryable else CloseCode.POLICY
            case _:
                pass

    # -- inside --------------------------------------------------------------------------------

    def _request_due(self) -> ClientMessage | None:
        """Hello and heartbeat, then the session that is wanted, then what was asked for."""
        if self._greeting:
            return self._greeting.pop(0)
        if not self._open or self._leaving or self._sessions.asked is not None:
            return None
        if (opening := self._sessions.ask()) is not None:
            return opening
        return self._requests.pop(0) if self._requests else None

    def _report_due(self, now: float) -> ClientMessage | None:
        """What tells the server how far this side is."""
        if (driven := self._sessions.driven) is None:
            return None
        if (playback := driven.take_report()) is not None:
            return playback
        if driven.incoming.ack_at is not None and driven.incoming.ack_at <= now:
            return Ack(driven.incoming.acknowledge())
        return None

    def _request(self, message: ClientMessage) -> None:
        if not self._open:
            raise DisconnectedError(
                "The connection is lost.", suggested_action="Try again when it is back."
            )
        if len(self._requests) >= MAX_REQUESTS:
            raise CapacityExceeded("Too many requests wait.", suggested_action="Wait a moment.")
        self._requests.append(message)

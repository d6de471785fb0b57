"""Does what the client of a session asks for, each thing once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from voicechat.errors import ProtocolError
from voicechat.observability.correlation import new_correlation_id
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import Error, Ping, Pong
from voicechat.protocol.messages.connection import Settings as ClientSettings
from voicechat.protocol.messages.conversation import Interrupt, MessageReceived, UserMessage
from voicechat.protocol.messages.session import Ack

if TYPE_CHECKING:
    from voicechat.conversation.listener import Listener
    from voicechat.errors import VoicechatError
    from voicechat.protocol.codec import Envelope
    from voicechat.protocol.frames import AudioFrame
    from voicechat.session.safety import Safety
    from voicechat.session.session import Session
    from voicechat.session.tap import Tap

log = structlog.get_logger()


def told(error: VoicechatError) -> Error:
    """The message that tells a client of an error; it is logged under the same id."""
    correlation_id = new_correlation_id()
    log.info("refused", code=error.code, correlation_id=correlation_id)
    return Error.of(error, correlation_id)


class Requests:
    """Of one session.

    Args:
        session: It.
        tap: Is told of all that comes.
        listener: Listens for it.
        safety: Keeps what the user typed, then tells the client.
    """

    def __init__(
        self,
        session: Session,
        tap: Tap,
        listener: Listener,
        safety: Safety,
    ) -> None:
        self._session = session
        self._tap = tap
        self._listener = listener
        self._safety = safety

    def handle(self, envelope: Envelope) -> None:
        """Do what a message asks for, and tell the client if that cannot be done.

        Raises:
            ProtocolError: The connection cannot go on: with code `out_of_order` a message before
                this one is missing, with `backpressure` the client takes nothing.
            trio.ClosedResourceError: The session has ended.
        """
        session = self._session
        makes_room = isinstance(envelope.message, Ack | Playback)
        if not makes_room:
            session.outbox.check()
        if not session.incoming.admit(envelope):
            return
        self._tap.received(envelope.message)
        safe = True
        try:
            safe = self._act(envelope)
        except ProtocolError as error:
            error.client_seq = envelope.seq
            session.tell(told(error))
            if makes_room:  # which a wrong one does not
                session.outbox.check()
        session.incoming.handled(envelope, safe=safe)

    def hear(self, frame: AudioFrame) -> None:
        """Take audio of the microphone.

        Raises:
            ProtocolError: See `Microphones.audio`.
        """
        incoming = self._session.incoming
        if not incoming.fresh(frame):
            return
        taken = False
        try:
            taken = self._session.microphones.audio(frame)
        finally:
            if taken:
                incoming.took(frame)
            else:
                incoming.drop(frame)

    def _act(self, envelope: Envelope) -> bool:  # noqa: C901  (one case a message)
        """Returns whether it is safe already."""
        session = self._session
        match envelope.message:
            case UserMessage(text=text):
                turn = session.conversation.user_text(text, session.driver.said_at())
                message = MessageReceived(envelope.seq, turn)
                numbered = session.hello.acknowledges
                return self._safety.typed(message, text, session.outbox, numbered=numbered)
            case Interrupt(turn=turn_or_any):
                session.conversation.interrupt(turn_or_any)
            case AudioOpen() as opening:
                session.microphones.open(opening)
                session.incoming.opened(opening.stream)
            case AudioClose(stream=stream):
                session.microphones.close(stream)
            case Playback(turn=turn, played=played, done=done):
                session.conversation.played(turn, played, done=done)
                session.outbox.played(turn, played, done=done)
            case Ack(seq=seq):
                session.outbox.ack(seq)
            case ClientSettings(speak=speak, patience=patience):
                if speak is not None:
                    session.conversation.speak = speak
                if patience is not None:
                    self._listener.patience = patience
            case Ping(nonce=nonce):  # who drives a session without a connection, as a replay does
                session.tell(Pong(nonce))
            case _:
                raise ProtocolError(
                    f"A {envelope.message.type} is not expected now.",
                    suggested_action="Open a new connection to say hello again.",
                )
        return True

"""One session: a nursery of its own with conversation and listener, and an ordered outbox.

A session is a sibling of its connection, not a child: the connection hands in what the client says
and carries away what is in the outbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.conversation.conversation import Conversation
from voicechat.conversation.listener import Listener
from voicechat.conversation.notice import WORDS
from voicechat.conversation.speaker import Speech
from voicechat.errors import ProtocolError
from voicechat.observability.correlation import new_correlation_id
from voicechat.observability.tasks import owner
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import Error, Ping, Pong
from voicechat.protocol.messages.connection import Settings as ClientSettings
from voicechat.protocol.messages.conversation import Interrupt, MessageReceived, UserMessage
from voicechat.session.heat import Heat
from voicechat.session.microphones import Microphones
from voicechat.session.outbox import Outbox
from voicechat.session.tap import NoTap
from voicechat.thermal.slot import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.notice import Notice
    from voicechat.conversation.thinking import Thinkers
    from voicechat.errors import VoicechatError
    from voicechat.protocol.codec import Codec, Envelope
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.heat import Climate
    from voicechat.session.tap import Tap
    from voicechat.settings import Settings
    from voicechat.speech.ports import EndOfTurn, SpeechToText, TextToSpeech, VoiceActivity
    from voicechat.thermal.gate import InferenceGate

log = structlog.get_logger()


class Session:
    """Everything of one user's conversation; `run` owns its tasks.

    Args:
        session_id: Safe to log.
        hello: What the client asked for.
        thinkers: Think for this session alone.
        vad: Shared by all sessions, as are `stt` and `tts`.
        stt: Recognises.
        tts: Speaks.
        gate: All inference passes it.
        codec: Encodes messages.
        settings: The whole tree.
        end_of_turn: Hears by the voice whether a speaker has finished.
        tap: Is told of all that comes and goes.
        climate: Knows how hot the machine is; without it the client is not told.
        notice: Says by voice that the machine has to cool down.
        on_turn: Told of each turn that has ended, for metrics.
    """

    def __init__(
        self,
        session_id: str,
        hello: Hello,
        *,
        thinkers: Thinkers,
        vad: VoiceActivity,
        stt: SpeechToText,
        tts: TextToSpeech,
        gate: InferenceGate,
        codec: Codec,
        settings: Settings,
        end_of_turn: EndOfTurn | None = None,
        tap: Tap | None = None,
        climate: Climate | None = None,
        notice: Notice | None = None,
        on_turn: Callable[[TurnTrace], None] = lambda _: None,
    ) -> None:
        self.id = session_id
        self.output_rate = hello.output_rate
        self._codec = codec
        self._tap: Tap = tap or NoTap()
        self._seq = 0
        self._outbox = Outbox(self._tap.sent)
        self.outbox = self._outbox.items
        self.microphones = Microphones(self._tap, gate)
        self._scope = trio.CancelScope()
        self.ended = trio.Event()
        self.failed = False
        self._notice = notice
        self._heat = None if climate is None else Heat(climate, self.emit, self._say_notice)
        owner = Owner(gate, session_id)
        if self._heat is not None:
            owner.on_wait = self._heat.on_wait
        self.conversation = Conversation(
            thinkers=thinkers,
            owner=owner,
            speech=Speech(
                tts,
                rate=hello.output_rate,
                reports=hello.reports_playback,
                ahead_s=settings.conversation.audio_ahead_ms / 1000,
            ),
            emit=self.emit,
            report=self.report,
            speak=hello.speak,
            on_trace=on_turn,
        )
        self._listener = Listener(
            vad=vad,
            stt=stt,
            end_of_turn=end_of_turn,
            emit=self.emit,
            conversation=self.conversation,
            report=self.report,
            settings=settings.conversation,
            vad_threshold=settings.speech.vad_threshold,
            owner=owner,
        )

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the session's tasks until `end`; a fault inside ends this session only."""
        owner.set(self.id)
        with structlog.contextvars.bound_contextvars(session_id=self.id):
            try:
                async with trio.open_nursery() as followed:
                    followed.start_soon(self._tap.run)
                    try:
                        with self._scope:
                            async with trio.open_nursery() as nursery:
                                nursery.start_soon(self.conversation.run)
                                nursery.start_soon(self.microphones.run, self._listener.listen)
                                if self._heat is not None:
                                    nursery.start_soon(self._heat.run)
                    finally:
                        self._outbox.close()  # what the tap has still to do holds nobody up
                        followed.cancel_scope.cancel()
            except Exception:  # the barrier of a session
                self.failed = True
                log.exception("session failed")
            finally:
                self._outbox.close()
                self.ended.set()

    def end(self) -> None:
        """Cancel everything of this session, at once."""
        self._scope.cancel()

    @property
    def turns(self) -> tuple[TurnTrace, ...]:
        """Traces of the newest turns, oldest first."""
        return self.conversation.traces

    @property
    def patience(self) -> float:
        """How long pauses are waited for, 0…1."""
        return self._listener.patience

    # -- to the client -------------------------------------------------------------------------

    async def emit(self, item: ServerMessage | AudioFrame) -> None:
        """Put a message or frame in the outbox; waits while the client is slow."""
        await self._outbox.send(item)

    async def report(self, error: VoicechatError) -> None:
        """Tell the client that something could not be done."""
        correlation_id = new_correlation_id()
        log.info("refused", code=error.code, correlation_id=correlation_id)
        await self.emit(Error.of(error, correlation_id))

    async def take(self) -> str | bytes:
        """The next thing to send, encoded. Numbered only here, so that the sequence has no holes.

        Raises:
            trio.EndOfChannel: The session has ended and everything has been taken.
        """
        item = await self.outbox.receive()
        if isinstance(item, AudioFrame):
            return item.pack()
        self._seq += 1
        return self._codec.encode(item, self._seq)

    # -- from the client -----------------------------------------------------------------------

    async def handle(self, envelope: Envelope) -> None:
        """Do what a message of the client asks for; waits only while the client is slow.

        Raises:
            ProtocolError: It cannot be done; `client_seq` is that of the message.
        """
        self._tap.received(envelope.message)
        try:
            await self._act(envelope)
        except ProtocolError as error:
            error.client_seq = envelope.seq
            raise

    async def _act(self, envelope: Envelope) -> None:
        match envelope.message:
            case UserMessage(text=text):
                turn = self.conversation.user_text(text)
                await self.emit(MessageReceived(envelope.seq, turn))
            case Interrupt(turn=turn):
                self.conversation.interrupt(turn)
            case AudioOpen() as message:
                self.microphones.open(message)
            case AudioClose(stream=stream):
                self.microphones.close(stream)
            case Playback(turn=turn, played=played, done=done):
                self.conversation.played(turn, played, done=done)
            case ClientSettings(speak=speak, patience=patience):
                if speak is not None:
                    self.conversation.speak = speak
                if patience is not None:
                    self._listener.patience = patience
            case Ping(nonce=nonce):
                await self.emit(Pong(nonce))
            case _:
                raise ProtocolError(
                    f"A {envelope.message.type} is not expected now.",
                    suggested_action="Open a new connection to say hello again.",
                )

    # -- inside --------------------------------------------------------------------------------

    async def _say_notice(self) -> bool:
        if self._notice is None or not self._notice.pcm:
            return True
        return await self.conversation.notice(WORDS, self._notice.pcm)

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
from voicechat.conversation.speaker import Speech
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.observability.correlation import new_correlation_id
from voicechat.observability.tasks import owner
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import Error, Ping, Pong
from voicechat.protocol.messages.connection import Settings as ClientSettings
from voicechat.protocol.messages.conversation import Interrupt, MessageReceived, UserMessage
from voicechat.session.microphone import Microphone
from voicechat.session.outbox import Outbox
from voicechat.session.tap import NoTap

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.agents.ports import Agent
    from voicechat.errors import VoicechatError
    from voicechat.protocol.codec import Codec, Envelope
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.session.tap import Tap
    from voicechat.settings import Settings
    from voicechat.speech.ports import EndOfTurn, SpeechToText, TextToSpeech, VoiceActivity

log = structlog.get_logger()

_QUEUED_STREAMS = 4


class Session:
    """Everything of one user's conversation; `run` owns its tasks.

    Args:
        session_id: Safe to log.
        hello: What the client asked for.
        agent: Thinks for this session alone.
        vad: Shared by all sessions, as are `stt` and `tts`.
        stt: Recognises.
        tts: Speaks.
        codec: Encodes messages.
        settings: The whole tree.
        end_of_turn: Hears by the voice whether a speaker has finished.
        tap: Is told of all that comes and goes.
        may_speculate: Whether answers may be prepared ahead just now.
        on_turn: Told of each turn that has ended, for metrics.
    """

    def __init__(
        self,
        session_id: str,
        hello: Hello,
        *,
        agent: Agent,
        vad: VoiceActivity,
        stt: SpeechToText,
        tts: TextToSpeech,
        codec: Codec,
        settings: Settings,
        end_of_turn: EndOfTurn | None = None,
        tap: Tap | None = None,
        may_speculate: Callable[[], bool] = lambda: True,
        on_turn: Callable[[TurnTrace], None] = lambda _: None,
    ) -> None:
        self.id = session_id
        self.output_rate = hello.output_rate
        self._codec = codec
        self._tap: Tap = tap or NoTap()
        self._seq = 0
        self._outbox = Outbox(self._tap.sent)
        self.outbox = self._outbox.items
        self._streams, self._opened = trio.open_memory_channel[tuple["AudioOpen", Microphone]](
            _QUEUED_STREAMS
        )
        self._microphone: Microphone | None = None
        self._stream = 0
        self._scope = trio.CancelScope()
        self.ended = trio.Event()
        self.failed = False
        self.conversation = Conversation(
            agent=agent,
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
            may_speculate=may_speculate,
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
                                nursery.start_soon(self._listen)
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
                self.open_stream(message)
            case AudioClose(stream=stream):
                self.close_stream(stream)
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

    def open_stream(self, message: AudioOpen) -> None:
        """Begin a microphone stream; one that is open ends.

        Raises:
            ProtocolError: The stream's number is not larger than the last one's, or too many
                streams that have ended are still being listened to.
        """
        if message.stream <= self._stream:
            raise ProtocolError(
                f"Stream {message.stream} is not larger than the last one, {self._stream}.",
                suggested_action="Number microphone streams upwards.",
                code=ErrorCode.INVALID_AUDIO,
            )
        self._close_microphone()
        self._stream = message.stream
        microphone = Microphone(message.rate, self._tap.taken)
        try:
            self._streams.send_nowait((message, microphone))
        except trio.WouldBlock:
            raise _too_much_audio() from None
        self._microphone = microphone

    def audio(self, frame: AudioFrame) -> None:
        """Take microphone audio; late frames of a stream that has ended are dropped.

        Raises:
            ProtocolError: The frame's stream was never opened, or the server cannot keep up and
                has ended it.
        """
        self._tap.received(frame)
        if frame.stream > self._stream:
            raise ProtocolError(
                f"Microphone stream {frame.stream} is not open.",
                suggested_action="Send audio_open first.",
                code=ErrorCode.INVALID_AUDIO,
            )
        if self._microphone is None or frame.stream < self._stream or self._microphone.given_up:
            return
        if not self._microphone.put(frame):
            self._close_microphone()
            raise _too_much_audio()
        self._tap.queued(frame)
        if frame.last:
            self._close_microphone()

    def takes(self, frame: AudioFrame) -> bool:
        """Whether `audio` would take this frame, or drop it, without an error."""
        if frame.stream != self._stream or self._microphone is None:
            return frame.stream <= self._stream
        return self._microphone.given_up or self._microphone.has_room(frame)

    def close_stream(self, stream: int) -> None:
        """End a microphone stream; speech that is open becomes a turn."""
        if stream == self._stream:
            self._close_microphone()

    # -- inside --------------------------------------------------------------------------------

    def _close_microphone(self) -> None:
        if self._microphone is not None:
            self._microphone.end()
            self._microphone = None

    async def _listen(self) -> None:
        async for message, audio in self._opened:
            await self._listener.listen(message, audio)


def _too_much_audio() -> ProtocolError:
    return ProtocolError(
        "The server cannot keep up with the microphone.",
        suggested_action="Wait a moment, then open the microphone again.",
        code=ErrorCode.BACKPRESSURE,
    )

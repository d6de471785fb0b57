"""One session: a nursery of its own with conversation and listener, and an ordered outbox.

A session is a sibling of its connection, not a child: the connection hands in what the client says
and carries away what is in the outbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.conversation.conversation import Conversation
from voicechat.conversation.listener import Heard, Listener
from voicechat.errors import ErrorCode, ProtocolError, VoicechatError
from voicechat.observability.correlation import new_correlation_id
from voicechat.observability.tasks import owner
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error

if TYPE_CHECKING:
    from voicechat.agents.ports import Agent
    from voicechat.protocol.codec import Codec
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.settings import Settings
    from voicechat.speech.ports import SpeechToText, TextToSpeech, VoiceActivity

log = structlog.get_logger()

_OUTBOX_ITEMS = 256
"""Messages and frames that wait for a slow client; about 10 s of speech."""
_MICROPHONE_FRAMES = 64
"""Frames of microphone audio that wait for the listener, before the socket is left unread."""
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
    ) -> None:
        self.id = session_id
        self.output_rate = hello.output_rate
        self._codec = codec
        self._seq = 0
        self._outbox, self.outbox = trio.open_memory_channel[str | bytes](_OUTBOX_ITEMS)
        self._streams, self._opened = trio.open_memory_channel[
            tuple["AudioOpen", trio.MemoryReceiveChannel[AudioFrame]]
        ](_QUEUED_STREAMS)
        self._microphone: trio.MemorySendChannel[AudioFrame] | None = None
        self._stream = 0
        self._scope = trio.CancelScope()
        self.ended = trio.Event()
        self.failed = False
        self.conversation = Conversation(
            agent=agent,
            tts=tts,
            emit=self.emit,
            output_rate=hello.output_rate,
            speak=hello.speak,
            ahead_s=settings.conversation.audio_ahead_ms / 1000,
        )
        self._listener = Listener(
            vad=vad,
            stt=stt,
            emit=self.emit,
            heard=self._heard,
            settings=settings.conversation,
            vad_threshold=settings.speech.vad_threshold,
        )

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the session's tasks until `end`; a fault inside ends this session only."""
        owner.set(self.id)
        with structlog.contextvars.bound_contextvars(session_id=self.id):
            try:
                with self._scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self.conversation.run)
                        nursery.start_soon(self._listen)
            except Exception:  # the barrier of a session
                self.failed = True
                log.exception("session failed")
            finally:
                self._outbox.close()
                self.ended.set()

    def end(self) -> None:
        """Cancel everything of this session, at once."""
        self._scope.cancel()

    # -- to the client -------------------------------------------------------------------------

    async def emit(self, item: ServerMessage | AudioFrame) -> None:
        """Put a message or frame in the outbox; waits while the client is slow."""
        if isinstance(item, AudioFrame):
            await self._outbox.send(item.pack())
            return
        self._seq += 1
        await self._outbox.send(self._codec.encode(item, self._seq))

    async def report(self, error: VoicechatError, client_seq: int | None = None) -> None:
        """Tell the client that something it sent could not be done."""
        correlation_id = new_correlation_id()
        log.info("refused", code=error.code, correlation_id=correlation_id)
        await self.emit(
            Error(
                error.code,
                error.message,
                error.retryable,
                error.suggested_action,
                correlation_id,
                client_seq,
            )
        )

    # -- from the client -----------------------------------------------------------------------

    async def open_stream(self, message: AudioOpen) -> None:
        """Begin a microphone stream; one that is open ends.

        Raises:
            ProtocolError: The stream's number is not larger than the last one's.
        """
        if message.stream <= self._stream:
            raise ProtocolError(
                f"Stream {message.stream} is not larger than the last one, {self._stream}.",
                suggested_action="Number microphone streams upwards.",
                code=ErrorCode.INVALID_AUDIO,
            )
        self._close_microphone()
        self._stream = message.stream
        self._microphone, receive = trio.open_memory_channel[AudioFrame](_MICROPHONE_FRAMES)
        await self._streams.send((message, receive))

    async def audio(self, frame: AudioFrame) -> None:
        """Take microphone audio; waits while the listener is behind.

        Raises:
            ProtocolError: The frame's stream was never opened.
        """
        if frame.stream > self._stream:
            raise ProtocolError(
                f"Microphone stream {frame.stream} is not open.",
                suggested_action="Send audio_open first.",
                code=ErrorCode.INVALID_AUDIO,
            )
        if self._microphone is None or frame.stream < self._stream:
            return  # late audio of a stream that has ended since
        try:
            await self._microphone.send(frame)
        except trio.BrokenResourceError:
            self._microphone = None  # the listener gave the stream up, and has said so
            return
        if frame.last:
            self._close_microphone()

    def close_stream(self, stream: int) -> None:
        """End a microphone stream; speech that is open becomes a turn."""
        if stream == self._stream:
            self._close_microphone()

    # -- inside --------------------------------------------------------------------------------

    def _close_microphone(self) -> None:
        if self._microphone is not None:
            self._microphone.close()
            self._microphone = None

    async def _listen(self) -> None:
        async for message, audio in self._opened:
            try:
                await self._listener.listen(message, audio)
            except* VoicechatError as group:
                # The recogniser broke down: this stream ends, a new one may work.
                await self.report(_first(group))

    async def _heard(self, heard: Heard) -> None:
        try:
            await self.conversation.heard(heard)
        except ProtocolError as error:
            await self.report(error)


def _first(group: BaseExceptionGroup[VoicechatError]) -> VoicechatError:
    """Any one of the errors of a group; they have one cause."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, VoicechatError):
        raise error
    return error

"""Holds one spoken conversation with a server from a recording, at the pace of real time.

It is a complete client without a sound card: it streams the recording as a microphone would, then
silence until the last answer has come, and keeps what is spoken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import trio

from voicechat.errors import VoicechatError
from voicechat.gateway.websocket import Closed
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, SpeechEnded, SpeechStarted
from voicechat.protocol.messages.connection import (
    PROTOCOL_VERSION,
    Error,
    Hello,
    ServerShuttingDown,
    Welcome,
)
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
    TurnTimings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.codec import Codec
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.speech.wav import WavAudio

OUTPUT_RATE = 24_000
"""Rate in Hz at which answers are asked for and written."""
_FRAME_MS = 20
_QUIET_S = 1.5
"""So long nothing may happen after the recording before the conversation is taken to be over."""
_ANSWER_TIMEOUT_S = 60.0


class TalkFailed(VoicechatError):
    """The conversation broke off: the server ended it or stopped answering."""


@attrs.define
class SpokenTurn:
    """What is known of one turn; times in ms since the recording began.

    Attributes:
        turn: Its number.
        heard: The final transcript, or None for a turn that the server began.
        accepted: False when the recogniser refused the speech.
        answer: The whole answer.
        outcome: ``complete``, ``interrupted`` or ``error``.
        speech_end_ms: When the last sample of the user's speech was sent.
        first_audio_ms: When the first sample of the answer arrived.
        samples: Length of the spoken answer at `OUTPUT_RATE`.
        timings: The server's own waterfall.
    """

    turn: int
    heard: str | None = None
    accepted: bool = True
    answer: str = ""
    outcome: str = ""
    speech_end_ms: float | None = None
    first_audio_ms: float | None = None
    samples: int = 0
    timings: TurnTimings = attrs.field(factory=TurnTimings)


class TalkClient:
    """Streams one recording.

    Args:
        ws: An open connection, before the hello.
        codec: Encodes and decodes.
        wav: The recording.
        on_event: Called with each thing that happens, as the JSON object that `--json` prints.

    Attributes:
        turns: What was said and answered, by turn.
        audio: The spoken answers, one behind the other, at `OUTPUT_RATE`.
        failure: Why the conversation broke off; None when it came to its end.
    """

    def __init__(
        self,
        ws: WebSocket,
        *,
        codec: Codec,
        wav: WavAudio,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._ws = ws
        self._codec = codec
        self._wav = wav
        self._on_event = on_event
        self._began = trio.current_time()
        self._active_at = self._began
        self._seq = 0
        self._speaking = False
        self._undecided = False
        self._speech_end_ms: float | None = None
        self._open: set[int] = set()
        self._welcomed = trio.Event()
        self._shutting_down = False
        self.failure: TalkFailed | None = None
        self.turns: dict[int, SpokenTurn] = {}
        self.audio = bytearray()

    async def run(self) -> None:
        """Talk until the last answer has come, or until `failure` says why it cannot."""
        try:
            await self._talk()
        except* Closed:
            if self._open or self._undecided or not self._shutting_down:
                what = "shut down" if self._shutting_down else "closed the connection"
                self.failure = TalkFailed(
                    f"The server {what} before the last answer.",
                    suggested_action="Try again when it is running; its log tells why.",
                )
        except* TalkFailed as group:
            self.failure = next(
                error for error in group.exceptions if isinstance(error, TalkFailed)
            )
        await self._ws.close()

    async def _talk(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._receive)
            await self._send(Hello(PROTOCOL_VERSION, "voicechat talk", OUTPUT_RATE))
            with trio.move_on_after(_ANSWER_TIMEOUT_S) as waiting:
                await self._welcomed.wait()
            if waiting.cancelled_caught:
                raise TalkFailed("The server did not say welcome.")
            await self._stream()
            nursery.cancel_scope.cancel()

    # -- sending -------------------------------------------------------------------------------

    async def _stream(self) -> None:
        rate = self._wav.rate
        await self._send(AudioOpen(stream=1, rate=rate))
        self._began = self._active_at = trio.current_time()
        size = rate * _FRAME_MS // 1000 * 2
        offset = seq = 0
        while True:
            pcm = self._wav.pcm[2 * offset : 2 * offset + size]
            at_end = len(pcm) < size
            pcm += bytes(size - len(pcm))
            offset += len(pcm) // 2
            # A microphone gives a frame when its last sample has been heard, not before.
            await trio.sleep_until(self._began + offset / rate)
            await self._ws.send(
                AudioFrame(FrameKind.MICROPHONE, 1, seq, offset - size // 2, pcm).pack()
            )
            seq += 1
            if not at_end:
                self._active_at = trio.current_time()
            elif self._over():
                break
        await self._send(AudioClose(stream=1))

    def _over(self) -> bool:
        """After the recording: is everything answered, and has it been quiet for a while?"""
        quiet = trio.current_time() - self._active_at
        if self._speaking or self._undecided or self._open:
            if quiet > _ANSWER_TIMEOUT_S:
                raise TalkFailed(f"The server has not answered for {_ANSWER_TIMEOUT_S:.0f} s.")
            return False
        return quiet >= _QUIET_S

    async def _send(self, message: Any) -> None:
        self._seq += 1
        await self._ws.send(self._codec.encode(message, self._seq))

    # -- receiving -----------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            data = await self._ws.receive()
            self._active_at = trio.current_time()
            t_ms = round((self._active_at - self._began) * 1000, 1)
            if isinstance(data, bytes):
                frame = unpack(data, FrameKind.SPEECH)
                self._on_event(
                    {
                        "t_ms": t_ms,
                        "type": "audio",
                        "turn": frame.stream,
                        "seq": frame.seq,
                        "offset": frame.offset,
                        "samples": frame.samples,
                        "last": frame.last,
                    }
                )
                self._speech(frame, t_ms)
            else:
                message, seq = self._codec.decode_server(data)
                fields = attrs.asdict(message)
                self._on_event({"t_ms": t_ms, "type": message.type, "seq": seq} | fields)
                self._follow(message)

    def _speech(self, frame: AudioFrame, t_ms: float) -> None:
        turn = self.turns.setdefault(frame.stream, SpokenTurn(frame.stream))
        if turn.first_audio_ms is None:
            turn.first_audio_ms = t_ms
        turn.samples += frame.samples
        self.audio += frame.pcm

    def _follow(self, message: ServerMessage) -> None:  # noqa: C901  (one case a message)
        match message:
            case Welcome():
                self._welcomed.set()
            case SpeechStarted():
                self._speaking = self._undecided = True
            case SpeechEnded(at=at):
                self._speaking = False
                self._speech_end_ms = at / self._wav.rate * 1000
            case TranscriptFinal(text=text, accepted=accepted, turn=number):
                self._speaking = self._undecided = False
                if number is not None:
                    self._open.add(number)
                    self.turns[number] = SpokenTurn(
                        number, text, accepted, speech_end_ms=self._speech_end_ms
                    )
            case TurnStarted(turn=number):
                self._open.add(number)
                self.turns.setdefault(number, SpokenTurn(number))
            case ResponseComplete(turn=number, text=text, timings=timings):
                self._end(number, "complete")
                self.turns[number].answer = text
                self.turns[number].timings = timings
            case StreamInterrupted(turn=number):
                self._end(number, "interrupted")
            case StreamError(turn=number):
                self._end(number, "error")
            case ServerShuttingDown():
                self._shutting_down = True
            case Error(message=text, code=code):
                raise TalkFailed(text, code=code, suggested_action=message.suggested_action)
            case _:
                pass

    def _end(self, number: int, outcome: str) -> None:
        self._open.discard(number)
        self.turns[number].outcome = outcome

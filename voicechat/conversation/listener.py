"""Follows one microphone stream: resample, voice activity, utterances, endpoints, transcripts.

A straight loop over frames of audio. While it waits for the recogniser the next audio waits in a
bounded channel behind it, and behind that in the client's socket.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.conversation.endpoint import Endpoint, Endpointer, Signal, State
from voicechat.protocol.messages.audio import ListenMode, SpeechEnded, SpeechStarted
from voicechat.protocol.messages.conversation import TranscriptFinal, TranscriptPartial
from voicechat.speech.audio import Chunker, PreRoll
from voicechat.speech.ports import INPUT_RATE
from voicechat.speech.resample import StreamResampler
from voicechat.speech.segmenter import Segmenter, SegmenterSettings
from voicechat.speech.segmenter import SpeechEnded as Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.conversation.emit import Emit
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.settings import Conversation as ConversationSettings
    from voicechat.speech.ports import SpeechToText, Transcript, Utterance, VoiceActivity

log = structlog.get_logger()

_NEVER = 1 << 62
_MAX_GAP_S = 2.0
"""Longest hole in the client's sample offsets that is filled with silence."""
_TRIVIAL_MS = 250
"""Voice activity shorter than this is a cough or a click: never worth an apology."""


@attrs.frozen
class Heard:
    """One utterance, recognised; times are monotonic seconds of the server.

    Attributes:
        transcript: The words.
        endpoint: Why and where it ended.
        speech_end_at: When the last audio with speech in it arrived.
        endpoint_at: When its end was decided.
        final_at: When the transcript was there.
        trivial: Too short to be words.
    """

    transcript: Transcript
    endpoint: Endpoint
    speech_end_at: float
    endpoint_at: float
    final_at: float
    trivial: bool


class Listener:
    """Listens to one stream after another of one session.

    Args:
        vad: Tells speech from the rest.
        stt: Recognises.
        emit: Reaches the client.
        heard: Takes each utterance.
        settings: Silence, pre-roll and limits.
        vad_threshold: Probability 0…1 from which a frame is speech.
    """

    def __init__(
        self,
        *,
        vad: VoiceActivity,
        stt: SpeechToText,
        emit: Emit,
        heard: Callable[[Heard], Awaitable[None]],
        settings: ConversationSettings,
        vad_threshold: float,
    ) -> None:
        self._vad = vad
        self._stt = stt
        self._emit = emit
        self._heard = heard
        self._settings = settings
        self._vad_threshold = vad_threshold

    async def listen(self, stream: AudioOpen, audio: trio.MemoryReceiveChannel[AudioFrame]) -> None:
        """Serve the stream until its channel is closed; what is open then is a finished turn."""
        ear = _Ear(stream, audio, self._vad, self._settings, self._vad_threshold, self._emit)
        async with audio:
            while await ear.wait_for_utterance():
                await self._utterance(ear)

    async def _utterance(self, ear: _Ear) -> None:
        partial = _Partial()
        async with self._stt.open(partial.update) as utterance:
            await utterance.feed(ear.pre_roll())
            endpoint = await self._follow(ear, utterance, partial)
            if endpoint is None:
                await self._emit(TranscriptFinal("", accepted=False, turn=None))
                return
            endpoint_at = trio.current_time()
            transcript = await utterance.finish()
        final_at = trio.current_time()
        spoken_ms = (endpoint.speech_end - ear.speech_began) * 1000 / INPUT_RATE
        log.info(
            "utterance",
            reason=endpoint.reason,
            speech_ms=round(spoken_ms),
            accepted=transcript.accepted,
            confidence=transcript.confidence,
            transcript=transcript.text,
        )
        await self._heard(
            Heard(
                transcript,
                endpoint,
                min(ear.arrival(endpoint.speech_end), endpoint_at),
                endpoint_at,
                final_at,
                trivial=spoken_ms < _TRIVIAL_MS,
            )
        )

    async def _follow(self, ear: _Ear, utterance: Utterance, partial: _Partial) -> Endpoint | None:
        """Feed audio until the turn is over; None when there was no speech at all."""
        while True:
            if (text := partial.take()) is not None:
                await self._emit(TranscriptPartial(text))
            chunk = await ear.next()
            if chunk is None:
                return ear.endpointer.close(ear.position)
            await utterance.feed(chunk)
            if (endpoint := ear.endpointer.advance(ear.position)) is not None:
                return endpoint


class _Partial:
    """The newest partial transcript; an older one that was never sent is of no use to anybody."""

    def __init__(self) -> None:
        self._text = ""
        self._sent = ""

    def update(self, text: str) -> None:
        self._text = text

    def take(self) -> str | None:
        if self._text == self._sent:
            return None
        self._sent = self._text
        return self._text


class _Ear:
    """One stream as frames of 16 kHz with voice activity; keeps what came just before speech."""

    def __init__(
        self,
        stream: AudioOpen,
        audio: trio.MemoryReceiveChannel[AudioFrame],
        vad: VoiceActivity,
        settings: ConversationSettings,
        vad_threshold: float,
        emit: Emit,
    ) -> None:
        self._stream = stream
        self._audio = audio
        self._voice = vad.open()
        self._emit = emit
        self._resampler = StreamResampler(stream.rate, INPUT_RATE)
        self._chunker = Chunker(vad.frame_samples)
        self._segmenter = Segmenter(
            SegmenterSettings(
                start_threshold=vad_threshold,
                stop_threshold=max(0.05, vad_threshold - 0.15),
                pre_roll_ms=settings.pre_roll_ms,
            )
        )
        self._pre_roll = PreRoll(settings.pre_roll_ms + 200)
        self._chunks: deque[bytes] = deque()
        self._next_offset = 0
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=512)
        self._flushed = False
        self._from = 0
        self._taken = 0
        self._hands_free = stream.mode is ListenMode.HANDS_FREE
        self.position = 0
        self.speech_began = 0
        self.endpointer = Endpointer(
            silence=settings.endpoint_silence_ms * INPUT_RATE // 1000
            if self._hands_free
            else _NEVER,
            max_length=round(settings.max_utterance_s * INPUT_RATE),
        )

    async def wait_for_utterance(self) -> bool:
        """Wait until speech begins, or in push-to-talk until audio does; False at the end."""
        self._taken = self.position  # by the utterance before
        while (chunk := await self.next()) is not None:
            if self._segmenter.speaking and self.endpointer.state is State.IDLE:
                # The utterance before was cut at its greatest length in the middle of speech.
                self._from = self.speech_began = self.position - len(chunk) // 2
                self.endpointer.signal(Signal.STARTED, self._from)
            if self._segmenter.speaking or not self._hands_free:
                return True
        return False

    def pre_roll(self) -> bytes:
        """Audio from shortly before the speech that has just begun."""
        return self._pre_roll.since(max(self._from, self._taken))

    def arrival(self, sample: int) -> float:
        """When the audio that holds the sample before `sample` came (monotonic seconds)."""
        for end, at in self._arrivals:
            if end >= sample:
                return at
        return math.inf

    async def next(self) -> bytes | None:
        """The next chunk, its voice activity already followed; None at the end of the stream."""
        while not self._chunks:
            if self._flushed:
                return None
            await self._receive()
        chunk = self._chunks.popleft()
        self.position += len(chunk) // 2
        self._pre_roll.push(chunk)
        event = self._segmenter.step(await self._voice.probability(chunk), self.position)
        if event is None:
            return chunk
        at = event.at_sample * self._stream.rate // INPUT_RATE
        if isinstance(event, Ended):
            self.endpointer.signal(Signal.ENDED, event.at_sample)
            await self._emit(SpeechEnded(self._stream.stream, at))
        else:
            if self.endpointer.state is State.IDLE:
                self._from = event.audio_from_sample
                self.speech_began = event.at_sample
            self.endpointer.signal(Signal.STARTED, event.at_sample)
            await self._emit(SpeechStarted(self._stream.stream, at))
        return chunk

    async def _receive(self) -> None:
        try:
            frame = await self._audio.receive()
        except trio.EndOfChannel:
            self._flushed = True
            pcm = self._resampler.process(b"", last=True)
        else:
            pcm = self._fill(frame) + self._resampler.process(frame.pcm)
        self._chunks.extend(self._chunker.push(pcm))
        end = self.position + sum(len(chunk) // 2 for chunk in self._chunks)
        self._arrivals.append((end, trio.current_time()))

    def _fill(self, frame: AudioFrame) -> bytes:
        """Silence for samples that the client says it has left out, so that positions stay true."""
        gap = frame.offset - self._next_offset
        self._next_offset = frame.offset + frame.samples
        if not 0 < gap <= _MAX_GAP_S * self._stream.rate:
            return b""
        log.warning("microphone gap", samples=gap)
        return self._resampler.process(bytes(2 * gap))

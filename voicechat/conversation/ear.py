"""One microphone stream as frames of 16 kHz with voice activity, in true positions.

Fills what the client left out, drops what it sent twice, and remembers when audio arrived, so that
every delay is counted from the end of speech.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog
import trio

from voicechat.protocol.messages.audio import SpeechEnded, SpeechStarted
from voicechat.protocol.messages.conversation import TranscriptFinal
from voicechat.speech.audio import SAMPLE_BYTES, Chunker
from voicechat.speech.ports import INPUT_RATE
from voicechat.speech.resample import StreamResampler
from voicechat.speech.segmenter import Segmenter, SegmenterSettings
from voicechat.speech.segmenter import SpeechEnded as Ended

if TYPE_CHECKING:
    from voicechat.conversation.emit import Emit
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.settings import Conversation as ConversationSettings
    from voicechat.speech.ports import VoiceActivity

log = structlog.get_logger()

_LONGEST_FILL_S = 2.0
"""Longest hole that is filled with silence; of a longer one only the position is kept."""
_FILL_PER_SAMPLE = 2
"""Samples of silence that a sample received pays for, up to the longest fill. Silence is followed
like any audio, so without this a few bytes of frames that jump ahead could keep a core busy."""
_WARN_EVERY_S = 5
"""Of audio followed; holes come in swarms, and a client may make as many as it likes."""
_HYSTERESIS = 0.15
_LEAST_STOP = 0.05
_ARRIVALS_S = 10
"""How long arrival times are remembered: longer than any silence that ends a turn."""


class Sound(NamedTuple):
    """A frame of audio, and what voice activity made of it.

    Attributes:
        pcm: 16 kHz.
        voiced: Whether there is voice in it.
        started: Sample where speech began, if that was noticed in this frame.
        ended: Sample where speech ended, likewise.
        audio_from: Sample from which to listen to speech that has just begun.
    """

    pcm: bytes
    voiced: bool
    started: int | None = None
    ended: int | None = None
    audio_from: int | None = None


class Microphone(Protocol):
    """The frames of one stream."""

    @property
    def arrived_at(self) -> float:
        """When the frame that was received last had come (monotonic seconds)."""
        ...

    async def receive(self) -> AudioFrame:
        """The next one.

        Raises:
            trio.EndOfChannel: There is none.
        """
        ...

    def statistics(self) -> trio.MemoryChannelStatistics:
        """How many wait."""
        ...

    async def aclose(self) -> None:
        """The listener gives the stream up."""
        ...

    def settle(self, samples: int, /) -> None:
        """Audio up to here, at the client's rate, is not needed again: nobody speaks in it."""
        ...


class Ear:
    """Follows one stream.

    Args:
        stream: What the client announced.
        audio: Its frames.
        vad: Tells speech from the rest.
        settings: Silence, pre-roll and limits.
        vad_threshold: Probability 0…1 from which a frame is speech.
        emit: Told of speech that begins and ends.

    Attributes:
        position: Samples at `INPUT_RATE` that have been followed.
    """

    def __init__(
        self,
        stream: AudioOpen,
        audio: Microphone,
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
        self._frame_bytes = SAMPLE_BYTES * vad.frame_samples
        self._chunker = Chunker(vad.frame_samples)
        self._segmenter = Segmenter(
            SegmenterSettings(
                start_threshold=vad_threshold,
                stop_threshold=min(vad_threshold, max(_LEAST_STOP, vad_threshold - _HYSTERESIS)),
                pre_roll_ms=settings.pre_roll_ms,
                frame_samples=vad.frame_samples,
            )
        )
        self._chunks: deque[bytes] = deque()
        self._received = 0
        self._next_offset = 0
        self._left_out: deque[tuple[int, int]] = deque([(0, 0)])
        self._fill_room = self._most_fill = round(_LONGEST_FILL_S * stream.rate)
        self._gaps = 0
        self._gap_samples = 0
        self._quiet_until = 0
        self._arrivals: deque[tuple[int, float]] = deque()
        self._flushed = False
        self.position = 0

    @property
    def stream(self) -> int:
        """The client's number of the stream."""
        return self._stream.stream

    def at_client(self, sample: int) -> int:
        """A position of ours as the client counts it: at its rate, with what it has left out."""
        left_out = next((n for since, n in reversed(self._left_out) if since <= sample), 0)
        return sample * self._stream.rate // INPUT_RATE + left_out

    @property
    def followed(self) -> int:
        """How far it was followed, as the client counts."""
        return min(self._next_offset, self.at_client(self.position))

    def nothing(self, *, accepted: bool) -> TranscriptFinal:
        """Nothing that anybody could understand was said, up to here."""
        return TranscriptFinal("", accepted, None, stream=self.stream, until=self.followed)

    def settle(self, sample: int) -> None:
        """Nothing before this sample is needed again, should everything else be lost."""
        self._audio.settle(self.at_client(max(0, sample)))

    @property
    def behind(self) -> bool:
        """Whether audio waits to be followed."""
        return bool(self._chunks) or self._audio.statistics().current_buffer_used > 0

    @property
    def heard_at(self) -> float:
        """When the newest audio that is followed came (monotonic seconds)."""
        return self._arrivals[-1][1] if self._arrivals else trio.current_time()

    def arrival(self, sample: int) -> float:
        """When the audio that holds the sample before `sample` came (monotonic seconds)."""
        for end, at in self._arrivals:
            if end >= sample:
                return at
        return math.inf

    async def next(self, patience: float = math.inf) -> Sound | None:
        """The next frame, its voice activity followed; None at the end of the stream.

        Args:
            patience: Seconds that a silent network is waited for; None after that as well.
        """
        while not self._chunks:
            if self._flushed:
                return None
            with trio.move_on_after(patience) as waiting:
                await self._receive()
            if waiting.cancelled_caught:
                log.info("microphone stalled")
                return None
        pcm = self._chunks.popleft()
        self.position += len(pcm) // SAMPLE_BYTES
        event = self._segmenter.step(await self._voice.probability(pcm), self.position)
        voiced = self._segmenter.voiced
        if event is None:
            return Sound(pcm, voiced)
        at = self.at_client(event.at_sample)
        if isinstance(event, Ended):
            await self._emit(SpeechEnded(self._stream.stream, at))
            return Sound(pcm, voiced, ended=event.at_sample)
        await self._emit(SpeechStarted(self._stream.stream, at))
        return Sound(pcm, voiced, started=event.at_sample, audio_from=event.audio_from_sample)

    async def _receive(self) -> None:
        try:
            frame = await self._audio.receive()
            arrived_at = self._audio.arrived_at
        except trio.EndOfChannel:
            self._flushed = True
            arrived_at = trio.current_time()
            self._warn_of_gaps()
            # The silence fills the last frame; without it the tail would never be heard.
            pcm = self._resampler.process(b"", last=True) + bytes(self._frame_bytes - SAMPLE_BYTES)
        else:
            pcm = self._resampler.process(self._in_place(frame))
        self._received += len(pcm) // SAMPLE_BYTES
        self._chunks.extend(self._chunker.push(pcm))
        self._arrivals.append((self._received, arrived_at))
        past = self.position - _ARRIVALS_S * INPUT_RATE
        while self._arrivals[0][0] < past:
            self._arrivals.popleft()
        while len(self._left_out) > 1 and self._left_out[1][0] < past:
            self._left_out.popleft()

    def _in_place(self, frame: AudioFrame) -> bytes:
        """The frame's new samples, behind silence for those that the client has left out."""
        gap = frame.offset - self._next_offset
        self._next_offset = max(self._next_offset, frame.offset + frame.samples)
        filled = 0
        pcm = frame.pcm
        if gap > 0:
            filled = min(gap, self._fill_room)
            if gap > filled:
                self._left_out.append((self._received, self._left_out[-1][1] + gap - filled))
            self._gaps += 1
            self._gap_samples += gap
            if self._received >= self._quiet_until:
                self._warn_of_gaps()
        else:
            pcm = pcm[-gap * SAMPLE_BYTES :]  # what was sent again is heard once, and pays once
        earned = _FILL_PER_SAMPLE * (len(pcm) // SAMPLE_BYTES)
        self._fill_room = min(self._most_fill, self._fill_room - filled + earned)
        return bytes(SAMPLE_BYTES * filled) + pcm

    def _warn_of_gaps(self) -> None:
        """Log the holes since the last warning, if there are any."""
        if not self._gaps:
            return
        log.warning("microphone gap", gaps=self._gaps, samples=self._gap_samples)
        self._gaps = self._gap_samples = 0
        self._quiet_until = self._received + _WARN_EVERY_S * INPUT_RATE

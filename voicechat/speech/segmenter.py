"""Turns probabilities of speech into the moments where speech begins and ends. PURE.

Two thresholds (hysteresis) decide if a frame is speech: to begin speech it must be surer than to
go on. A change of mind counts only when it has lasted, so a click is no speech and a dip no pause:

                 voiced                     voiced, long enough
      ┌───────┐ ───────> ┌────────┐ ────────────────────────────> ┌────────┐
      │ QUIET │          │ RISING │                               │ SPEECH │
      └───────┘ <─────── └────────┘                               └────────┘
          ▲     unvoiced                                  voiced ▲     │ unvoiced
          │                            ┌─────────┐ ──────────────┘     │
          └─────────────────────────── │ FALLING │ <───────────────────┘
            unvoiced, long enough      └─────────┘

Events carry the sample where the change began, not where it was noticed, so whoever measures a
silence measures it from the true end of speech.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import attrs

from voicechat.speech.ports import INPUT_RATE


@attrs.frozen
class SegmenterSettings:
    """When speech begins and ends.

    Attributes:
        start_threshold: Probability from which a frame can begin speech.
        stop_threshold: Probability below which a frame can end it; not above `start_threshold`.
        min_speech_ms: How long frames must be voiced in a row before speech has begun; two frames
            by default, so that a click is no speech.
        min_silence_ms: How long frames must be unvoiced in a row before speech has ended; two
            frames by default. This is not the silence that ends a turn, which comes on top.
        pre_roll_ms: Audio to keep from before the first voiced frame, because soft consonants
            begin before the detector is sure.
        frame_samples: Samples that one probability stands for.
    """

    start_threshold: float = 0.5
    stop_threshold: float = 0.35
    min_speech_ms: int = 64
    min_silence_ms: int = 64
    pre_roll_ms: int = 300
    frame_samples: int = 512

    def __attrs_post_init__(self) -> None:
        if not 0.0 <= self.stop_threshold <= self.start_threshold <= 1.0:
            raise ValueError("needed: 0 <= stop_threshold <= start_threshold <= 1")
        if min(self.min_speech_ms, self.min_silence_ms, self.pre_roll_ms) < 0:
            raise ValueError("durations cannot be negative")
        if self.frame_samples < 1:
            raise ValueError("a frame has at least one sample")


@attrs.frozen
class SpeechStarted:
    """Speech has begun.

    Attributes:
        at_sample: Where its first voiced frame begins.
        audio_from_sample: Where to begin listening: earlier by the pre-roll, but never before the
            end of the speech before.
    """

    at_sample: int
    audio_from_sample: int


@attrs.frozen
class SpeechEnded:
    """Speech has ended, perhaps only for a pause.

    Attributes:
        at_sample: Sample after its last voiced frame.
    """

    at_sample: int


class State(Enum):
    """What the segmenter believes."""

    QUIET = auto()
    RISING = auto()
    SPEECH = auto()
    FALLING = auto()


class Evidence(Enum):
    """What a frame says about that."""

    VOICED = auto()
    VOICED_ENOUGH = auto()
    UNVOICED = auto()
    UNVOICED_ENOUGH = auto()


TRANSITIONS: Final[dict[tuple[State, Evidence], State]] = {
    (State.QUIET, Evidence.VOICED): State.RISING,
    (State.QUIET, Evidence.VOICED_ENOUGH): State.SPEECH,
    (State.QUIET, Evidence.UNVOICED): State.QUIET,
    (State.QUIET, Evidence.UNVOICED_ENOUGH): State.QUIET,
    (State.RISING, Evidence.VOICED): State.RISING,
    (State.RISING, Evidence.VOICED_ENOUGH): State.SPEECH,
    (State.RISING, Evidence.UNVOICED): State.QUIET,
    (State.RISING, Evidence.UNVOICED_ENOUGH): State.QUIET,
    (State.SPEECH, Evidence.VOICED): State.SPEECH,
    (State.SPEECH, Evidence.VOICED_ENOUGH): State.SPEECH,
    (State.SPEECH, Evidence.UNVOICED): State.FALLING,
    (State.SPEECH, Evidence.UNVOICED_ENOUGH): State.QUIET,
    (State.FALLING, Evidence.VOICED): State.SPEECH,
    (State.FALLING, Evidence.VOICED_ENOUGH): State.SPEECH,
    (State.FALLING, Evidence.UNVOICED): State.FALLING,
    (State.FALLING, Evidence.UNVOICED_ENOUGH): State.QUIET,
}
"""Every pair of state and evidence. From QUIET or RISING into SPEECH, speech has started; from
SPEECH or FALLING into QUIET, it has ended."""

_SPEAKING: Final = frozenset({State.SPEECH, State.FALLING})


class Segmenter:
    """Follows one stream.

    Args:
        settings: Thresholds and durations.
    """

    def __init__(self, settings: SegmenterSettings | None = None) -> None:
        self._settings: Final = settings or SegmenterSettings()
        self._state = State.QUIET
        self._voiced = False
        self._run_began = 0
        self._position = 0
        self._ended_at = 0

    @property
    def speaking(self) -> bool:
        """Whether the last event was a start."""
        return self._state in _SPEAKING

    @property
    def voiced(self) -> bool:
        """Whether there was voice in the last frame, which alone neither begins nor ends speech."""
        return self._voiced

    def step(self, probability: float, end_sample: int) -> SpeechStarted | SpeechEnded | None:
        """Take in the next frame.

        Args:
            probability: That the frame is speech, 0…1.
            end_sample: Position of the sample after the frame; frames may be missing, but not
                overlap.

        Raises:
            ValueError: The frame overlaps the one before.
        """
        began = end_sample - self._settings.frame_samples
        if began < self._position:
            raise ValueError("a frame began before the end of the frame before")
        self._position = end_sample
        was_speaking = self.speaking
        self._state = TRANSITIONS[self._state, self._weigh(probability, began, end_sample)]
        if self.speaking is was_speaking:
            return None
        if was_speaking:
            self._ended_at = self._run_began
            return SpeechEnded(self._run_began)
        earliest = self._run_began - self._settings.pre_roll_ms * INPUT_RATE // 1000
        return SpeechStarted(self._run_began, max(self._ended_at, earliest))

    def _weigh(self, probability: float, began: int, end: int) -> Evidence:
        """Which way the frame points, and if its kind has lasted long enough to be believed."""
        settings = self._settings
        threshold = settings.stop_threshold if self.speaking else settings.start_threshold
        voiced = probability >= threshold
        if voiced is not self._voiced:
            self._voiced = voiced
            self._run_began = began
        lasted_ms = (end - self._run_began) * 1000 / INPUT_RATE
        if voiced:
            enough = lasted_ms >= settings.min_speech_ms
            return Evidence.VOICED_ENOUGH if enough else Evidence.VOICED
        enough = lasted_ms >= settings.min_silence_ms
        return Evidence.UNVOICED_ENOUGH if enough else Evidence.UNVOICED

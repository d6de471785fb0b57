"""Endpointing: decides when the user has finished, from voice activity alone for now. PURE.

First version: a turn is over when silence after speech has lasted long enough. Positions are
samples at the recogniser's rate, so the same recording always ends at the same sample.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

import attrs


class EndpointReason(StrEnum):
    """Why a turn was taken to be over."""

    SILENCE = "silence"
    MAX_LENGTH = "max_length"
    CLOSED = "closed"


@attrs.frozen
class Endpoint:
    """The user has finished.

    Attributes:
        reason: Why.
        speech_end: Sample after the last one that was speech.
        at: Sample at which this was decided.
    """

    reason: EndpointReason
    speech_end: int
    at: int


class Signal(Enum):
    """What voice activity can tell."""

    STARTED = auto()
    ENDED = auto()


class State(Enum):
    """Where an utterance stands."""

    IDLE = auto()
    SPEAKING = auto()
    PAUSED = auto()


TRANSITIONS: dict[tuple[State, Signal], State] = {
    (State.IDLE, Signal.STARTED): State.SPEAKING,
    (State.IDLE, Signal.ENDED): State.IDLE,
    (State.SPEAKING, Signal.STARTED): State.SPEAKING,
    (State.SPEAKING, Signal.ENDED): State.PAUSED,
    (State.PAUSED, Signal.STARTED): State.SPEAKING,
    (State.PAUSED, Signal.ENDED): State.PAUSED,
}
"""Every pair of state and signal; only time leads back to IDLE, together with an `Endpoint`."""


class Endpointer:
    """Follows one utterance after another.

    Args:
        silence: Samples of silence after speech that end a turn.
        max_length: Samples after which an utterance is cut in any case.
    """

    def __init__(self, *, silence: int, max_length: int) -> None:
        self._silence = silence
        self._max_length = max_length
        self.state = State.IDLE
        self._began = 0
        self._speech_end = 0

    def signal(self, signal: Signal, at: int) -> None:
        """Voice activity changed at sample `at`."""
        if self.state is State.IDLE and signal is Signal.STARTED:
            self._began = at
        if self.state is State.SPEAKING and signal is Signal.ENDED:
            self._speech_end = at
        self.state = TRANSITIONS[self.state, signal]

    def advance(self, position: int) -> Endpoint | None:
        """Everything before sample `position` is known; tells if the turn is over."""
        if self.state is State.PAUSED and position - self._speech_end >= self._silence:
            return self._end(EndpointReason.SILENCE, self._speech_end, position)
        if self.state is not State.IDLE and position - self._began >= self._max_length:
            return self._end(EndpointReason.MAX_LENGTH, self._last_speech(position), position)
        return None

    def close(
        self, position: int, reason: EndpointReason = EndpointReason.CLOSED
    ) -> Endpoint | None:
        """No more audio comes, or no more is taken; an open utterance is over."""
        if self.state is State.IDLE:
            return None
        return self._end(reason, self._last_speech(position), position)

    def _last_speech(self, position: int) -> int:
        return self._speech_end if self.state is State.PAUSED else position

    def _end(self, reason: EndpointReason, speech_end: int, at: int) -> Endpoint:
        self.state = State.IDLE
        return Endpoint(reason, speech_end, at)

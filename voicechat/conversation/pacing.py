"""Paces speech, so that it leaves only a bounded time ahead of being heard. PURE.

What has left cannot be taken back: the less is ahead, the less is wasted when the user interrupts,
and the less a stalled client can make the server hold. Clients that tell what they have played are
held to that; for the others a loudspeaker is modelled that never stops while it has audio.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

_ROUNDING_S: Final = 1e-6
"""Waits below a tenth of a sample come from rounding; a sleeper would spin on them."""


class Pacer(Protocol):
    """Decides when the speech of one turn may leave. `now` is a monotonic time in seconds."""

    def wait(self, samples: int, now: float) -> float:
        """Seconds until a frame of `samples` may leave; accounts for nothing.

        Returns:
            0 when it may leave now; infinity when only a report of playback can allow it.
        """
        ...

    def sent(self, samples: int, now: float) -> None:
        """A frame of `samples` has left."""
        ...

    def report(self, played: int, now: float) -> None:
        """The client has heard `played` samples of this turn; a late report is ignored."""
        ...

    def played(self, now: float) -> int:
        """Samples that are known or modelled to be heard: never more than were sent."""
        ...

    def position(self, now: float) -> int:
        """The sample that is most likely being heard, to align what the microphone hears."""
        ...

    def left(self, now: float) -> float:
        """Seconds until all that was sent has most likely been heard."""
        ...


class _Loudspeaker:
    """Plays without a gap as long as it has audio; what comes after a gap is played at once."""

    def __init__(self, *, rate: int, ahead_s: float) -> None:
        self._rate: Final = rate
        self._ahead_s: Final = ahead_s
        self._sent = 0
        self._known = 0  # a sample, and when it was heard: from there on it plays evenly
        self._known_at = -math.inf

    def sent(self, samples: int, now: float) -> None:
        """A frame of `samples` has left."""
        if self.left(now) <= 0:
            self._known, self._known_at = self._sent, now
        self._sent += samples

    def position(self, now: float) -> int:
        """The sample that is most likely being heard."""
        if self._known == self._sent:
            return self._sent
        elapsed = max(0.0, now - self._known_at)
        return min(self._sent, self._known + int(elapsed * self._rate))

    def left(self, now: float) -> float:
        """Seconds until all that was sent has most likely been heard."""
        return max(0.0, self._known_at + (self._sent - self._known) / self._rate - now)


class ClockPacer(_Loudspeaker):
    """For clients that do not tell what they have played: trusts the clock.

    Args:
        rate: Samples a second.
        ahead_s: Seconds of audio that may be sent before they are due. A frame that is longer
            leaves when all before it is due to have been heard.
    """

    def wait(self, samples: int, now: float) -> float:
        """Seconds until a frame of `samples` may leave; accounts for nothing."""
        allowed_before = max(0.0, self._ahead_s - samples / self._rate)
        wait = self.left(now) - allowed_before
        return wait if wait > _ROUNDING_S else 0.0

    def report(self, played: int, now: float) -> None:
        """Nothing: one report would not make the model better for a client that sends no more."""

    def played(self, now: float) -> int:
        """Samples that are due to have been heard."""
        return self.position(now)


class ReportPacer(_Loudspeaker):
    """For clients that tell what they have played: never trusts the clock.

    A client that stops telling stops the speech, and the writer behind it waits instead of filling
    memory.

    Args:
        rate: Samples a second.
        ahead_s: Seconds of audio that may be sent beyond the reported playback. A frame that is
            longer leaves when all before it was reported.
    """

    def __init__(self, *, rate: int, ahead_s: float) -> None:
        super().__init__(rate=rate, ahead_s=ahead_s)
        self._ahead: Final = int(ahead_s * rate)
        self._reported = 0

    def wait(self, samples: int, now: float) -> float:  # noqa: ARG002  (time allows nothing here)
        """0 when a frame of `samples` may leave, else infinity: the next report may allow it."""
        unheard = self._sent - self._reported
        return 0.0 if unheard == 0 or unheard + samples <= self._ahead else math.inf

    def report(self, played: int, now: float) -> None:
        """The client has heard `played` samples: all that was sent, where it tells more.

        One that is behind the last is late and ignored. One of no progress counts: the loudspeaker
        stands still.
        """
        played = min(played, self._sent)
        if played >= self._reported:
            self._reported = played
            self._known, self._known_at = played, now

    def played(self, now: float) -> int:  # noqa: ARG002  (the last report, nothing assumed)
        """Samples that the client has reported as heard."""
        return self._reported

"""Paces speech, so that it leaves only a bounded time ahead of being heard. PURE.

What has left cannot be taken back: the less is ahead, the less is wasted when the user interrupts,
and the less a stalled client can make the server hold.
"""

from __future__ import annotations


class Pacer:
    """Models a loudspeaker that plays without a gap as long as it has audio.

    Args:
        rate: Samples a second.
        ahead_s: Seconds of audio that may be sent before they are due.
    """

    def __init__(self, *, rate: int, ahead_s: float) -> None:
        self._rate = rate
        self._ahead_s = ahead_s
        self._plays_until = float("-inf")

    def wait(self, samples: int, now: float) -> float:
        """Account for a frame about to be sent; seconds to wait before sending it.

        Args:
            samples: Length of the frame.
            now: Monotonic time in seconds.
        """
        begin = max(self._plays_until, now)  # an empty loudspeaker begins anew
        self._plays_until = begin + samples / self._rate
        return max(0.0, begin - now - self._ahead_s)

    def left(self, now: float) -> float:
        """Seconds until all that was sent has been heard."""
        return max(0.0, self._plays_until - now)

"""When a client asks for a sign of life, and when it takes the server for gone. PURE."""

from __future__ import annotations

from enum import Enum
from typing import Final

INTERVAL_S: Final = 20.0
"""Between two pings; a server that vanished is noticed after twice that at the latest."""


class Beat(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


class Heartbeat:
    """Pings at a fixed pace; nothing heard from one to the next: there is nobody.

    Args:
        interval_s: Seconds between two pings.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._heard = True
        self.due_at = 0.0

    def begin(self, now: float) -> None:
        """A socket has opened."""
        self._heard = True
        self.due_at = now + self._interval_s

    def heard(self) -> None:
        """Something came."""
        self._heard = True

    def beat(self, now: float, *, listening: bool) -> Beat:
        """What is due.

        Args:
            now: Monotonic seconds.
            listening: False while the client itself does not read: then silence means nothing.
        """
        if now < self.due_at:
            return Beat.NOTHING
        if not self._heard and listening:
            return Beat.DEAD
        self._heard = not listening
        self.due_at = now + self._interval_s
        return Beat.PING

"""Whether a client has its session, and what it does to get it back. PURE."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from voicechat.protocol.backoff import TRIES, delay_ms
from voicechat.protocol.close_codes import CloseCode, reconnects

LOST: Final = 1006
"""As a close code: the connection ended without one."""
_STEADY_S: Final = 5.0
"""A server that closes sooner than this after all seemed well gets no fresh set of tries."""


class Phase(StrEnum):
    """``connecting`` for the first time, ``connected``, ``reconnecting``, or ``offline``."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    OFFLINE = "offline"


class Reason(StrEnum):
    """Why a client is offline and tries no more by itself.

    ``gave_up``: no try was successful. ``refused``: the server does not want it to come back.
    ``opened_elsewhere``: another client drives its session now.
    """

    GAVE_UP = "gave_up"
    REFUSED = "refused"
    OPENED_ELSEWHERE = "opened_elsewhere"


@attrs.frozen
class State:
    """Where a client is.

    Attributes:
        phase: In short.
        attempt: While reconnecting: which try is made or waited for, from 1.
        reason: While offline: why.
        message: The same for a person, where the server told it; else empty.
    """

    phase: Phase
    attempt: int = 0
    reason: Reason | None = None
    message: str = ""

    def __str__(self) -> str:
        if self.phase is Phase.RECONNECTING:
            return f"{self.phase} {self.attempt}/{TRIES}"
        return str(self.phase if self.reason is None else f"{self.phase}: {self.reason}")


class Reconnecting:
    """Counts tries and says when the next one is due.

    Attributes:
        state: For the user.
        connect_at: When to open a socket (monotonic seconds); None while one is open, or no more
            is wanted.
    """

    def __init__(self) -> None:
        self.state = State(Phase.CONNECTING)
        self.connect_at: float | None = 0.0
        self._tried = 0
        self._tried_before = 0
        self._connected_at: float | None = None
        self._message = ""

    def opened(self) -> None:
        """A socket is open."""
        self.connect_at = None
        self._message = ""

    def explained(self, message: str) -> None:
        """The server said what is wrong; it may close now."""
        self._message = message

    def connected(self, now: float) -> None:
        """All is well."""
        self._tried_before, self._tried = self._tried, 0
        self._connected_at = now
        self._message = ""
        self.state = State(Phase.CONNECTED)

    def closed(self, code: int, now: float, chance: float) -> None:
        """The socket has closed, or could not be opened.

        Args:
            code: The close code, or `LOST`.
            now: Monotonic seconds.
            chance: Evenly distributed in 0…1.
        """
        steady = self._connected_at is not None and now - self._connected_at >= _STEADY_S
        if self._connected_at is not None and code != LOST and not steady:
            self._tried = self._tried_before
        self._connected_at = None
        if not reconnects(code):
            elsewhere = code == CloseCode.OPENED_ELSEWHERE
            self._end(Reason.OPENED_ELSEWHERE if elsewhere else Reason.REFUSED)
        elif self._tried >= TRIES:
            self._end(Reason.GAVE_UP)
        else:
            self._tried += 1
            self.connect_at = now + delay_ms(self._tried, chance) / 1000
            self.state = State(Phase.RECONNECTING, attempt=self._tried)

    def retry(self, now: float) -> None:
        """Somebody wants it now: the network is back, or a button was pressed."""
        if self.state.phase is Phase.OFFLINE:
            self._tried = 1
            self.state = State(Phase.RECONNECTING, attempt=1)
        elif self.state.phase is not Phase.RECONNECTING or self.connect_at is None:
            return
        self.connect_at = now

    def _end(self, reason: Reason) -> None:
        self.connect_at = None
        self.state = State(Phase.OFFLINE, reason=reason, message=self._message)

"""The life of a session as a table, and the times at which something is due in it. PURE.

    creating ──ready──> disconnected ──attached──> active ──rested──> idle
                         │     ^                    │  ^               │
                         │     └─────detached───────┴──┼───────────────┤
                      expired                          └─────said──────┘
                         v
                      expired                 any of the four ──ended──> terminated

A session is a sibling of its connections, so it can be alive with none: it waits for one until the
resume window is over, and has its agent while it does. One that is brought back from its history
is a new life.
"""

from __future__ import annotations

import math
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.session import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterator


class LifeEvent(StrEnum):
    """What changes the state of a session.

    ``ready``: it is made. ``attached``: a connection drives it, or another one does. ``detached``:
    none does. ``rested``: what answers was released. ``said``: something was said. ``expired``: the
    resume window is over. ``ended``: for any other reason.
    """

    READY = "ready"
    ATTACHED = "attached"
    DETACHED = "detached"
    RESTED = "rested"
    SAID = "said"
    EXPIRED = "expired"
    ENDED = "ended"


TRANSITIONS: Final[dict[tuple[SessionState, LifeEvent], SessionState]] = {
    (SessionState.CREATING, LifeEvent.READY): SessionState.DISCONNECTED,
    (SessionState.CREATING, LifeEvent.ENDED): SessionState.TERMINATED,
    (SessionState.ACTIVE, LifeEvent.ATTACHED): SessionState.ACTIVE,
    (SessionState.ACTIVE, LifeEvent.DETACHED): SessionState.DISCONNECTED,
    (SessionState.ACTIVE, LifeEvent.RESTED): SessionState.IDLE,
    (SessionState.ACTIVE, LifeEvent.SAID): SessionState.ACTIVE,
    (SessionState.ACTIVE, LifeEvent.ENDED): SessionState.TERMINATED,
    (SessionState.IDLE, LifeEvent.ATTACHED): SessionState.IDLE,
    (SessionState.IDLE, LifeEvent.DETACHED): SessionState.DISCONNECTED,
    (SessionState.IDLE, LifeEvent.SAID): SessionState.ACTIVE,
    (SessionState.IDLE, LifeEvent.ENDED): SessionState.TERMINATED,
    (SessionState.DISCONNECTED, LifeEvent.ATTACHED): SessionState.ACTIVE,
    (SessionState.DISCONNECTED, LifeEvent.SAID): SessionState.DISCONNECTED,
    (SessionState.DISCONNECTED, LifeEvent.EXPIRED): SessionState.EXPIRED,
    (SessionState.DISCONNECTED, LifeEvent.ENDED): SessionState.TERMINATED,
}
"""Where each event leads; a pair that is missing cannot happen."""


class InvalidTransition(ValueError):
    """Something happened that cannot happen in this state: a mistake of the caller."""


@attrs.frozen(kw_only=True)
class Timers:
    """How long things last.

    Attributes:
        resume_window_s: A session without a connection waits so long for one.
        idle_s: After so long without a word, what answers is released.
        max_duration_s: Longest life.
        turn_grace_s: A turn in flight at the end of the session may take so much longer.
        warning: The client is told when this part of the longest life is over.
    """

    resume_window_s: float
    idle_s: float
    max_duration_s: float = math.inf
    turn_grace_s: float = 30.0
    warning: float = 0.9


class Due(Enum):
    """What the owner of a session has to do now."""

    REST = auto()  # release what answers, then `rested`
    WARN = auto()  # tell the client how long the session still lasts
    EXPIRE = auto()  # let it expire, then `expired`
    END = auto()  # end it because of its age, then `ended`


class Life:
    """Where one session is. Times are monotonic seconds.

    Args:
        timers: How long things last.
        now: When it begins; the maximum duration counts from here.

    Attributes:
        state: Where it is.
        since: When it came there.
    """

    def __init__(self, timers: Timers, now: float) -> None:
        self._timers: Final = timers
        self._began: Final = now
        self.state = SessionState.CREATING
        self.since = now
        self._quiet_since = now  # nothing was said and nothing done since
        self._busy = False
        self._warned = False
        self._rest_told = False

    def happens(self, event: LifeEvent, now: float) -> None:
        """Go where the table says.

        Raises:
            InvalidTransition: The table says nothing.
        """
        after = TRANSITIONS.get((self.state, event))
        if after is None:
            raise InvalidTransition(f"a session that is {self.state} cannot be {event}")
        if event is LifeEvent.SAID:
            self._stir(now)
        if after is not self.state:
            self.state, self.since = after, now
            self._rest_told = False

    def busy(self, is_busy: bool, now: float) -> None:  # noqa: FBT001  (it is what the call tells)
        """A turn is in flight, or the agent has something of its own to do, as a timer; or not.

        Meanwhile the session never rests, and its end waits, for a grace period at most.
        """
        if is_busy != self._busy:
            self._busy = is_busy
            self._stir(now)

    def touch(self, now: float) -> None:
        """Something was said: an idle session becomes active. Harmless when it is over."""
        if (self.state, LifeEvent.SAID) in TRANSITIONS:
            self.happens(LifeEvent.SAID, now)

    def remaining_s(self, now: float) -> float:
        """Seconds until the maximum duration is reached; infinity where there is none."""
        return max(0.0, self._began + self._timers.max_duration_s - now)

    @property
    def deadline(self) -> float:
        """When `due` has something, as things are; infinity if it never will."""
        return min((at for _, at in self._dates()), default=math.inf)

    def due(self, now: float) -> Due | None:
        """What has to be done now; to be called until it is None.

        `Due.WARN` comes once, and `Due.REST` once in each rest; `Due.EXPIRE` and `Due.END` come at
        each call until their event has happened.
        """
        for what, at in self._dates():
            if now >= at:
                self._warned = self._warned or what is Due.WARN
                self._rest_told = self._rest_told or what is Due.REST
                return what
        return None

    def _dates(self) -> Iterator[tuple[Due, float]]:
        """All that is to come, the most important first."""
        if self.state in {SessionState.CREATING, SessionState.EXPIRED, SessionState.TERMINATED}:
            return
        timers = self._timers
        grace = timers.turn_grace_s if self._busy else 0.0
        yield Due.END, self._began + timers.max_duration_s + grace
        if self.state is SessionState.DISCONNECTED:
            yield Due.EXPIRE, self.since + timers.resume_window_s + grace
        if not self._warned:
            yield Due.WARN, self._began + timers.warning * timers.max_duration_s
        if self.state is SessionState.ACTIVE and not (self._busy or self._rest_told):
            yield Due.REST, self._quiet_since + timers.idle_s

    def _stir(self, now: float) -> None:
        self._quiet_since = now
        self._rest_told = False

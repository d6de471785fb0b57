"""PURE: the timers of one session: what runs, what is due, and which one a user means.

Times are seconds of whatever clock the caller reads; nothing here waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.agents.assistant import wording

if TYPE_CHECKING:
    from fractions import Fraction

MAX_TIMERS = 20
"""Of one session; enough for any kitchen, and it bounds what a client can make the server hold."""

MAX_SECONDS = 7 * 24 * 3600
MIN_SECONDS = 1


@attrs.frozen
class Timer:
    """A running timer.

    Attributes:
        seconds: What it was set for.
        due: When it rings, in the caller's clock.
        name: "pasta", or empty.
        task: What to be reminded of ("take out the bins"), or empty.
    """

    seconds: Fraction
    due: float
    name: str = ""
    task: str = ""

    def left(self, now: float) -> int:
        """Whole seconds until it rings, rounded up, so that "0 seconds" is never said of it."""
        return max(1, -int(-(self.due - now) // 1))

    @property
    def title(self) -> str:
        """What to call it: "the pasta timer", "the 5 minute timer"."""
        if self.name:
            return f"the {self.name} timer"
        return f"the {adjective(self.seconds)} {'reminder' if self.task else 'timer'}"


@attrs.frozen
class Wanted:
    """Which timers a sentence means; an empty one means any."""

    name: str = ""
    seconds: Fraction | None = None

    def matches(self, timer: Timer) -> bool:
        """Whether `timer` is one of those meant."""
        return self.name in ("", timer.name) and self.seconds in (None, timer.seconds)


class TimerBoard:
    """The timers in the order in which they ring."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []

    def __len__(self) -> int:
        return len(self._timers)

    @property
    def full(self) -> bool:
        """Whether another one would be too many."""
        return len(self._timers) >= MAX_TIMERS

    def add(self, timer: Timer) -> None:
        """Let `timer` run."""
        self._timers.append(timer)
        self._timers.sort(key=lambda each: each.due)

    def find(self, wanted: Wanted) -> tuple[Timer, ...]:
        """Those that are meant, soonest first."""
        return tuple(timer for timer in self._timers if wanted.matches(timer))

    def remove(self, timer: Timer) -> None:
        """Forget `timer`."""
        self._timers.remove(timer)

    def next_due(self) -> float:
        """When the next one rings; infinity when none runs."""
        return min((timer.due for timer in self._timers), default=float("inf"))

    def pop_due(self, now: float) -> tuple[Timer, ...]:
        """Take out those that ring at `now`."""
        due = tuple(timer for timer in self._timers if timer.due <= now)
        self._timers = [timer for timer in self._timers if timer.due > now]
        return due


def adjective(seconds: Fraction) -> str:
    """A duration before a noun: "5 minute", "1 hour and 30 minute"."""
    words = wording.duration(seconds)
    return " ".join(
        word.removesuffix("s") if word[:3] in ("day", "hou", "min", "sec") else word
        for word in words.replace(",", "").split()
    )


def ringing(timers: tuple[Timer, ...]) -> str:
    """What is said when `timers` ring."""
    spoken = []
    for timer in timers:
        if timer.task:
            spoken.append(f"This is your reminder: {timer.task}.")
        else:
            title = timer.title.removeprefix("the ")
            spoken.append(f"Your {title} is done.")
    return " ".join(spoken)

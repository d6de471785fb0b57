"""What is known of the heat, and what holds while the thermometer fails. PURE.

A reading that fails now and then changes nothing. After `PATIENCE` in a row nobody knows how hot it
is: the work is limited as the last good reading demands in the worst case, until the next good one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings.band import sensible
from voicechat.thermal.ladder import Ladder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voicechat.settings import Band

PATIENCE: Final = 5
"""Failed readings in a row from which on the temperature is unknown."""


@attrs.frozen
class Watch:
    """What is known; each method returns what is known next.

    Attributes:
        ladder: Where its steps stood after the last good reading.
        supported: Whether there is a thermometer.
        since: When the present state began (monotonic seconds).
        failures: Readings that failed since the last good one.
        last: The last good temperature in degrees Celsius; None before the first.
        flags: What the firmware told with it.
    """

    ladder: Ladder
    supported: bool
    since: float
    failures: int = 0
    last: float | None = None
    flags: tuple[ThrottleFlag, ...] = ()

    @classmethod
    def of(cls, bands: Mapping[ThermalState, Band], *, supported: bool, now: float) -> Watch:
        """What is known before the first reading.

        Raises:
            ValueError: The thresholds are not in the order of their steps.
        """
        return cls(Ladder.of(bands), supported, now)

    @property
    def lost(self) -> bool:
        """Whether too many readings have failed to know the temperature."""
        return self.supported and self.failures >= PATIENCE

    @property
    def state(self) -> ThermalState:
        """What is told to people and programs."""
        if not self.supported:
            return ThermalState.UNSUPPORTED
        return ThermalState.UNKNOWN if self.lost else self.ladder.state

    @property
    def limited_to(self) -> ThermalState:
        """The state whose limits hold: `normal` or a step of the ladder, whatever is known."""
        if not self.lost:
            return self.ladder.state
        return ThermalState.NORMAL if self.last is None else self.ladder.suspects(self.last)

    @property
    def celsius(self) -> float | None:
        """The temperature in degrees Celsius, as far as it is known."""
        return None if self.lost else self.last

    def read(self, celsius: float, flags: tuple[ThrottleFlag, ...], now: float) -> Watch:
        """Take in a reading; a temperature that no chip can have counts as a failed one.

        Args:
            celsius: The temperature in degrees Celsius.
            flags: What the firmware tells with it.
            now: When it was measured (monotonic seconds).
        """
        if not sensible(celsius):
            return self.failed(now)
        move = self.ladder.observe(celsius, now)
        ladder = self.ladder if move is None else move.after
        return self._next(now, ladder=ladder, failures=0, last=celsius, flags=flags)

    def failed(self, now: float) -> Watch:
        """Take in that a reading failed at `now` (monotonic seconds)."""
        return self._next(now, failures=self.failures + 1)

    def on(self, bands: Mapping[ThermalState, Band], now: float) -> Watch:
        """Put other thresholds in force, and judge the last good temperature by them.

        A step that has tripped stays so where that temperature is within its new band.

        Raises:
            ValueError: The thresholds are not in the order of their steps.
        """
        ladder = self.ladder.on(bands)
        move = None if self.last is None else ladder.observe(self.last, now)
        return self._next(now, ladder=ladder if move is None else move.after)

    def _next(self, now: float, **changes: Any) -> Watch:
        after = attrs.evolve(self, **changes)
        return after if after.state is self.state else attrs.evolve(after, since=now)

"""Two thresholds and one bit: hot from the upper one on, until the lower one is reached. PURE.

Between the two nothing changes, so a temperature that trembles at a threshold switches nothing on
and off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.settings.band import sensible

if TYPE_CHECKING:
    from voicechat.settings import Band


@attrs.frozen
class Transition:
    """A change of one hysteresis.

    Attributes:
        hot: Whether it is hot now.
        celsius: The temperature that did it.
        at: When (monotonic seconds).
        after: The hysteresis from now on.
    """

    hot: bool
    celsius: float
    at: float
    after: Hysteresis


@attrs.frozen
class Hysteresis:
    """Where one step stands.

    Attributes:
        band: Its thresholds; trips at `band.trigger` and above, resets at `band.resume` and below.
        hot: Whether it has tripped.
    """

    band: Band
    hot: bool = False

    def observe(self, celsius: float, now: float) -> Transition | None:
        """Take in a temperature.

        Args:
            celsius: It, in degrees Celsius.
            now: When it was measured (monotonic seconds).

        Returns:
            The change, if it makes one.

        Raises:
            ValueError: No chip has this temperature.
        """
        if not sensible(celsius):
            raise ValueError(f"a chip cannot have {celsius:g} °C")
        turned = celsius > self.band.resume if self.hot else celsius >= self.band.trigger
        if turned == self.hot:
            return None
        return Transition(turned, celsius, now, attrs.evolve(self, hot=turned))

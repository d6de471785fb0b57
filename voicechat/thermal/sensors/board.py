"""How a Raspberry Pi 5 warms up and cools down: one heat capacity, one thermal resistance. PURE.

With C in J/K, R in K/W and the power P in W, the temperature T of the chip follows
C dT/dt = P - (T - ambient) / R. For a constant P it approaches ambient + R P, exponentially with
the time constant R C; the step below is that solution, not a difference quotient, so it does not
matter how often it is taken.

One capacity can't describe both the die, which reacts within a second, and the whole board, which
takes many minutes. The constants are fitted to the first minutes of full load, because that is what
a governor has to be fast enough for. The model is of a chip that does not protect itself: a real
one lowers its clock from 80 °C on, and more at 85 °C.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from typing import Any


def _positive(_: Any, attribute: attrs.Attribute[float], value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{attribute.name} must be above 0")


def _not_negative(_: Any, attribute: attrs.Attribute[float], value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{attribute.name} must not be below 0")


@attrs.frozen
class Board:
    """A board in a room; the defaults are a bare Raspberry Pi 5 in the heat of summer.

    Sources, all of a Raspberry Pi 5. [Q] qiita.com/j-baba/items/08475f1d066d23e188eb, in a room of
    20 °C, `stress -c 4`: bare 40.0 °C, after 1, 2, 3 min 82.3, 84.5, 86.2 (from 80 °C on it
    throttled); with the official active cooler 40.0, 55.4, 58.2, 59.8. [B] "Performance and Thermal
    Analysis of BitNet b1.58 on Raspberry Pi 5" (GitHub), inference on 4 threads, at the power plug:
    without active cooling 861 mWh in 513 s (6.0 W, throttled), with it 903 mWh in 376 s (8.6 W).
    [P] "MY Pi5 PERFORMANCE TESTS" (GitHub): 3 W idle, 7.2 W with four cores at `stress`;
    u-labs.de has 3 W idle too. [S] github.com/nschloe/stressberry issue 139: active cooler, no
    case, `stress` on four cores settles at 61 °C. A room that is not told is taken for 20 to 22 °C.

    Attributes:
        ambient: Degrees Celsius of the air.
        resistance: From the chip to the air, in K/W. 10: the board that throttles in [B], so has
            80 to 85 °C, takes 6.0 W: 9.7 to 10.5 K/W in a room of 22 °C.
        capacity: In J/K. 4: with 10 K/W and 7.2 W, 60 s lead from 40 to 80.4 °C; [Q] has 82.3.
        idle_w: What the board takes when it does nothing, in W, all made into heat. 3.0: [P].
        slot_w: What a slot in use adds, in W. 1.4: a fourth of what inference on four cores adds in
            [B], (8.6 - 3.0) / 4; `stress` adds less, 1.05 [P].
        slots: Slots in use that heat; more do not, a Pi 5 has four cores.
        other_w: What programs add that the gate knows nothing of, in W.

    Raises:
        ValueError: Some of it is impossible.
    """

    ambient: float = attrs.field(default=35.0, validator=attrs.validators.ge(-273.15))
    resistance: float = attrs.field(default=10.0, validator=_positive)
    capacity: float = attrs.field(default=4.0, validator=_positive)
    idle_w: float = attrs.field(default=3.0, validator=_not_negative)
    slot_w: float = attrs.field(default=1.4, validator=_not_negative)
    slots: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    other_w: float = attrs.field(default=0.0, validator=_not_negative)

    @property
    def time_constant(self) -> float:
        """Seconds in which a difference becomes 1/e of itself."""
        return self.resistance * self.capacity

    def power(self, busy: float) -> float:
        """All that is made into heat while `busy` slots are in use, in W."""
        return self.idle_w + self.other_w + self.slot_w * min(max(busy, 0.0), self.slots)

    def settles_at(self, busy: float) -> float:
        """The temperature that is approached while `busy` slots are in use, in degrees Celsius."""
        return self.ambient + self.resistance * self.power(busy)

    def step(self, celsius: float, busy: float, seconds: float) -> float:
        """The temperature some time later.

        Args:
            celsius: The temperature now.
            busy: How many slots are in use in that time, on average.
            seconds: That time, from 0.

        Returns:
            Degrees Celsius.
        """
        final = self.settles_at(busy)
        return final + (celsius - final) * math.exp(-seconds / self.time_constant)


BARE: Final = Board()
"""A Raspberry Pi 5 without a case, heat sink or fan."""

COOLED: Final = Board(resistance=4.3, capacity=10.0)
"""With the official active cooler at full speed, which its fan has from 75 °C on.

At 60 °C the fan has half its speed (Raspberry Pi documentation, "Raspberry Pi 5 fans"); [S] then
makes (61 - 20) / 7.2 = 5.7 K/W, with which 10 J/K fit [Q] within 2 K. Full speed is an estimate:
1.5 K/W from chip to fins stay, the 4.2 K/W from fins to air become two thirds at twice the speed.
"""

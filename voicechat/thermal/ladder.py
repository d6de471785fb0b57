"""The steps by which the machine does less as it gets hotter, and what each leaves out. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.hysteresis import Hysteresis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voicechat.settings import Band

STEPS: Final = (
    ThermalState.NO_SPECULATION,
    ThermalState.SINGLE,
    ThermalState.PHRASES,
    ThermalState.PAUSED,
)
"""Every state that can be a step, from cool to hot."""


@attrs.frozen
class Limits:
    """What the gate lets through.

    Attributes:
        slots: Inferences at once; None is as many as there normally are.
        speculation: Whether answers may be prepared before the user has finished.
        agents: Whether questions may go to agents that do more than match phrases. An answer that
            such an agent has begun is not taken from it: the slots bound the heat.
    """

    slots: int | None = None
    speculation: bool = True
    agents: bool = True


LIMITS: Final = {
    ThermalState.NORMAL: Limits(),
    ThermalState.NO_SPECULATION: Limits(speculation=False),
    ThermalState.SINGLE: Limits(slots=1, speculation=False),
    ThermalState.PHRASES: Limits(slots=1, speculation=False, agents=False),
    ThermalState.PAUSED: Limits(slots=0, speculation=False, agents=False),
}
"""What each state of a ladder leaves out."""


@attrs.frozen
class Move:
    """The ladder went from one state to another.

    Attributes:
        before: The state it left.
        celsius: The temperature that did it.
        at: When (monotonic seconds).
        after: The ladder from now on.
    """

    before: ThermalState
    celsius: float
    at: float
    after: Ladder


@attrs.frozen
class Ladder:
    """Where all steps stand.

    Attributes:
        steps: Each with its state, from cool to hot.

    Raises:
        ValueError: A step does not begin and end at higher temperatures than the one before.
    """

    steps: tuple[tuple[ThermalState, Hysteresis], ...]

    def __attrs_post_init__(self) -> None:
        if [state for state, _ in self.steps] != [s for s in STEPS if s in dict(self.steps)]:
            raise ValueError("the steps are not in the order of their states")
        for (cool, lower), (hot, upper) in zip(self.steps, self.steps[1:], strict=False):
            if not upper.band.above(lower.band):
                raise ValueError(f"{hot} ({upper.band}) must be above {cool} ({lower.band})")

    @classmethod
    def of(cls, bands: Mapping[ThermalState, Band]) -> Ladder:
        """A ladder on which nothing has tripped."""
        return cls(tuple((state, Hysteresis(bands[state])) for state in STEPS if state in bands))

    @property
    def bands(self) -> dict[ThermalState, Band]:
        """The thresholds of each step."""
        return {state: hysteresis.band for state, hysteresis in self.steps}

    @property
    def state(self) -> ThermalState:
        """The hottest step that has tripped."""
        return next(
            (state for state, hysteresis in reversed(self.steps) if hysteresis.hot),
            ThermalState.NORMAL,
        )

    def observe(self, celsius: float, now: float) -> Move | None:
        """Take in a temperature.

        Args:
            celsius: It, in degrees Celsius.
            now: When it was measured (monotonic seconds).

        Returns:
            The move to another state, if there is one.

        Raises:
            ValueError: No chip has this temperature.
        """
        steps = tuple(
            (state, hysteresis if change is None else change.after)
            for state, hysteresis in self.steps
            for change in (hysteresis.observe(celsius, now),)
        )
        after = Ladder(steps)
        # The order of the thresholds sees to it that no step trips or resets out of turn.
        return None if after.state is self.state else Move(self.state, celsius, now, after)

    def on(self, bands: Mapping[ThermalState, Band]) -> Ladder:
        """The same on other thresholds: the steps that have tripped stay so until observed again.

        Raises:
            ValueError: A step does not begin and end at higher temperatures than the one before.
        """
        steps: list[tuple[ThermalState, Hysteresis]] = []
        above = False  # a step is never hot without those before it, however new they are
        for state, step in reversed(Ladder.of(bands).steps):
            above = above or any(was is state and old.hot for was, old in self.steps)
            steps.insert(0, (state, attrs.evolve(step, hot=above)))
        return Ladder(tuple(steps))

    def suspects(self, celsius: float) -> ThermalState:
        """The hottest step that `celsius` could belong to, when it is all that is known."""
        return next(
            (state for state, step in reversed(self.steps) if celsius > step.band.resume),
            ThermalState.NORMAL,
        )

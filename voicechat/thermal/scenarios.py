"""What ``--simulate-heat`` can show: boards, rooms and scripts, by name. PURE."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.thermal.sensors.board import BARE, COOLED, Board

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class Scenario:
    """A simulated machine; either a board that the server's own work warms, or a script.

    Why `speed` can stay honest: it makes the model's clock run faster, nothing else. Conversations,
    gate and governor keep their real time, and the load is the real mean of the slots in use, so
    the gate still decides how hot it gets. What it costs is control: at a speed of 5, the governor
    sees the chip only every 5 s of its life, and a chip that gains 1 K/s overshoots by 5 K instead
    of 1. The boards here need no such factor: a bare one has a time constant of 40 s.

    Attributes:
        name: As the command line has it.
        help: What there is to see, in one sentence.
        board: The board, with its room and its other programs; None for a script.
        start_celsius: Its temperature at the beginning.
        script: Seconds and degrees Celsius, linear in between; empty for a board.
        speed: Seconds of the simulation in a second.
        crowd: How many simulated conversations make work.
        repeats: Whether the script begins anew at its end.
        fails_s: From when until when the thermometer cannot be read, in seconds; None is never.

    Raises:
        ValueError: It is both a board and a script, or neither, or its numbers are impossible.
    """

    name: str
    help: str
    board: Board | None = None
    start_celsius: float = 50.0
    script: tuple[tuple[float, float], ...] = ()
    speed: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    crowd: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    repeats: bool = False
    fails_s: tuple[float, float] | None = None

    def __attrs_post_init__(self) -> None:
        if (self.board is None) == (not self.script):
            raise ValueError(f"{self.name} must be either a board or a script")


_ALL: Final = (
    Scenario(
        name="hot-day",
        help="A bare Raspberry Pi 5 at 35 °C and eight conversations: the server slows down.",
        # 0.8 W is a media player or the like: idle, the board settles at 73 °C, below the point
        # where a pause ends; with one slot in use at 87 °C, above the point where it begins.
        board=attrs.evolve(BARE, other_w=0.8),
        start_celsius=72.0,
        crowd=8,
    ),
    Scenario(
        name="fan",
        help="The same with the official active cooler: nothing but speculation is ever left out.",
        board=attrs.evolve(COOLED, other_w=0.8),
        start_celsius=52.0,
        crowd=8,
    ),
    Scenario(
        name="spike",
        help="A script that goes through every state, up and down in 90 seconds, again and again.",
        # Made for the default ladder. Each state lasts for 8 s at least, so that slow polling sees
        # it as well.
        script=(
            (0, 60),
            (6, 60),
            (10, 77.5),
            (19, 77.5),  # no_speculation
            (22, 81.5),
            (31, 81.5),  # single
            (33, 84),
            (42, 84),  # phrases
            (45, 87),
            (50, 87),  # paused
            (54, 79.5),
            (62, 79.5),  # phrases
            (64, 77.5),
            (72, 77.5),  # single
            (75, 74),
            (83, 74),  # no_speculation
            (88, 62),
            (94, 60),
        ),
        crowd=2,
        repeats=True,
    ),
    Scenario(
        name="stuck",
        help="The thermometer fails at 78 °C after 15 seconds, and works again after 75.",
        script=((0, 78),),
        crowd=2,
        fails_s=(15, 75),
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType({each.name: each for each in _ALL})
"""All of them by name."""

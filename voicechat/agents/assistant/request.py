"""What an answer is made from: the request, the session's memory and the surroundings."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import attrs

from voicechat.agents.assistant.timers import TimerBoard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from random import Random

    from voicechat.agents.assistant.device import DeviceReadings, DeviceSnapshot
    from voicechat.agents.assistant.matcher import Understood


@attrs.frozen
class Environment:
    """The surroundings, injected so that tests decide them.

    Attributes:
        now: The local date and time, with its zone.
        random: For jokes, coins and dice.
        device: Readings of the machine.
    """

    now: Callable[[], datetime]
    random: Random
    device: DeviceReadings


@attrs.define
class Memory:
    """What one session remembers.

    Attributes:
        last_answer: For "say that again".
        last_heard: What the user said before the present request.
        timers: Those that run.
        misunderstood: How often in a row nothing was understood.
        jokes_told: Indices of jokes, so that none comes twice until all were told.
    """

    last_answer: str = ""
    last_heard: str = ""
    timers: TimerBoard = attrs.field(factory=TimerBoard)
    misunderstood: int = 0
    jokes_told: list[int] = attrs.field(factory=list)


@attrs.frozen
class Request:
    """One understood sentence with all that an answer may need; `time` is the timers' clock."""

    understood: Understood
    memory: Memory
    environment: Environment
    time: float
    device: DeviceSnapshot | None = None

    @property
    def slots(self) -> Mapping[str, Fraction | str]:
        """The slots of the sentence."""
        return self.understood.slots

    def number(self, name: str) -> Fraction:
        """The slot as a number.

        Raises:
            KeyError: The sentence has no such slot, or it holds words.
        """
        value = self.slots[name]
        if not isinstance(value, Fraction):
            raise KeyError(name)
        return value

    def word(self, name: str) -> str:
        """The slot as text; empty where the sentence has none."""
        return str(self.slots.get(name, ""))

    def readings(self) -> DeviceSnapshot:
        """The device's readings.

        Raises:
            LookupError: The intent is not marked `device: true` in its template file.
        """
        if self.device is None:
            raise LookupError(self.understood.intent)
        return self.device

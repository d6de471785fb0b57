"""What an answer is made from: the request, the session's memory and the surroundings."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import attrs

from voicechat.agents.assistant.timers import TimerBoard
from voicechat.agents.ports import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from random import Random

    from voicechat.agents.assistant.device import DeviceReadings, DeviceSnapshot
    from voicechat.agents.assistant.matcher import Understood
    from voicechat.agents.ports import Message


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
    """What one session remembers beside the conversation's own history.

    Attributes:
        timers: Those that run.
        refusals: How often in a row the recogniser rejected what was said.
    """

    timers: TimerBoard = attrs.field(factory=TimerBoard)
    refusals: int = 0


def nothing_understood(_text: str) -> Understood | None:
    """The meaning of any text where none is known."""
    return None


@attrs.frozen
class Request:
    """One understood sentence with all that an answer may need.

    Attributes:
        understood: The sentence.
        memory: Of the session; only answers of intents with a side effect may change it.
        environment: The surroundings.
        time: Seconds of the timers' clock.
        device: Readings, for intents that are about the machine.
        history: What was said before, oldest first.
        meaning: What another sentence asks for.
    """

    understood: Understood
    memory: Memory
    environment: Environment
    time: float
    device: DeviceSnapshot | None = None
    history: tuple[Message, ...] = ()
    meaning: Callable[[str], Understood | None] = nothing_understood

    def answers(self) -> tuple[str, ...]:
        """What was answered before, in full, the newest last."""
        return tuple(said.whole for said in self.history if said.role is Role.ASSISTANT)

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

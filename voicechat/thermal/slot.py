"""What whoever computes holds, and how it is given back: at checkpoints, and while one waits.

Slots keep no books: the gate does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self, TypeVar

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from voicechat.thermal.gate import InferenceGate

T = TypeVar("T")


class Kind(StrEnum):
    """What computes."""

    STT = "stt"
    TTS = "tts"
    AGENT = "agent"
    """With its tools."""


@attrs.define(eq=False)
class Owner:
    """Whose work it is, and so what is needed to ask for a slot.

    Attributes:
        gate: Hands out the slots.
        name: For people who look for what holds a slot.
        speculative: Whether nobody waits for the work yet; only `settle` changes it.
        on_wait: Told when a slot begins to wait for the machine to cool down (True), and when that
            is over (False); the calls come in pairs.
    """

    gate: InferenceGate
    name: str
    speculative: bool = False
    on_wait: Callable[[bool], None] = lambda _: None

    def slot(self, kind: Kind) -> Slot:
        """A slot of the gate, held inside its ``async with`` block."""
        return self.gate.slot(kind, self)

    def settle(self) -> None:
        """It is speculation no longer: somebody waits for it."""
        if self.speculative:
            self.speculative = False
            self.gate.reconsider()


class Slot:
    """The right to compute, while it is held; made by `InferenceGate.slot`.

    Tasks that work on one answer may share it: while it is not held, all of them wait.

    Attributes:
        kind: What computes.
        owner: For whom.
        held: Whether it may compute just now.
        begun: Whether it was ever held.
        place: Its place in the queue: the smaller, the sooner.
        since: When it began to wait, or was given (monotonic seconds).
        waited: How long it had waited when it was given, in seconds.
        granted: Wakes it, while it waits.
        told: Whether its owner knows that it waits for the machine to cool down.
        absences: Blocks of `away` that are open.
    """

    def __init__(self, gate: InferenceGate, kind: Kind, owner: Owner) -> None:
        self.kind: Final = kind
        self.owner: Final = owner
        self.held = False
        self.begun = False
        self.place = (0.0, 0)
        self.since = 0.0
        self.waited = 0.0
        self.granted: trio.Event | None = None
        self.told = False
        self.absences = 0
        self._gate = gate

    async def __aenter__(self) -> Self:
        """Wait for a slot."""
        try:
            await self._gate.acquire(self)
        except BaseException:  # cancelled
            if self.held:  # in the moment in which it was given: nobody else would give it back
                self._gate.release(self)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give it back; not a checkpoint, so that what was made is not lost."""
        if self.held:
            self._gate.release(self)

    async def checkpoint(self) -> None:
        """Between two tokens, sentences or chunks: give way if somebody or the heat asks for it.

        Inside a block of `away` it is only a checkpoint of Trio. A slot that was lost with an
        exception, which somebody has caught, is waited for again.

        Whoever was stopped by heat keeps its place in the queue; whoever gave way to others goes to
        its end.
        """
        if self.held and self._gate.too_hot_for(self):
            self._gate.release(self)
            await self._gate.acquire(self, in_its_place=True)
        elif self.held and self._gate.wanted(self):
            self._gate.release(self)
            await self._gate.acquire(self)
        else:
            await trio.lowlevel.checkpoint()
        await self.regain()

    async def send(self, channel: trio.MemorySendChannel[T], item: T) -> None:
        """Send an item; the slot is given back while the channel has no room. No checkpoint.

        Raises:
            trio.BrokenResourceError: As the channel does.
        """
        try:
            channel.send_nowait(item)
        except trio.WouldBlock:
            async with self.away():
                await channel.send(item)

    def away(self) -> Away:
        """Give the slot back inside an ``async with`` block, while something else is waited for.

        Blocks may be nested. After an exception the slot is not taken again before the next
        checkpoint: most likely its own block is about to end.
        """
        return Away(self._gate, self)

    async def regain(self) -> None:
        """Wait for the slot if it is not held and should be; else this is no checkpoint."""
        while not (self.held or self.absences):
            if self.granted is not None and self._gate.queues(self):  # by another task
                await self.granted.wait()
            else:
                await self._gate.acquire(self)


@attrs.define
class Away:
    """The time in which the holder of a slot does not compute."""

    _gate: InferenceGate
    _slot: Slot

    async def __aenter__(self) -> None:
        """Give the slot back; not a checkpoint."""
        self._slot.absences += 1
        if self._slot.held:
            self._gate.release(self._slot)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for a slot again, unless all is over."""
        self._slot.absences -= 1
        if error is None:
            await self._slot.regain()

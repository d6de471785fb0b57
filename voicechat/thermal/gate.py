"""The one door to all inference: whoever computes holds a slot, and gives it back when told to.

A slot is held only while an engine really works. Whoever waits for a client, a user or another
stage gives it back for that time (`Slot.away`), so that two stages of one answer never wait for
each other, and so that occupied slots measure the heat that is made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self, TypeVar

import attrs
import trio

from voicechat.thermal.ladder import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")

_TURN_S: Final = 0.25
"""How long a holder may go on at its checkpoints while others of its rank wait."""
_OVERDUE_S: Final = 1.0
"""An agent that has waited so long ranks with those who work in real time."""


class Kind(StrEnum):
    """What computes."""

    STT = "stt"
    TTS = "tts"
    AGENT = "agent"
    """An agent that does more than match phrases, with its tools."""
    PHRASES = "phrases"
    """An agent that matches phrases."""


_REAL_TIME: Final = frozenset({Kind.STT, Kind.TTS})


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


class InferenceGate:
    """Hands out slots: first come, first served, but interactive work before speculative work.

    Recognisers and synthesisers, which work in real time, go before agents that have not waited
    for long. A holder gives way at its next checkpoint: to heat, to work that ranks higher, and
    after a quarter of a second to work of its own rank.

    Args:
        slots: Inferences at once while the machine is cool.
    """

    def __init__(self, slots: int) -> None:
        self.slots: Final = slots
        self._limits = Limits()
        self._limiter = trio.CapacityLimiter(slots)
        self._waiting: list[Slot] = []  # few, so the next one is looked for when it is needed
        self._tickets = 0
        self._busy_s = 0.0
        self._counted_at = 0.0

    # -- what is known about it ----------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        """What is let through; changed by `limit`."""
        return self._limits

    @property
    def occupied(self) -> int:
        """Slots that are held."""
        return self._limiter.borrowed_tokens

    @property
    def waiting(self) -> int:
        """Slots that are waited for."""
        return len(self._waiting)

    @property
    def busy_s(self) -> float:
        """Seconds that slots were held, all together: it grows by up to `slots` a second."""
        self._count()
        return self._busy_s

    # -- what happens to it --------------------------------------------------------------------

    def slot(self, kind: Kind, owner: Owner) -> Slot:
        """A slot, held inside its ``async with`` block."""
        return Slot(self, kind, owner)

    def limit(self, limits: Limits) -> None:
        """Let through less, or more, from now on: holders notice at their next checkpoint."""
        self._count()
        self._limits = limits
        self._limiter.total_tokens = (
            self.slots if limits.slots is None else min(self.slots, limits.slots)
        )
        self.reconsider()

    def reconsider(self) -> None:
        """Who may have a slot has changed: hand out, and tell who has to wait."""
        self._serve()
        for slot in self._waiting:
            self._tell(slot)

    # -- for slots alone -----------------------------------------------------------------------

    async def acquire(self, slot: Slot, *, in_its_place: bool = False) -> None:
        """Wait for the turn of a slot that is not held.

        Args:
            slot: It.
            in_its_place: Whether it goes back to its old place in the queue, not to the end.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not in_its_place:
            self._tickets += 1
            slot.ticket = self._tickets
        slot.since, slot.granted = trio.current_time(), None
        self._waiting.append(slot)
        self._serve()
        if slot.held:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        slot.granted = trio.Event()
        try:
            self._tell(slot)
            await slot.granted.wait()
        except BaseException:  # cancelled
            if self.queues(slot):
                self._waiting.remove(slot)
            else:  # served in the same moment: nobody else would give it back
                self.release(slot)
            raise
        finally:
            self._untell(slot)

    def release(self, slot: Slot) -> None:
        """The slot is free for others."""
        self._count()
        slot.held = False
        self._limiter.release_on_behalf_of(slot)
        self._serve()

    def queues(self, slot: Slot) -> bool:
        """Whether the slot is waited for."""
        return slot in self._waiting

    def too_hot_for(self, slot: Slot) -> bool:
        """Whether heat takes away a slot that is held."""
        return self._limiter.borrowed_tokens > self._limiter.total_tokens or not self._admits(slot)

    def wanted(self, slot: Slot) -> bool:
        """Whether it is another's turn to hold this slot."""
        if not self._waiting:
            return False
        now = trio.current_time()
        following = self._next(now)
        if following is None:
            return False
        theirs, ours = _rank(following, now), _rank(slot, slot.since)
        return theirs < ours or (theirs == ours and now - slot.since >= _TURN_S)

    # -- inside --------------------------------------------------------------------------------

    def _admits(self, slot: Slot) -> bool:
        if slot.owner.speculative and not self._limits.speculation:
            return False
        return self._limits.agents or slot.kind is not Kind.AGENT

    def _next(self, now: float) -> Slot | None:
        """Who gets the next slot."""
        return min(
            (slot for slot in self._waiting if self._admits(slot)),
            key=lambda slot: (_rank(slot, now), slot.ticket),
            default=None,
        )

    def _serve(self) -> None:
        """Hand out what is free."""
        now = trio.current_time()
        while self._waiting and self._limiter.available_tokens > 0:
            slot = self._next(now)
            if slot is None:
                return
            self._count()
            self._waiting.remove(slot)
            self._limiter.acquire_on_behalf_of_nowait(slot)
            slot.held, slot.since = True, now
            if slot.granted is not None:
                slot.granted.set()

    def _tell(self, slot: Slot) -> None:
        """Tell the owner of a waiting slot that it is the heat, if it is and somebody waits."""
        hot = self._limits.restricted and not slot.owner.speculative
        if hot and not slot.told:
            slot.told = True
            slot.owner.on_wait(True)
        elif not hot:
            self._untell(slot)

    def _untell(self, slot: Slot) -> None:
        if slot.told:
            slot.told = False
            slot.owner.on_wait(False)

    def _count(self) -> None:
        now = trio.current_time()
        self._busy_s += self._limiter.borrowed_tokens * (now - self._counted_at)
        self._counted_at = now


class Slot:
    """The right to compute, while it is held; made by `InferenceGate.slot`, used by one task.

    Attributes:
        kind: What computes.
        owner: For whom.
        held: Whether it may compute just now.
        ticket: Its place in the queue.
        since: When it began to wait, or was given (monotonic seconds).
        granted: Wakes it, while it waits.
        told: Whether its owner knows that it waits for the machine to cool down.
        absences: Blocks of `away` that are open.
    """

    def __init__(self, gate: InferenceGate, kind: Kind, owner: Owner) -> None:
        self.kind: Final = kind
        self.owner: Final = owner
        self.held = False
        self.ticket = 0
        self.since = 0.0
        self.granted: trio.Event | None = None
        self.told = False
        self.absences = 0
        self._gate = gate

    async def __aenter__(self) -> Self:
        """Wait for a slot."""
        await self._gate.acquire(self)
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
        if not self.held:
            await self.regain()
            await trio.lowlevel.checkpoint()
        elif self._gate.too_hot_for(self):
            self._gate.release(self)
            await self._gate.acquire(self, in_its_place=True)
        elif self._gate.wanted(self):
            self._gate.release(self)
            await self._gate.acquire(self)
        else:
            await trio.lowlevel.checkpoint()

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
        if not (self.held or self.absences or self._gate.queues(self)):
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


def _rank(slot: Slot, now: float) -> int:
    """Whose turn it is: the smaller, the sooner."""
    if slot.owner.speculative:
        return 2
    return 0 if slot.kind in _REAL_TIME or now - slot.since >= _OVERDUE_S else 1

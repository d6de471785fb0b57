"""The one door to all inference: whoever computes holds a slot, and gives it back when told to.

A slot is held only while an engine really works. Whoever waits for a client, a user or another
stage gives it back for that time (`Slot.away`), so that two stages of one answer never wait for
each other, and so that occupied slots measure the heat that is made.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from voicechat.thermal.ladder import Limits
from voicechat.thermal.slot import Kind, Owner, Slot

_TURN_S: Final = 0.25
"""How long a holder may go on at its checkpoints while others of its rank wait."""
_PATIENCE_S: Final = 1.0
"""How long an agent in the middle of an answer lets pass those who work in real time."""
_STRAIN_S: Final = 120.0
"""How long what has gathered during a restriction may take to be worked off."""


class InferenceGate:
    """Hands out slots: first come, first served, but interactive work before speculative work.

    Recognisers and synthesisers, which work in real time, and agents that begin go before agents in
    the middle of an answer that have not waited for long. A holder gives way at its next
    checkpoint: to heat, to work that ranks higher, and after a quarter of a second to work of its
    own rank. Agents, which may compute for seconds without a checkpoint, never hold all slots,
    unless there is only one.

    Args:
        slots: Inferences at once while the machine is cool.
    """

    def __init__(self, slots: int) -> None:
        self.slots: Final = slots
        self._limits = Limits()
        self._limiter = trio.CapacityLimiter(slots)
        self._waiting: list[Slot] = []  # few, so the next one is looked for when it is needed
        self._tickets = 0
        self._agents = 0  # slots that agents hold
        self._eased_at = -math.inf  # the last end of a restriction
        self._busy_s = 0.0
        self._counted_at = 0.0

    # -- what is known about it ----------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        """What is let through; changed by `limit`."""
        return self._limits

    @property
    def restricted(self) -> bool:
        """Whether heat can hold up work that somebody waits for."""
        return self._limiter.total_tokens < self.slots

    @property
    def strained(self) -> bool:
        """Whether it is restricted, or was until so lately that much may have to be caught up."""
        return self.restricted or trio.current_time() - self._eased_at < _STRAIN_S

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
        was_restricted = self.restricted
        self._limits = limits
        self._limiter.total_tokens = (
            self.slots if limits.slots is None else min(self.slots, limits.slots)
        )
        if was_restricted and not self.restricted:
            self._eased_at = trio.current_time()
        self.reconsider()

    def reconsider(self) -> None:
        """Who may have a slot has changed: hand out, and tell who has to wait."""
        self._serve()
        for slot in self._waiting:
            self._tell(slot)

    # -- for slots alone -----------------------------------------------------------------------

    async def acquire(self, slot: Slot, *, in_its_place: bool = False) -> None:
        """Wait for the turn of a slot that is neither held nor waited for.

        When it is cancelled in the moment in which it is its turn, the slot is held.

        Args:
            slot: It.
            in_its_place: Whether it goes back to its old place in the queue, not to the end.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not in_its_place:
            self._tickets += 1
            slot.place = trio.current_time() + _patience(slot), self._tickets
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
                slot.granted.set()  # other tasks that wait for it have to queue for themselves
            raise
        finally:
            self._untell(slot)

    def release(self, slot: Slot) -> None:
        """The slot is free for others."""
        self._count()
        slot.held = False
        self._agents -= slot.kind is Kind.AGENT
        self._limiter.release_on_behalf_of(slot)
        self._serve()

    def queues(self, slot: Slot) -> bool:
        """Whether the slot is waited for."""
        return slot in self._waiting

    def too_hot_for(self, slot: Slot) -> bool:
        """Whether heat takes away a slot that is held."""
        return (
            self._limiter.borrowed_tokens > self._limiter.total_tokens
            or not self._admits(slot)
            or (slot.kind is Kind.AGENT and self._agents > self._most_agents)
        )

    def wanted(self, slot: Slot) -> bool:
        """Whether it is another's turn to hold this slot."""
        if not self._waiting:
            return False
        now = trio.current_time()
        following = self._next(now, self._agents - (slot.kind is Kind.AGENT))
        if following is None:
            return False
        theirs = _rank(following, now - following.since)
        if now - slot.since < _TURN_S:
            return theirs < _rank(slot, slot.waited)
        return theirs <= _rank(slot, 0.0)

    # -- inside --------------------------------------------------------------------------------

    def _admits(self, slot: Slot) -> bool:
        return self._limits.speculation or not slot.owner.speculative

    @property
    def _most_agents(self) -> int:
        """Slots that agents may hold: others have one that no agent holds up."""
        slots = int(self._limiter.total_tokens)
        return slots - 1 if slots > 1 else slots

    def _next(self, now: float, agents: int) -> Slot | None:
        """Who gets the next slot, if agents hold so many of the others."""
        room = agents < self._most_agents
        return min(
            (
                slot
                for slot in self._waiting
                if (room or slot.kind is not Kind.AGENT) and self._admits(slot)
            ),
            key=lambda slot: (_rank(slot, now - slot.since), slot.place),
            default=None,
        )

    def _serve(self) -> None:
        """Hand out what is free."""
        now = trio.current_time()
        while self._waiting and self._limiter.available_tokens > 0:
            slot = self._next(now, self._agents)
            if slot is None:
                return
            self._count()
            self._waiting.remove(slot)
            self._limiter.acquire_on_behalf_of_nowait(slot)
            self._agents += slot.kind is Kind.AGENT
            slot.held = slot.begun = True
            slot.waited, slot.since = now - slot.since, now
            if slot.granted is not None:
                slot.granted.set()

    def _tell(self, slot: Slot) -> None:
        """Tell the owner of a waiting slot that it is the heat, if it is and somebody waits."""
        hot = self.restricted and not slot.owner.speculative
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


def _patience(slot: Slot) -> float:
    """Seconds for which it lets pass those who work in real time.

    None of an agent that begins: its answer may be a short one, and the sooner begun the better.
    """
    return _PATIENCE_S if slot.kind is Kind.AGENT and slot.begun else 0.0


def _rank(slot: Slot, waited: float) -> int:
    """Whose turn it is after so many seconds: the smaller, the sooner."""
    if slot.owner.speculative:
        return 2
    return 1 if waited < _patience(slot) else 0

"""Events on their way to the user of a client, bounded: who does not read holds up the server."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import trio

from voicechat.client.events import StateChanged

if TYPE_CHECKING:
    from voicechat.client.events import Event

MOST: Final = 256
"""With so many unread events the client reads no more from its socket."""


class Deliveries:
    """An iterator over events; one task puts, one task takes.

    Attributes:
        seq: The number in its session of the event that was taken last; None if it has none.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Event, int | None]] = deque()
        self._some = trio.Event()
        self._room = trio.Event()
        self._ended = False
        self.seq: int | None = None

    def __aiter__(self) -> Deliveries:
        return self

    async def __anext__(self) -> Event:
        """The next event."""
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._some = trio.Event()
            await self._some.wait()
        event, self.seq = self._waiting.popleft()
        if not self.full:
            self._room.set()
        return event

    @property
    def full(self) -> bool:
        """Whether the user has to read before more may come."""
        return len(self._waiting) >= MOST

    async def room(self) -> None:
        """Wait until there is room."""
        while self.full:
            self._room = trio.Event()
            await self._room.wait()

    def put(self, event: Event, seq: int | None = None) -> None:
        """Add an event; of states that nobody has read only the newest counts."""
        if self._waiting and isinstance(event, StateChanged):
            last, _ = self._waiting[-1]
            if isinstance(last, StateChanged):
                self._waiting.pop()
        self._waiting.append((event, seq))
        self._some.set()

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._some.set()

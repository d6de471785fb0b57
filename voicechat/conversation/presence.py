"""Whether the client of a session is there: who is away plays nothing and says nothing.

So nobody may take its silence for a fault, or for the end of what it was saying.
"""

from __future__ import annotations

import trio


class Presence:
    """Of one client; it is there until it goes."""

    def __init__(self) -> None:
        self._there = trio.Event()
        self._there.set()
        self._changes = 0
        self._left = False
        self._gives_signs = False
        self._awaited: trio.Event | None = None  # a sign of life, or a change

    @property
    def there(self) -> bool:
        """Whether it is."""
        return self._there.is_set()

    def comes(self) -> None:
        """It is there, or here again: perhaps on another connection, and the last was dead."""
        self._changes += 1
        self._there.set()
        self._wake()

    def goes(self) -> None:
        """It has gone, perhaps for a moment."""
        if self._there.is_set():
            self._changes += 1
            self._there = trio.Event()
            self._wake()

    def sign(self) -> None:
        """It has said something, whatever: its network is not dead."""
        self._gives_signs = True
        self._wake()

    def leaves(self) -> None:
        """It will not be back in time: nobody need wait for it any more."""
        self._left = True
        self.comes()

    async def back(self) -> None:
        """Wait until it is there."""
        await self._there.wait()

    async def does(self, event: trio.Event, patience_s: float) -> bool:
        """Wait for something that only the client can do.

        A network that died without a word is noticed late; so a client that gives signs of life is
        taken to be there only when it gives one after the time is over.

        Returns:
            False when it was there for `patience_s` seconds and did not do it, or has left.
        """
        while True:
            await self.back()
            if self._left:
                return False
            changes = self._changes
            with trio.move_on_after(patience_s):
                await event.wait()
                return True
            if self._gives_signs and self._changes == changes:
                self._awaited = self._awaited or trio.Event()
                await self._awaited.wait()
                if event.is_set():
                    return True
            if self._changes == changes:
                return False

    def _wake(self) -> None:
        if self._awaited is not None:
            self._awaited.set()
            self._awaited = None

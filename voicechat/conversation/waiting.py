"""Which turn is next: what users ask before what the assistant wants to say by itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import trio

from voicechat.errors import ErrorCode, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.turn import TurnRequest
    from voicechat.protocol.messages.conversation import StopReason

_QUEUED_TURNS = 16


class Waiting:
    """Requests that wait for their turn. Whoever fills it sees to its bound.

    Attributes:
        floor_taken: Whether somebody speaks: the assistant does not begin by itself then.
    """

    def __init__(self) -> None:
        self._asked: deque[TurnRequest] = deque()
        self._announced: deque[TurnRequest] = deque()
        self._changed = trio.Event()
        self._last_number = 0
        self._floor_taken = False

    @property
    def floor_taken(self) -> bool:
        """Whether somebody speaks: the assistant does not begin by itself then."""
        return self._floor_taken

    @floor_taken.setter
    def floor_taken(self, taken: bool) -> None:
        self._floor_taken = taken
        self.change()

    @property
    def certain(self) -> int:
        """How many users' requests wait, drafts not counted."""
        return sum(request.released.is_set() for request in self._asked)

    @property
    def asked(self) -> int:
        """How many users' requests wait, drafts too."""
        return len(self._asked)

    def check_room(self) -> None:
        """Whether one more may be asked.

        Raises:
            ProtocolError: With code `backpressure`.
        """
        if self.certain >= _QUEUED_TURNS:
            raise ProtocolError(
                "Too many messages wait for an answer.",
                suggested_action="Wait for an answer before you send more.",
                code=ErrorCode.BACKPRESSURE,
            )

    def number_from(self, last: int) -> None:
        """The turns up to this number were there before."""
        self._last_number = last

    def number(self) -> int:
        """A number for a new turn."""
        self._last_number += 1
        return self._last_number

    def ask(self, request: TurnRequest) -> None:
        """A user's request, or a draft of one, waits for its turn."""
        self._asked.append(request)
        self.change()

    def stop(self, turn: int, reason: StopReason) -> None:
        """A turn that waits is stopped before it begins."""
        for request in self._asked:
            if request.turn == turn:
                request.stopped = reason

    def drop_drafts(self) -> None:
        """Something certain comes: drafts are of no use any more."""
        for request in self._asked:
            request.withdrawn = not request.released.is_set()

    def announce(self, request: TurnRequest) -> None:
        """Something that the assistant wants to say by itself waits for silence, or comes next."""
        if request.urgent:
            self._announced.appendleft(request)
        else:
            self._announced.append(request)
        self.change()

    def forget(self, announcement: TurnRequest) -> None:
        """It need not be said any more; if it has begun already, nothing happens."""
        if announcement in self._announced:
            self._announced.remove(announcement)
            self.change()

    def drop_announcements(self) -> None:
        """They are not said any more."""
        while self._announced:
            self._announced.popleft().done.set()

    async def next(self) -> TurnRequest:
        """Wait for a request whose turn it is."""
        while True:
            while self._asked:
                request = self._asked.popleft()
                if not request.withdrawn:
                    return request
            if self._announced and (self._announced[0].urgent or not self._floor_taken):
                request = self._announced.popleft()
                request.turn = self.number()
                request.released.set()
                self.change()  # who asks will find it running, and not here
                return request
            await self._changed.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that can become true only with a `change`."""
        while not condition():
            await self._changed.wait()

    def change(self) -> None:
        """Something has changed for those who wait."""
        self._changed.set()
        self._changed = trio.Event()

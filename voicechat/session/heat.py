"""Tells the client of one session how hot the machine is, and that its work waits because of that.

Many things change at once and a client may be slow, so only the newest is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import trio

from voicechat.conversation.notice import WORDS
from voicechat.protocol.messages.thermal import TemperatureSample, Thermal, ThermalState
from voicechat.thermal.words import words_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from voicechat.conversation.emit import Emit
    from voicechat.thermal.status import Sample, Status

_AGAIN_S: Final = 2.0
"""A notice that was interrupted is tried again so much later, if it is still true."""
_NOTICEABLE_S: Final = 0.5
"""A wait that is shorter is not worth a word; nor is a gap between two waits."""


class Climate(Protocol):
    """Knows how hot it is: the governor."""

    @property
    def history(self) -> tuple[Sample, ...]:
        """The last minutes, oldest first."""
        ...

    def follow(self) -> AbstractContextManager[trio.MemoryReceiveChannel[Status]]:
        """The status now and at each change, the newest alone for who is slow."""
        ...


class Heat:
    """What one session is told.

    Args:
        climate: Knows how hot it is.
        emit: Reaches the client.
        say: Says by voice that the machine has to cool down; returns whether it was heard out.
    """

    def __init__(self, climate: Climate, emit: Emit, say: Callable[[], Awaitable[bool]]) -> None:
        self._climate: Final = climate
        self._emit: Final = emit
        self._say: Final = say
        self._waits = 0
        self._status: Status | None = None
        self._waiting = False
        self._said = False  # of the pause that there is
        self._greeted = False
        self._news = _Signal()
        self._status_changed = _Signal()
        self._waits_changed = _Signal()

    def on_wait(self, begins: bool) -> None:  # noqa: FBT001  (the gate has one argument)
        """Work of the session begins to wait for the machine to cool down, or does so no more."""
        self._waits += 1 if begins else -1
        self._waits_changed.set()

    def greet(self) -> None:
        """A client has come that may know nothing yet."""
        self._greeted = False
        self._news.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell)
            nursery.start_soon(self._watch_waits)
            with self._climate.follow() as changes:
                async for self._status in changes:
                    self._said = self._said and self._paused
                    self._status_changed.set()
                    self._news.set()

    async def _tell(self) -> None:
        told: tuple[Status, bool] | None = None
        while True:
            await self._news.wait()
            if self._status is None:
                continue
            message = self._message(self._status, with_history=not self._greeted)
            news = (self._status, message.waiting)
            if not self._greeted or told is None or told[0] is not news[0] or told[1] != news[1]:
                told, self._greeted = news, True
                await self._emit(message)

    def _message(self, status: Status, *, with_history: bool) -> Thermal:
        now = trio.current_time()
        waiting = self._waiting and self._waits > 0
        samples = self._climate.history if with_history else ()
        return Thermal(
            status.state,
            None if status.celsius is None else round(status.celsius, 1),
            round(now - status.since, 1),
            waiting,
            WORDS if waiting and self._paused else words_for(status),
            status.sensor,
            status.flags,
            tuple(
                TemperatureSample(round(now - sample.at, 1), round(sample.celsius, 1))
                for sample in samples
            ),
        )

    @property
    def _paused(self) -> bool:
        return self._status is not None and self._status.limited_to is ThermalState.PAUSED

    async def _watch_waits(self) -> None:
        while True:
            await self._until(waits=True)
            async with trio.open_nursery() as nursery:
                self._waiting = True
                self._news.set()
                nursery.start_soon(self._speak_of_pauses)
                await self._until(waits=False)
                self._waiting = False
                self._news.set()
                nursery.cancel_scope.cancel()  # what could not be said by now is no longer true

    async def _speak_of_pauses(self) -> None:
        """Speak once of each pause; it may also begin in the middle of a wait."""
        while True:
            while self._said or not self._paused:
                await self._status_changed.wait()
            self._said = await self._say()
            if not self._said:  # interrupted
                await trio.sleep(_AGAIN_S)

    async def _until(self, *, waits: bool) -> None:
        """Until work waits, or does not, for so long that it is worth a word."""
        while True:
            while (self._waits > 0) != waits:
                await self._waits_changed.wait()
            with trio.move_on_after(_NOTICEABLE_S):
                while (self._waits > 0) == waits:
                    await self._waits_changed.wait()
            if (self._waits > 0) == waits:
                return
            self._news.set()  # it may have been told in the meantime


class _Signal:
    """Something has happened since it was last waited for; for one waiter."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event = trio.Event()

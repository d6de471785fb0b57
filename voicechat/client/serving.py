"""One socket of a client, from its opening to its end: one reader, one writer, one watch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.client.state import LOST
from voicechat.errors import ProtocolError
from voicechat.gateway.websocket import Closed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.client.delivery import Deliveries
    from voicechat.client.events import Event
    from voicechat.client.link import Link
    from voicechat.gateway.websocket import WebSocket

log = structlog.get_logger()


class Serving:
    """Does with a socket what the link decides.

    Args:
        ws: The socket.
        link: Decides; knows that the socket is open.
        deliveries: Has room, or the server has to wait.
        tell: Takes what the user is told.
    """

    def __init__(
        self,
        ws: WebSocket,
        link: Link,
        deliveries: Deliveries,
        tell: Callable[[Event, int | None], None],
    ) -> None:
        self._ws = ws
        self._link = link
        self._deliveries = deliveries
        self._tell = tell
        self._work = trio.Event()
        self._code = LOST
        self._leaving = False

    async def run(self) -> int:
        """Read, write and watch until the end; its close code."""
        async with trio.open_nursery() as nursery:
            for task in (self._read, self._write, self._watch):
                nursery.start_soon(self._until_closed, task, nursery.cancel_scope)
        return self._code if self._link.hang_up is None else self._link.hang_up

    def work(self) -> None:
        """There may be something to write."""
        self._work.set()

    def leave(self) -> None:
        """End as soon as all is written."""
        self._leaving = True
        self._work.set()

    async def _until_closed(
        self, task: Callable[[], Awaitable[None]], everything: trio.CancelScope
    ) -> None:
        try:
            await task()
        except Closed as closed:
            self._code = closed.code if self._code == LOST else self._code
        everything.cancel()

    async def _read(self) -> None:
        while self._link.hang_up is None:
            await self._deliveries.room()
            data = await self._ws.receive()
            try:
                told = self._link.heard(data, trio.current_time())
            except ProtocolError as error:  # of a newer server, perhaps
                log.warning("not understood", reason=error.message)
                continue
            for event, seq in told:
                self._tell(event, seq)
            self._work.set()

    async def _write(self) -> None:
        while True:
            data = self._link.next(trio.current_time())
            if data is not None:
                await self._ws.send(data)
                continue
            if self._leaving:
                return
            self._work = trio.Event()
            at = self._link.ack_at
            with trio.move_on_at(math.inf if at is None else at):
                await self._work.wait()

    async def _watch(self) -> None:
        """Drop a server that gives no sign of life."""
        while True:
            await trio.sleep_until(self._link.beat_at)
            if not self._link.beat(trio.current_time(), listening=not self._deliveries.full):
                log.info("the server vanished")
                self._ws.drop()
                return
            self._work.set()

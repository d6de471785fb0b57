"""What a session has for its client: bounded, in order, kept until the client has it.

A message that acknowledges something waits here until that is on disk, and so does what comes after
it; nobody else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.session.outbox import Item, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.session.outbox import Entry

__all__ = ["Item", "Outgoing"]


class Outgoing:
    """The session sends; a connection takes, or whoever stands for one receives.

    Args:
        box: Decides what is kept.
        on_sent: Told of each item that is really in it, in the order of the items.
        keep: Makes an item durable; returns whether `on_kept`, its second argument, has been or
            will be called: with False when it is not kept yet, with True when it is.
    """

    def __init__(
        self,
        box: Outbox,
        on_sent: Callable[[Item], None],
        keep: Callable[[Item, Callable[[bool], None]], bool] = lambda *_: False,
    ) -> None:
        self.box = box
        self.wake: Callable[[], None] = _nobody
        self._on_sent = on_sent
        self._keep = keep
        self._kept_late: set[int] = set()  # numbers of items that are not on disk yet
        self._sending = trio.Lock()
        self._room = trio.Event()
        self._news = trio.Event()
        self._closed = False

    # -- the session ---------------------------------------------------------------------------

    async def send(self, item: Item) -> None:
        """Put an item in; waits while there is no room. When it is cancelled, nothing was put in.

        There is room when the client takes, plays or acknowledges something, and at the latest when
        enough of the speech that waits is too old.

        Raises:
            trio.ClosedResourceError: The session has ended.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.box.has_room and not self._sending.locked():
            self.post(item)
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        async with self._sending:  # nobody overtakes
            while not self.box.has_room and not self._closed:
                with trio.move_on_at(self.box.room_at()):
                    await self._room.wait()
                self.box.make_room(trio.current_time())
            self.post(item)

    def post(self, item: Item, keep: Callable[[Callable[[bool], None]], bool] | None = None) -> int:
        """Put an item in at once, also where there is no room: for answers to what a client says.

        Args:
            item: What.
            keep: Makes durable what the item acknowledges, instead of the item itself.

        Returns:
            Its number.

        Raises:
            trio.ClosedResourceError: The session has ended.
        """
        if self._closed:
            raise trio.ClosedResourceError
        had_room = self.box.has_room
        entry = self.box.put(item, trio.current_time())
        if not had_room:
            self._free()  # what was too old has made room
        seq = entry.seq

        def on_kept(_: bool) -> None:  # noqa: FBT001  (the scribe has one argument)
            self._kept_late.discard(seq)  # it leaves, also when it is not kept yet
            self._tell()

        self._on_sent(item)
        self._kept_late.add(seq)  # before: where the disk fails for long, the answer is there now
        if not (keep(on_kept) if keep is not None else self._keep(item, on_kept)):
            self._kept_late.discard(seq)
        self._tell()
        return seq

    def close(self) -> None:
        """Nothing follows; what is in it can still be taken."""
        self._closed = True
        self._free()
        self._tell()

    # -- the client ----------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing follows, and everything has been taken."""
        return self._closed and self.box.peek() is None

    def take(self) -> Entry | None:
        """The next item that may leave; None if there is none just now."""
        entry = self.box.peek()
        if entry is None or entry.seq in self._kept_late:
            return None
        self.box.take()
        self._free()
        return entry

    def ack(self, seq: int) -> None:
        """The client has everything up to this number.

        Raises:
            ProtocolError: It was never sent.
        """
        self.box.ack(seq)
        self._free()

    def played(self, turn: int, samples: int, *, done: bool) -> None:
        """The client has heard so much of a turn; with `done` it plays no more of it."""
        if done:
            self.box.silence(turn)
        else:
            self.box.played(turn, samples)
        self._free()

    def silence(self, turn: int) -> None:
        """The speech of a turn is wanted no more."""
        self.box.silence(turn)
        self._free()

    def check(self) -> None:
        """Whether the client takes what it is sent.

        Raises:
            ProtocolError: Far too much waits for it.
        """
        if self.box.overfull:
            raise ProtocolError(
                "This client does not take or acknowledge what it is sent.",
                suggested_action="Read from the connection, and acknowledge what was read.",
                code=ErrorCode.BACKPRESSURE,
            )

    async def entry(self) -> Entry:
        """Wait for the next item, for who stands for a connection.

        Raises:
            trio.EndOfChannel: The session has ended and everything has been taken.
        """
        while True:
            if (entry := self.take()) is not None:
                await trio.lowlevel.checkpoint()
                return entry
            if self.over:
                raise trio.EndOfChannel
            await self._news.wait()

    async def receive(self) -> Item:
        """The next item; errors as `entry`."""
        return (await self.entry()).item

    def __aiter__(self) -> Outgoing:
        return self

    async def __anext__(self) -> Item:
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    # -- inside --------------------------------------------------------------------------------

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()
        self.wake()

    def _free(self) -> None:
        if self.box.has_room or self._closed:
            self._room.set()
            self._room = trio.Event()


def _nobody() -> None:
    """No connection takes anything."""

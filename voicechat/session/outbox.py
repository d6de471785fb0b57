"""What a session has for its client: bounded, in order, and told to whoever follows the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.base import ServerMessage

if TYPE_CHECKING:
    from collections.abc import Callable

Item = ServerMessage | AudioFrame

ITEMS = 256
"""Messages and frames that wait for a slow client; about 10 s of speech."""


class Outbox:
    """The session sends; the connection receives from `items`.

    Args:
        on_sent: Told of each item that is really in it, in the order of the items.
    """

    def __init__(self, on_sent: Callable[[Item], None]) -> None:
        self._send, self.items = trio.open_memory_channel[Item](ITEMS)
        self._on_sent = on_sent
        self._full = trio.Lock()

    async def send(self, item: Item) -> None:
        """Put an item in; waits while there is no room. When it is cancelled, nothing was put in.

        Raises:
            trio.ClosedResourceError: The session has ended.
            trio.BrokenResourceError: The client has gone.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._full.locked():
            try:
                self._send.send_nowait(item)
            except trio.WouldBlock:
                pass
            else:
                self._on_sent(item)
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
        async with self._full:  # so that nobody overtakes between an item and what is told of it
            await self._send.send(item)
            self._on_sent(item)

    def close(self) -> None:
        """Nothing follows; what is in it can still be received."""
        self._send.close()

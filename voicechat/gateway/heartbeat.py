"""Notices that nobody is at the other end any more: TCP alone says nothing of it for many minutes.

A client that vanished without a word is noticed within two intervals: it may have answered a ping
just before, so that it takes one interval to the next ping, and one more in which no pong comes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol

import trio

from voicechat.protocol.close_codes import CloseCode

if TYPE_CHECKING:
    from collections.abc import Callable

Silence = Literal[CloseCode.VANISHED, CloseCode.IDLE]


class Pinged(Protocol):
    """What the heartbeat needs of a WebSocket."""

    async def ping(self) -> object:
        """Send a ping, and return when its pong is there."""
        ...


async def heartbeat(
    ws: Pinged,
    *,
    every_s: float,
    last_activity: Callable[[], float],
    idle_s: float = math.inf,
) -> Silence:
    """Ask a client for signs of life until there are none.

    Pings keep their rhythm, however long pongs take. A ping that is given up may have been half
    sent, so a client that vanished has to be dropped; an idle one can be told goodbye.

    Args:
        ws: The client's socket.
        every_s: Seconds from ping to ping, and the time that each pong may take.
        last_activity: When the client's last message came (Trio's seconds); pongs are none.
        idle_s: After so many seconds without a message the client is idle.

    Returns:
        `CloseCode.VANISHED`, at most ``2 * every_s`` after the client's network was lost; or
        `CloseCode.IDLE`, after `idle_s` and the time that a pong takes which is waited for then.

    Raises:
        Closed: The socket was closed meanwhile, by either side.
    """
    due = trio.current_time() + every_s
    while True:
        await trio.sleep_until(min(due, last_activity() + idle_s))
        now = trio.current_time()
        if now >= last_activity() + idle_s:
            return CloseCode.IDLE
        if now < due:
            continue  # a message came while this slept until the client would have been idle
        with trio.move_on_after(every_s) as patience:
            await ws.ping()
        if patience.cancelled_caught:
            return CloseCode.VANISHED
        # Beats that passed while the process was stopped are left out, not made up for.
        due += every_s * (math.floor((trio.current_time() - due) / every_s) + 1)

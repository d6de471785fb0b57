"""Microphone audio on its way to the listener, bounded in time, never waited for.

The task that reads a client's socket also reads its interrupts and pings, so it may not wait for a
recogniser that is busy: it puts audio here, and more than the server can keep up with ends the
stream.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from voicechat.protocol.frames import AudioFrame

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WAITING_S = 30.0
"""Audio that may wait: a client that sends a recording faster than real time has room for it."""
_LEAST_COST_S = 1 / 200
"""A frame takes room for at least this much audio: the memory of a tiny one is not in its samples,
and 5 ms are fewer than any sensible client sends at a time."""


class Microphone(trio.abc.ReceiveChannel[AudioFrame]):
    """The frames of one stream; the session puts, the listener receives.

    Args:
        rate: Sample rate of the stream in Hz.
        on_receive: Told of each frame that the listener receives.
    """

    def __init__(
        self, rate: int, on_receive: Callable[[AudioFrame], None] = lambda _: None
    ) -> None:
        # The bound is in samples, and so in frames: `put` refuses before memory is an issue.
        self._send, self._receive = trio.open_memory_channel[AudioFrame](math.inf)
        self._room = round(MAX_WAITING_S * rate)
        self._least_cost = round(_LEAST_COST_S * rate)
        self._on_receive = on_receive
        self.given_up = False

    def has_room(self, frame: AudioFrame) -> bool:
        """Whether `put` would take the frame."""
        return self._cost(frame) <= self._room

    def put(self, frame: AudioFrame) -> bool:
        """Take a frame; False when too much is waiting already."""
        if not self.has_room(frame):
            return False
        self._room -= self._cost(frame)
        self._send.send_nowait(frame)
        return True

    def end(self) -> None:
        """No frame follows."""
        self._send.close()

    async def receive(self) -> AudioFrame:
        """The next frame.

        Raises:
            trio.EndOfChannel: There is none.
        """
        frame = await self._receive.receive()
        self._room += self._cost(frame)
        self._on_receive(frame)
        return frame

    async def aclose(self) -> None:
        """The listener gives the stream up: what still comes is dropped."""
        self.given_up = True
        await self._receive.aclose()

    def _cost(self, frame: AudioFrame) -> int:
        """In samples."""
        return max(frame.samples, self._least_cost)

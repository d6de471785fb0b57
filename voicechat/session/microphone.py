"""Microphone audio on its way to the listener, bounded in time, never waited for.

The task that reads a client's socket also reads its interrupts and pings, so it may not wait for a
recogniser that is busy: it puts audio here, and more than the server can keep up with ends the
stream.
"""

from __future__ import annotations

import math

import trio

from voicechat.protocol.frames import AudioFrame

MAX_WAITING_S = 30.0
"""Audio that may wait: a client that sends a recording faster than real time has room for it."""


class Microphone(trio.abc.ReceiveChannel[AudioFrame]):
    """The frames of one stream; the session puts, the listener receives.

    Args:
        rate: Sample rate of the stream in Hz.
    """

    def __init__(self, rate: int) -> None:
        # The bound is in samples: `put` refuses before memory is an issue.
        self._send, self._receive = trio.open_memory_channel[AudioFrame](math.inf)
        self._room = round(MAX_WAITING_S * rate)
        self.given_up = False

    def put(self, frame: AudioFrame) -> bool:
        """Take a frame; False when too much is waiting already."""
        cost = max(frame.samples, 1)  # empty frames may not pile up either
        if cost > self._room:
            return False
        self._room -= cost
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
        self._room += max(frame.samples, 1)
        return frame

    async def aclose(self) -> None:
        """The listener gives the stream up: what still comes is dropped."""
        self.given_up = True
        await self._receive.aclose()

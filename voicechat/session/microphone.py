"""Microphone audio on its way to the listener, bounded in time, never waited for.

The task that reads a client's socket also reads its interrupts and pings, so it may not wait for a
recogniser that is busy: it puts audio here, and more than the server can keep up with ends the
stream.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import trio

from voicechat.protocol.frames import AudioFrame

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES_PER_SAMPLE: Final = 2
_LEAST_COST_S = 1 / 200
"""A frame takes room for at least this much audio: the memory of a tiny one is not in its samples,
and 5 ms are fewer than any sensible client sends at a time."""


class Microphone(trio.abc.ReceiveChannel[AudioFrame]):
    """The frames of one stream; the session puts, the listener receives.

    Args:
        rate: Sample rate of the stream in Hz.
        most_waiting_s: Tells how much audio may wait just now, in seconds.
        on_receive: Told of each frame that the listener receives.
        on_settled: Told up to which sample of the stream nothing is needed again.

    Attributes:
        given_up: Whether nobody listens any more.
        arrived_at: When the frame that was received last had come (monotonic seconds).
        settle: To be told up to which sample of the stream nothing is needed again.
    """

    def __init__(
        self,
        rate: int,
        most_waiting_s: Callable[[], float],
        on_receive: Callable[[AudioFrame], None] = lambda _: None,
        on_settled: Callable[[int], None] = lambda _: None,
    ) -> None:
        # The bound is in samples, and so in frames: `put` refuses before memory is an issue.
        self._send, self._receive = trio.open_memory_channel[tuple[float, AudioFrame]](math.inf)
        self._rate = rate
        self._most_waiting_s = most_waiting_s
        self._waiting = 0  # samples
        self._received = 0  # samples: where the frames that were put end
        self._least_cost = round(_LEAST_COST_S * rate)
        self._on_receive = on_receive
        self.settle = on_settled
        self.given_up = False
        self.arrived_at = 0.0

    @property
    def waiting_s(self) -> float:
        """The audio that waits, in seconds; none does where nobody listens any more."""
        return 0.0 if self.given_up else self._waiting / self._rate

    @property
    def waiting_bytes(self) -> int:
        """The same in bytes of samples."""
        return 0 if self.given_up else self._waiting * BYTES_PER_SAMPLE

    def has_room(self, frame: AudioFrame) -> bool:
        """Whether `put` would take the frame."""
        return self._waiting + self._cost(frame) <= self._most_waiting_s() * self._rate

    def jumps(self, frame: AudioFrame, longest_s: float) -> bool:
        """Whether more than so much audio is missing before the frame."""
        return frame.offset - self._received > longest_s * self._rate

    def put(self, frame: AudioFrame) -> bool:
        """Take a frame; False when too much is waiting already."""
        if not self.has_room(frame):
            return False
        self._waiting += self._cost(frame)
        self._received = max(self._received, frame.offset + frame.samples)
        self._send.send_nowait((trio.current_time(), frame))
        return True

    def end(self) -> None:
        """No frame follows."""
        self._send.close()

    async def receive(self) -> AudioFrame:
        """The next frame.

        Raises:
            trio.EndOfChannel: There is none.
        """
        self.arrived_at, frame = await self._receive.receive()
        self._waiting -= self._cost(frame)
        self._on_receive(frame)
        return frame

    def statistics(self) -> trio.MemoryChannelStatistics:
        """How many frames wait."""
        return self._receive.statistics()

    async def aclose(self) -> None:
        """The listener gives the stream up: what still comes is dropped."""
        self.given_up = True
        await self._receive.aclose()

    def _cost(self, frame: AudioFrame) -> int:
        """In samples."""
        return max(frame.samples, self._least_cost)

"""The microphone streams of a session, one after another, on their way to the listener."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.session.microphone import BYTES_PER_SAMPLE, Microphone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.session.tap import Tap
    from voicechat.thermal.gate import InferenceGate

_QUEUED_STREAMS = 16
"""Streams that ended and wait to be listened to: a client may have made some without a network."""
MAX_WAITING_S: Final = 40.0
"""Audio of a stream that may wait: a client that comes back sends the last half minute at once, and
goes on speaking meanwhile."""
MAX_COOLING_S: Final = 120.0
"""Audio of all streams that may wait while the machine cools down: longer than that takes with any
sensible thresholds."""
MAX_COOLING_BYTES: Final = 8_000_000
"""The same in memory: many sessions may wait at once, on a small machine. It is enough for the two
minutes at up to 33 kHz; browsers send 16 kHz."""
_LONGEST_JUMP_S: Final = 3600.0
"""Of audio that a client may leave out at once: no network is away for longer and comes back to the
same stream, and a position that a fault has made is no position to go on from."""


class Microphones:
    """What the client sends of its microphone.

    Args:
        tap: Is told of each frame.
        gate: Tells whether the listener may be waiting for the machine to cool down.
        on_settled: Told the stream, and up to which sample of it nothing is needed again.
        on_listened: Told of a stream that was listened to until its end.
    """

    def __init__(
        self,
        tap: Tap,
        gate: InferenceGate,
        on_settled: Callable[[int, int], None] = lambda *_: None,
        on_listened: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._tap = tap
        self._gate = gate
        self._on_settled = on_settled
        self._on_listened = on_listened
        self._streams, self._opened = trio.open_memory_channel[tuple["AudioOpen", Microphone]](
            _QUEUED_STREAMS
        )
        self._open: Microphone | None = None
        self._kept: list[Microphone] = []  # those with audio that waits, and the open one
        self._stream = 0
        self._cooling = False  # what is waiting may have been kept because of the heat

    async def run(self, listen: Callable[[AudioOpen, Microphone], Awaitable[None]]) -> None:
        """Let each stream be listened to, one after another, until cancelled.

        Args:
            listen: Returns when the stream has ended.
        """
        async for message, audio in self._opened:
            await listen(message, audio)
            self._on_listened(message.stream)

    def open(self, message: AudioOpen) -> None:
        """Begin a stream; one that is open ends.

        Raises:
            ProtocolError: The stream's number is not larger than the last one's, or too many
                streams that have ended are still being listened to.
        """
        if message.stream <= self._stream:
            raise ProtocolError(
                f"Stream {message.stream} is not larger than the last one, {self._stream}.",
                suggested_action="Number microphone streams upwards.",
                code=ErrorCode.INVALID_AUDIO,
            )
        self._end()
        self._stream = message.stream
        most_waiting_s = partial(self._most_waiting, message.rate)
        settled = partial(self._on_settled, message.stream)
        microphone = Microphone(message.rate, most_waiting_s, self._taken, settled)
        try:
            self._streams.send_nowait((message, microphone))
        except trio.WouldBlock:
            raise self._too_much() from None
        self._open = microphone
        self._kept = [*(kept for kept in self._kept if kept.waiting_bytes), microphone]

    def audio(self, frame: AudioFrame) -> bool:
        """Take audio.

        Returns:
            False where it was dropped: it is late, its stream has ended.

        Raises:
            ProtocolError: The frame's stream was never opened; or the server has ended it now,
                because it cannot keep up or the frame is nowhere near the last one.
        """
        self._tap.received(frame)
        if frame.stream > self._stream:
            raise ProtocolError(
                f"Microphone stream {frame.stream} is not open.",
                suggested_action="Send audio_open first.",
                code=ErrorCode.INVALID_AUDIO,
            )
        if self._open is None or frame.stream < self._stream or self._open.given_up:
            return False
        if self._open.jumps(frame, _LONGEST_JUMP_S):
            self._end()
            raise ProtocolError(
                "More than an hour of audio is missing before this frame.",
                suggested_action="Open the microphone again.",
                code=ErrorCode.INVALID_AUDIO,
            )
        if not self._open.put(frame):
            self._end()
            raise self._too_much()
        self._tap.queued(frame)
        if frame.last:
            self._end()
        return True

    def takes(self, frame: AudioFrame) -> bool:
        """Whether `audio` would take this frame, or drop it, without an error."""
        if frame.stream != self._stream or self._open is None:
            return frame.stream <= self._stream
        if self._open.given_up:
            return True
        return self._open.has_room(frame) and not self._open.jumps(frame, _LONGEST_JUMP_S)

    def close(self, stream: int) -> None:
        """End a stream; speech that is open becomes a turn."""
        if stream == self._stream:
            self._end()

    # -- inside --------------------------------------------------------------------------------

    def _end(self) -> None:
        if self._open is not None:
            self._open.end()
            self._open = None

    def _keeps_more(self) -> bool:
        self._cooling = self._cooling or self._gate.restricted
        return self._cooling

    def _most_waiting(self, rate: int) -> float:
        """Audio of the open stream that may wait, in seconds at its rate in Hz."""
        if not self._keeps_more():
            return MAX_WAITING_S
        before = [kept for kept in self._kept if kept is not self._open]
        seconds = MAX_COOLING_S - sum(kept.waiting_s for kept in before)
        size = MAX_COOLING_BYTES - sum(kept.waiting_bytes for kept in before)
        return min(seconds, size / (BYTES_PER_SAMPLE * rate))

    def _taken(self, frame: AudioFrame) -> None:
        self._tap.taken(frame)
        # What piled up in a pause takes time to be heard after it, and until then keeps its room.
        self._cooling = self._cooling and any(kept.waiting_bytes for kept in self._kept)

    def _too_much(self) -> ProtocolError:
        if self._keeps_more():
            return ProtocolError(
                "The server has to cool down before it can listen to more.",
                suggested_action="What you said until now is kept. Wait until it has been "
                "answered, then open the microphone again.",
                code=ErrorCode.THERMAL_PAUSED,
            )
        return ProtocolError(
            "The server cannot keep up with the microphone.",
            suggested_action="Wait a moment, then open the microphone again.",
            code=ErrorCode.BACKPRESSURE,
        )

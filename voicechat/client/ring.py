"""The last half minute of microphone audio, kept until the server says that it is settled. PURE.

A reconnect sends again what the server has not got; a server that was restarted is sent again
what was not settled. The bound is in time, so that no outage can fill the memory.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import Final

import attrs

from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import ListenMode  # noqa: TC001  (attrs reads it)

RING_S: Final = 30.0
"""So much audio is kept."""
_LEAST_COST_US: Final = 5_000
"""A frame counts as this much at least: the memory of a tiny one is not in its samples."""


@attrs.define(eq=False)
class Microphone:
    """One stream of the microphone.

    Attributes:
        stream: Its number on the wire.
        rate: Sample rate in Hz.
        mode: How its turns end.
        origin: Where its sample 0 is in all that was said since the microphone was opened: more
            than 0 where the stream goes on for another one that became void.
        samples: How many it has.
        frames: Likewise.
    """

    stream: int
    rate: int
    mode: ListenMode
    origin: int = 0
    samples: int = 0
    frames: int = 0

    def frame(self, pcm: bytes) -> AudioFrame:
        """The next frame of the stream."""
        frame = AudioFrame(FrameKind.MICROPHONE, self.stream, self.frames, self.samples, pcm)
        self.samples += frame.samples
        self.frames += 1
        return frame


@attrs.frozen
class Chunk:
    """A frame in the order of all that the client has said.

    Attributes:
        order: Its place.
        frame: As it travels.
        microphone: Where it comes from.
    """

    order: int
    frame: AudioFrame
    microphone: Microphone

    @property
    def end(self) -> int:
        """Position behind its last sample."""
        return self.frame.offset + self.frame.samples

    @property
    def cost_us(self) -> int:
        """Microseconds that it takes of the ring: whole ones, because sums of fractions drift."""
        return max(self.frame.samples * 1_000_000 // self.microphone.rate, _LEAST_COST_US)

    def split(self, at: int) -> tuple[Chunk, Chunk]:
        """Cut it at a position inside."""
        cut = 2 * (at - self.frame.offset)
        head = attrs.evolve(self.frame, pcm=self.frame.pcm[:cut])
        tail = attrs.evolve(self.frame, pcm=self.frame.pcm[cut:], offset=at)
        return attrs.evolve(self, frame=head), attrs.evolve(self, frame=tail)


class Ring:
    """Audio that was sent and may be asked for again, then audio that waits to be sent.

    Args:
        seconds: How much of it, together.
    """

    def __init__(self, seconds: float = RING_S) -> None:
        self._limit_us = int(seconds * 1_000_000)
        self._held_us = 0
        self._sent: deque[Chunk] = deque()
        self._waiting: deque[Chunk] = deque()
        self._lost_s = 0.0

    @property
    def held_s(self) -> float:
        """Seconds of audio that are kept."""
        return self._held_us / 1_000_000

    def put(self, chunk: Chunk) -> None:
        """Keep audio until it is settled; the oldest makes room."""
        self._waiting.append(chunk)
        self._held_us += chunk.cost_us
        while self._held_us > self._limit_us and len(self._sent) + len(self._waiting) > 1:
            was_sent = bool(self._sent)
            oldest = self._drop()
            if not was_sent:
                self._lost_s += oldest.frame.samples / oldest.microphone.rate

    def waiting(self) -> Chunk | None:
        """What is to be sent next."""
        return self._waiting[0] if self._waiting else None

    def take(self) -> Chunk:
        """The same, which counts as sent from now on."""
        chunk = self._waiting.popleft()
        self._sent.append(chunk)
        return chunk

    def settle(self, stream: int, samples: int) -> None:
        """Forget what is before a position of a stream: it will never be asked for again.

        Streams are settled one after another, so those before it are settled as soon as a part of
        it is; but not when it has only been opened.
        """
        while (oldest := self._oldest()) is not None:
            earlier = oldest.frame.stream < stream and samples > 0
            if not earlier and (oldest.frame.stream != stream or oldest.end > samples):
                return
            self._drop()

    def rewind(self, stream: int | None, samples: int) -> None:
        """Send again what the server has not got: it has `stream` up to `samples`.

        The socket keeps the order, so it also has all of the streams before that one.
        """
        chunks, known = self._clear(), 0 if stream is None else stream
        for chunk in chunks:
            has = samples if chunk.frame.stream == known else 0
            if chunk.frame.stream < known or chunk.end <= has:
                self._keep(self._sent, chunk)
            elif chunk.frame.offset < has:
                head, tail = chunk.split(has)
                self._keep(self._sent, head)
                self._keep(self._waiting, tail)
            else:
                self._keep(self._waiting, chunk)

    def take_all(self, stream: int | None = None, samples: int = 0) -> list[Chunk]:
        """Empty the ring: all of it that is not settled, see `settle`."""
        if stream is not None:
            self.settle(stream, samples)
        chunks = self._clear()
        if chunks and chunks[0].frame.stream == stream and chunks[0].frame.offset < samples:
            chunks[0] = chunks[0].split(samples)[1]
        return chunks

    def forget_sent(self, before: int) -> None:
        """Nothing that was sent of the streams before this one will be asked for again."""
        while self._sent and self._sent[0].frame.stream < before:
            self._drop()

    def take_lost_s(self) -> float:
        """Seconds that had to be forgotten before they were sent, since this was asked last."""
        lost, self._lost_s = self._lost_s, 0.0
        return lost

    def _keep(self, where: deque[Chunk], chunk: Chunk) -> None:
        where.append(chunk)
        self._held_us += chunk.cost_us

    def _oldest(self) -> Chunk | None:
        return next(chain(self._sent, self._waiting), None)

    def _drop(self) -> Chunk:
        chunk = (self._sent or self._waiting).popleft()
        self._held_us -= chunk.cost_us
        return chunk

    def _clear(self) -> list[Chunk]:
        chunks = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        self._held_us = 0
        return chunks

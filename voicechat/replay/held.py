"""Engines and agents whose work takes no real part of virtual time: each port, wrapped in a hold.

An operation is held until the engine has done all of it, so that nothing of an engine's work is
left to happen at a moment that depends on the machine. Only audio is decoded while the session goes
on, for that is most of all work: what it gives is told at one of the next calls, always the same.
How long an operation takes in virtual time is a constant of `Latencies`; those of different
operations differ, which decides who comes first where two begin together.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from voicechat.replay.hold import Hold
    from voicechat.speech.ports import (
        EndOfTurn,
        SpeechChunk,
        SpeechToText,
        TextToSpeech,
        Transcript,
        Utterance,
        VoiceActivity,
        VoiceStream,
    )

_MOST_BESIDE: Final = 8
"""Pieces of audio, each some 30 ms, that are decoded while the session goes on."""


@attrs.frozen
class Latencies:
    """What engines take in virtual time, in seconds: about the built-in ones on an idle machine.

    Attributes:
        vad: A frame of voice activity.
        feed: Taking audio.
        partial: A partial transcript.
        final: The final transcript.
        first_chunk: The beginning of a sentence's speech.
        chunk: More of it.
        answer: An agent's thinking, after it has said all.
        end_of_turn: The acoustic end of turn.
    """

    vad: float = 0.000_11
    feed: float = 0.000_13
    partial: float = 0.002_3
    final: float = 0.005_3
    first_chunk: float = 0.001_9
    chunk: float = 0.000_17
    answer: float = 0.000_19
    end_of_turn: float = 0.060_7


@attrs.frozen
class HeldVoiceActivity:
    """A `VoiceActivity`."""

    inner: VoiceActivity
    hold: Hold
    latency: Latencies

    @property
    def frame_samples(self) -> int:
        """As the engine's."""
        return self.inner.frame_samples

    def open(self) -> VoiceStream:
        """A fresh stream."""
        return _HeldVoiceStream(self.inner.open(), self.hold, self.latency.vad)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the engine."""
        await self.inner.run(task_status=task_status)


@attrs.frozen
class _HeldVoiceStream:
    inner: VoiceStream
    hold: Hold
    latency_s: float

    async def probability(self, frame: bytes) -> float:
        found: float = await self.hold.run(self.latency_s, partial(self.inner.probability, frame))
        return found


@attrs.frozen
class HeldSpeechToText:
    """A `SpeechToText`; beginning an utterance may wait for a free decoder, so it is not held."""

    inner: SpeechToText
    hold: Hold
    latency: Latencies

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the engine."""
        await self.inner.run(task_status=task_status)

    @asynccontextmanager
    async def open(self, on_partial: Callable[[str], None]) -> AsyncIterator[Utterance]:
        """Begin an utterance."""
        texts = _Texts(on_partial)
        async with self.inner.open(texts.put) as utterance:
            yield _HeldUtterance(utterance, texts, self.hold, self.latency)


@attrs.define
class _Texts:
    """Partial transcripts, kept until the moment at which they are always told."""

    on_partial: Callable[[str], None]
    _newest: str | None = None

    def put(self, text: str) -> None:
        self._newest = text

    def tell(self) -> None:
        if self._newest is not None:
            text, self._newest = self._newest, None
            self.on_partial(text)


@attrs.define
class _HeldUtterance:
    inner: Utterance
    texts: _Texts
    hold: Hold
    latency: Latencies
    _so_far: Transcript | None = None
    _beside: int = 0  # pieces of audio that may not be decoded yet

    async def feed(self, pcm: bytes) -> None:
        await self.hold.run(self.latency.feed, partial(self._decode, pcm))

    async def _decode(self, pcm: bytes) -> None:
        self._so_far = None
        caught_up = getattr(self.inner, "caught_up", None)  # beyond the port
        if caught_up is None:
            await self.inner.feed(pcm)
            self._so_far = await self.inner.partial()
            self.texts.tell()
            return
        if self._beside == _MOST_BESIDE:
            await caught_up()
            self._told()
        await self.inner.feed(pcm)
        self._beside += 1

    def _told(self) -> None:
        self.texts.tell()
        self._beside = 0

    async def caught_up(self) -> None:
        await self.hold.run(0, self._known)

    async def partial(self) -> Transcript:
        found: Transcript = await self.hold.run(self.latency.partial, self._known)
        return found

    async def _known(self) -> Transcript:
        if self._so_far is None:
            self._so_far = await self.inner.partial()
            self._told()
        return self._so_far

    async def finish(self) -> Transcript:
        found: Transcript = await self.hold.run(self.latency.final, self._finished)
        return found

    async def _finished(self) -> Transcript:
        transcript = await self.inner.finish()
        self._told()
        return transcript


@attrs.frozen
class HeldTextToSpeech:
    """A `TextToSpeech`."""

    inner: TextToSpeech
    hold: Hold
    latency: Latencies

    @property
    def sample_rate(self) -> int:
        """As the engine's."""
        return self.inner.sample_rate

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the engine."""
        await self.inner.run(task_status=task_status)

    @asynccontextmanager
    async def speak(self, text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        """Synthesise one sentence."""
        with self.hold.held():
            async with self.inner.speak(text) as chunks:
                with self.hold.released():
                    yield _Chunks(chunks, self.hold, self.latency)


@attrs.define
class _Chunks:
    inner: AsyncIterator[SpeechChunk]
    hold: Hold
    latency: Latencies
    _begun: bool = False

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> SpeechChunk:
        latency_s = self.latency.chunk if self._begun else self.latency.first_chunk
        self._begun = True
        chunk: SpeechChunk = await self.hold.run(latency_s, self.inner.__anext__)
        return chunk


@attrs.frozen
class HeldEndOfTurn:
    """An `EndOfTurn`."""

    inner: EndOfTurn
    hold: Hold
    latency: Latencies

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the engine."""
        await self.inner.run(task_status=task_status)

    async def probability(self, pcm: bytes) -> float:
        """As the engine's."""
        found: float = await self.hold.run(
            self.latency.end_of_turn, partial(self.inner.probability, pcm)
        )
        return found

"""What the conversation needs of any speech engine, so that engines can be exchanged.

All PCM is mono, signed 16-bit little-endian. Input engines get 16,000 Hz; a synthesiser states the
rate of its own. An implementation raises `voicechat.errors.EngineFailed`, nothing else on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

INPUT_RATE = 16_000
"""Sample rate in Hz at which every voice activity detector and recogniser listens."""


@attrs.frozen
class Transcript:
    """What a recogniser heard in one utterance.

    Attributes:
        text: The words, lower case as the engine gives them; empty when nothing was recognised.
        accepted: False when the recogniser believes that the speech was not meant for it or is
            outside what it can understand; `text` then holds its best guess, for logs only.
        confidence: Engine-specific score, higher is surer; None where the engine has none.
    """

    text: str
    accepted: bool = True
    confidence: float | None = None


@attrs.frozen
class WordMark:
    """Where a word begins: `text_offset` and `length` in characters, `sample` in the audio."""

    text_offset: int
    length: int
    sample: int


@attrs.frozen
class SpeechChunk:
    """A piece of synthesised audio, and the words that begin in it.

    Attributes:
        pcm: Samples at the engine's rate.
        words: Their samples count from the start of the utterance.
    """

    pcm: bytes
    words: tuple[WordMark, ...] = ()


class Engine(Protocol):
    """A long-lived part with tasks or children of its own, started by the service nursery."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; report started when ready for the first request."""
        ...


class VoiceStream(Protocol):
    """Voice activity of one audio stream; it holds the model's recurrent state."""

    async def probability(self, frame: bytes) -> float:
        """Probability 0…1 that `frame` (exactly `frame_samples` samples) is speech."""
        ...


class VoiceActivity(Engine, Protocol):
    """Tells speech from everything else."""

    @property
    def frame_samples(self) -> int:
        """Samples in a frame, at `INPUT_RATE`."""
        ...

    def open(self) -> VoiceStream:
        """A fresh stream; cheap, nothing to close."""
        ...


class Utterance(Protocol):
    """One utterance being recognised."""

    async def feed(self, pcm: bytes) -> None:
        """Add audio; returns as soon as the engine has taken it, not when it is decoded."""
        ...

    async def caught_up(self) -> None:
        """Wait until all audio that was fed is decoded; an engine that decodes later returns.

        While the machine is hot it is called after each piece of audio, so that one utterance at a
        time is decoded.

        Raises:
            EngineFailed: As `feed`.
        """
        ...

    async def partial(self) -> Transcript:
        """What all audio that was fed so far seems to say; the utterance goes on.

        It waits until the engine has decoded all of that audio, so that the same audio gives the
        same answer however fast the engine is. `accepted` and `confidence` are as far as can be
        told now. It may be called any number of times between feeds: in a pause after each frame of
        32 ms. An engine that does not work incrementally may decode everything again at each call.

        Raises:
            EngineFailed: As `feed`.
        """
        ...

    async def finish(self) -> Transcript:
        """No more audio comes; the final transcript."""
        ...


class SpeechToText(Engine, Protocol):
    """A recogniser."""

    def open(self, on_partial: Callable[[str], None]) -> AbstractAsyncContextManager[Utterance]:
        """Begin an utterance; leaving the block frees its decoder, finished or not.

        Args:
            on_partial: Called (synchronously, from a task of the engine) with the whole text so
                far whenever it changes.
        """
        ...


class TextToSpeech(Engine, Protocol):
    """A synthesiser."""

    @property
    def sample_rate(self) -> int:
        """Rate of its audio in Hz; known once `run` has reported started."""
        ...

    def speak(self, text: str) -> AbstractAsyncContextManager[AsyncIterator[SpeechChunk]]:
        """Synthesise one sentence; leaving the block aborts what is left at once.

        Entering it may wait until the engine is free, but computes nothing: that begins with the
        first chunk, so that it can be held up while the machine is hot.
        """
        ...


class EndOfTurn(Engine, Protocol):
    """Tells from the sound of an utterance whether its speaker has finished."""

    async def probability(self, pcm: bytes) -> float:
        """Probability 0…1 that the speaker has finished.

        Args:
            pcm: The utterance so far and the pause after it, any length; the last 8 s count.
        """
        ...

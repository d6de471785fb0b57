"""Engines for tests of the layers above them: instant, deterministic, and faithful to the ports."""

from __future__ import annotations

import re
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.agents.ports import Completeness
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.speech.ports import SpeechChunk, Transcript, WordMark
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.slot import Owner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from voicechat.agents.ports import Question
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.session.session import Session


class Collector:
    """An `Emit` that keeps everything and lets a test wait for what it wants."""

    def __init__(self) -> None:
        self.items: list[ServerMessage | AudioFrame] = []
        self._changed = trio.Event()

    async def __call__(self, item: ServerMessage | AudioFrame, /) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        self.items.append(item)
        self._changed.set()
        self._changed = trio.Event()
        await trio.lowlevel.cancel_shielded_checkpoint()  # what was taken was sent, as in a channel

    async def report(self, error) -> None:
        await self(Error.of(error, "0"))

    def of(self, kind):
        return [item for item in self.items if isinstance(item, kind)]

    async def wait_for(self, kind, number: int = 1):
        while len(self.of(kind)) < number:
            await self._changed.wait()
        return self.of(kind)[number - 1]


async def taken(session: Session) -> str | bytes:
    """What a session sends next, as it travels."""
    entry = await session.outbox.entry()
    if isinstance(entry.item, AudioFrame):
        return entry.item.pack()
    return Codec().encode(entry.item, entry.seq)


def ungated() -> Owner:
    """An owner at a gate that lets everything through."""
    return Owner(InferenceGate(64), "test")


@attrs.define
class Frames:
    """The microphone's end of a channel of frames."""

    channel: trio.MemoryReceiveChannel[AudioFrame]
    arrived_at: float = 0.0
    settled: int = 0

    def settle(self, samples: int) -> None:
        assert samples >= self.settled
        self.settled = samples

    async def receive(self) -> AudioFrame:
        frame = await self.channel.receive()
        self.arrived_at = trio.current_time()
        return frame

    def statistics(self):
        return self.channel.statistics()

    async def aclose(self) -> None:
        await self.channel.aclose()


class LoudnessVoiceActivity:
    """Speech is what is loud: frames whose largest sample is above a tenth of full scale."""

    frame_samples = 512

    def open(self) -> LoudnessVoiceActivity:
        return self

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    async def probability(self, frame: bytes) -> float:
        assert len(frame) == 2 * self.frame_samples
        await trio.lowlevel.checkpoint()
        loudest = max(abs(value) for value in memoryview(frame).cast("h"))
        return 1.0 if loudest > 3276 else 0.0


@attrs.define
class ScriptedRecognizer:
    """Hears the next of `transcripts` whatever is said, a word each `word_s` seconds of audio.

    It keeps the audio of each utterance.
    """

    transcripts: list[Transcript]
    audio: list[bytearray] = attrs.field(factory=list)
    open_now: int = 0
    word_s: float = 0.5

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    @asynccontextmanager
    async def open(self, on_partial: Callable[[str], None]) -> AsyncIterator[_ScriptedUtterance]:
        self.audio.append(bytearray())
        self.open_now += 1
        try:
            yield _ScriptedUtterance(
                self.transcripts.pop(0), self.audio[-1], on_partial, self.word_s
            )
        finally:
            self.open_now -= 1


@attrs.define
class _ScriptedUtterance:
    transcript: Transcript
    audio: bytearray
    on_partial: Callable[[str], None]
    word_s: float

    async def feed(self, pcm: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.audio += pcm
        self.on_partial(self._so_far())

    def _so_far(self) -> str:
        words = self.transcript.text.split()
        return " ".join(words[: int(len(self.audio) / 32_000 / self.word_s)])

    async def partial(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return attrs.evolve(self.transcript, text=self._so_far())

    async def caught_up(self) -> None:
        await trio.lowlevel.checkpoint()

    async def finish(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return self.transcript


@attrs.define
class ToneSynthesizer:
    """Speaks a square wave: 50 ms for each character, in chunks of 50 ms, with word marks."""

    sample_rate: int = 16_000
    spoken: list[str] = attrs.field(factory=list)
    open_now: int = 0
    fail_on: str | None = None

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    @asynccontextmanager
    async def speak(self, text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        if self.fail_on is not None and self.fail_on in text:
            raise ValueError("planted")
        self.spoken.append(text)
        self.open_now += 1
        try:
            async with aclosing(self._chunks(text)) as chunks:
                yield chunks
        finally:
            self.open_now -= 1

    async def _chunks(self, text: str) -> AsyncIterator[SpeechChunk]:
        begins = {word.start(): len(word[0]) for word in re.finditer(r"\S+", text)}
        for at in range(len(text)):
            await trio.lowlevel.checkpoint()
            mark = WordMark(at, begins.get(at, 0), at * self.sample_rate // 20)
            words = (mark,) if at in begins else ()
            yield SpeechChunk(b"\x00\x10\x00\xf0" * (self.sample_rate // 40), words)


@attrs.define
class EchoAgent:
    """Answers "You said: …" a word at a time, `pause` seconds before each; faults where planted.

    `asked` and `questions` hold all that it was asked, speculative or not. A question that contains
    `changes` has a side effect: it is in `changed` once it was certain.
    """

    pause: float = 0.0
    fail_on: str | None = None
    announcements: list[str] = attrs.field(factory=list)
    asked: list[str] = attrs.field(factory=list)
    questions: list[Question] = attrs.field(factory=list)
    changes: str | None = None
    changed: list[str] = attrs.field(factory=list)
    complete: dict[str, Completeness] = attrs.field(factory=dict)

    async def run(self, announce: Callable[[str], Awaitable[None]]) -> None:
        for text in self.announcements:
            await announce(text)
        await trio.sleep_forever()

    async def respond(self, question: Question, say: Callable[[str], Awaitable[None]]) -> None:
        text = question.text
        self.asked.append(text)
        self.questions.append(question)
        if self.changes is not None and self.changes in text:
            await question.certain()
            self.changed.append(text)
        if self.fail_on is not None and self.fail_on in text:
            raise ValueError("planted")
        for word in f"You said: {text}.".split():
            await trio.sleep(self.pause)
            await say(word + " ")

    async def not_understood(
        self,
        transcript: Transcript,  # noqa: ARG002  (the port's)
        say: Callable[[str], Awaitable[None]],
    ) -> None:
        self.asked.append("?")
        await say("Sorry?")

    def completeness(self, words: str) -> Completeness:
        return self.complete.get(words, Completeness.UNKNOWN)


def loud(seconds: float, rate: int = 16_000) -> bytes:
    """A square wave that `LoudnessVoiceActivity` takes for speech."""
    return b"\x00\x20\x00\xe0" * round(seconds * rate / 2)


def quiet(seconds: float, rate: int = 16_000) -> bytes:
    """Silence."""
    return bytes(2 * round(seconds * rate))

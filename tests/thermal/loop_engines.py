"""Engines that take as long as on a Raspberry Pi 5, in virtual time, and whose work can be checked.

What is spoken to them and what they say carries its own text: a loss, a repetition or a mix-up of
two conversations is seen in the samples.
"""

from __future__ import annotations

import re
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import trio

from voicechat.agents.ports import Completeness
from voicechat.speech.ports import INPUT_RATE, SpeechChunk, Transcript, WordMark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from voicechat.agents.ports import Question

DECODING = 0.3
"""Seconds of computing for a second of audio: a small streaming recogniser."""
TOKENS = 40
TOKEN_S = 0.1
"""A language model of one to two thousand million parameters at four bits."""
SYNTHESIS = 0.25
"""Seconds of computing for a second of speech."""
PHRASE_S = 0.01

SPEECH_RATE = 8_000
CELL = 480
"""Samples of speech for a character: 60 ms."""
CHARACTERS = 4
"""In a chunk."""
FIRST_LEVEL = 5_000
"""The level of the first question that is spoken; silence is 0."""


def question_at(level: int, samples: int) -> str:
    """What a question spoken at this level for so many samples says."""
    return f"question {level - FIRST_LEVEL} spoken for {samples} samples"


def answer_to(question: str) -> list[str]:
    """The tokens of the language model's answer, none of them like another."""
    words = (f"word{n}{'.' if n % 8 == 7 else ''} " for n in range(TOKENS - 1))
    return [f"To {question}: ", *words]


def phrase_for(question: str) -> str:
    return f"A phrase for {question}."


def spoken_text(pcm: bytes) -> str:
    """The characters that were spoken; white space is lost between two sentences."""
    cells = np.frombuffer(pcm, "<i2").reshape(-1, CELL)
    assert (cells == cells[:, :1]).all(), "a character was torn"
    return "".join(map(chr, cells[:, 0]))


class LevelVoiceActivity:
    """Speech is what is as loud as a question."""

    frame_samples = 512

    def open(self) -> LevelVoiceActivity:
        return self

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    async def probability(self, frame: bytes) -> float:
        await trio.lowlevel.checkpoint()
        return float(np.frombuffer(frame, "<i2").max() >= FIRST_LEVEL)


class ComputingRecognizer:
    """Hears the level and the length of what is spoken."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    @asynccontextmanager
    async def open(self, on_partial: Callable[[str], None]) -> AsyncIterator[_Utterance]:
        yield _Utterance(on_partial)


class _Utterance:
    def __init__(self, on_partial: Callable[[str], None]) -> None:
        self._on_partial = on_partial
        self._level = 0
        self._samples = 0

    async def feed(self, pcm: bytes) -> None:
        await trio.sleep(DECODING * len(pcm) / 2 / INPUT_RATE)
        samples = np.frombuffer(pcm, "<i2")
        loud = samples[samples >= FIRST_LEVEL]
        if loud.size:
            self._level = int(loud[0])
            assert (loud == self._level).all(), "two questions in one utterance"
        self._samples += loud.size
        self._on_partial(self._so_far.text)

    @property
    def _so_far(self) -> Transcript:
        text = question_at(self._level, self._samples) if self._samples else ""
        return Transcript(text, accepted=bool(text))

    async def partial(self) -> Transcript:
        await trio.lowlevel.checkpoint()
        return self._so_far

    async def caught_up(self) -> None:
        await trio.lowlevel.checkpoint()

    async def finish(self) -> Transcript:
        await trio.sleep(0.05)
        return self._so_far


class ComputingAgent:
    """Answers as `answer_to` has it, a token after the other."""

    async def run(self, _: Callable[[str], Awaitable[None]]) -> None:
        await trio.sleep_forever()

    async def respond(self, question: Question, say: Callable[[str], Awaitable[None]]) -> None:
        for token in answer_to(question.text):
            await trio.sleep(TOKEN_S)
            await say(token)

    async def not_understood(
        self, _transcript: Transcript, _say: Callable[[str], Awaitable[None]]
    ) -> None:
        raise AssertionError("all that is said in these tests can be understood")

    def completeness(self, _: str) -> Completeness:
        return Completeness.UNKNOWN


class PhraseAgent(ComputingAgent):
    """Answers at once, as `phrase_for` has it."""

    async def respond(self, question: Question, say: Callable[[str], Awaitable[None]]) -> None:
        await trio.sleep(PHRASE_S)
        await say(phrase_for(question.text))


class ComputingSynthesizer:
    """Each character becomes a cell of samples with its code."""

    sample_rate = SPEECH_RATE

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    @asynccontextmanager
    async def speak(self, text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        async with aclosing(self._chunks(text)) as chunks:
            yield chunks

    async def _chunks(self, text: str) -> AsyncIterator[SpeechChunk]:
        words = [(word.start(), len(word[0])) for word in re.finditer(r"\S+", text)]
        for at in range(0, len(text), CHARACTERS):
            piece = text[at : at + CHARACTERS]
            await trio.sleep(SYNTHESIS * len(piece) * CELL / SPEECH_RATE)
            codes = np.array([ord(character) for character in piece], "<i2")
            marks = [
                WordMark(begin, length, begin * CELL)
                for begin, length in words
                if at <= begin < at + CHARACTERS
            ]
            yield SpeechChunk(np.repeat(codes, CELL).tobytes(), tuple(marks))

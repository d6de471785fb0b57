"""Speaks with espeak-ng, which needs no download and begins within a millisecond.

The library is loaded by `voicechat.speech.tts.espeak_worker` alone, in a process of its own.
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import trio

from voicechat.errors import EngineFailed, SettingError
from voicechat.speech.ports import SpeechChunk, WordMark
from voicechat.speech.tts.pieces import pieces, whole_words
from voicechat.speech.worker import WorkerDied, WorkerProcess, python_module
from voicechat.speech.worker_child import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

NAME = "speech synthesiser"
_LIMITS = {"rate": (80, 450), "pitch": (0, 100), "volume": (0, 200)}  # espeak-ng's own


class EspeakSynthesizer:
    """A `voicechat.speech.ports.TextToSpeech`; 22,050 Hz.

    Args:
        voice: A language as espeak-ng names it, such as "en" or "de".
        rate: Words a minute, 80…450.
        pitch: 0…100.
        volume: Percent, 0…200.
        command: Replaces the worker program, for tests.

    Raises:
        SettingError: A number is out of range.
    """

    def __init__(
        self,
        *,
        voice: str = "en",
        rate: int = 175,
        pitch: int = 50,
        volume: int = 100,
        command: Sequence[str] = (),
    ) -> None:
        values = {"rate": rate, "pitch": pitch, "volume": volume}
        for key, value in values.items():
            low, high = _LIMITS[key]
            if not low <= value <= high:
                raise SettingError(f"{key} = {value} of the {NAME} must be {low} to {high}.")
        self._voice = voice
        self._sample_rate = 0
        self._worker = WorkerProcess(
            NAME,
            command or python_module("voicechat.speech.tts.espeak_worker"),
            configuration={"voice": voice, **values},
            on_ready=self._on_ready,
        )

    @property
    def sample_rate(self) -> int:
        """Rate of the audio in Hz.

        Raises:
            EngineFailed: `run` has not reported started.
        """
        if not self._sample_rate:
            raise EngineFailed(f"The {NAME} is not running.")
        return self._sample_rate

    def _on_ready(self, about: Any) -> None:
        if self._voice not in about["voices"]:
            raise SettingError(
                f"speech.voice is {self._voice!r}, which the {NAME} does not have.",
                suggested_action=_suggestion(self._voice, about["voices"]),
            )
        self._sample_rate = about["sample_rate"]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the process alive until cancelled.

        Raises:
            SettingError: There is no such voice.
            EngineFailed: The process cannot be started.
        """
        await self._worker.run(task_status=task_status)

    @asynccontextmanager
    async def speak(self, text: str) -> AsyncIterator[AsyncIterator[SpeechChunk]]:
        """Synthesise `text`; blank text has no audio.

        Word marks count characters in `text` and samples from its beginning. A text of any length
        takes the memory of one of its `pieces`.
        """
        async with aclosing(self._chunks(text)) as chunks:
            yield chunks

    async def _chunks(self, text: str) -> AsyncGenerator[SpeechChunk]:
        # A null would end the text for the library; half a surrogate pair cannot be sent at all.
        text = text.replace("\0", " ").encode(errors="replace").decode()
        spoken = 0  # samples
        word_end = 0  # text offset
        for offset, piece in pieces(text):
            if not piece.strip():
                continue
            begun = spoken
            async with aclosing(self._piece(piece)) as chunks:
                async for pcm, found in chunks:
                    marks = [
                        WordMark(offset + at, length, begun + sample)
                        for at, length, sample in found
                    ]
                    words = tuple(whole_words(marks, text, word_end))
                    if words:
                        word_end = words[-1].text_offset + words[-1].length
                    spoken += len(pcm) // 2
                    yield SpeechChunk(pcm, words)

    async def _piece(self, text: str) -> AsyncGenerator[tuple[bytes, list[list[int]]]]:
        """Audio and raw word events; if the process dies, the next one goes on where it was.

        The same text has the same length within a millisecond, so that the seam is hardly heard.
        """
        done = 0  # bytes already yielded
        for last_try in (False, True):
            skip = done
            request = await self._worker.begin({"text": text})
            try:
                words: list[list[int]] = []
                while (frame := await request.receive()).kind is not Kind.RESULT:
                    if frame.kind is Kind.EVENT:
                        words += frame.json()
                        continue
                    if skip >= len(frame.payload):
                        skip -= len(frame.payload)
                    else:
                        done += len(frame.payload) - skip
                        yield frame.payload[skip:], words
                        skip = 0
                    words = []
            except WorkerDied:
                if last_try:
                    raise
            else:
                return
            finally:
                request.close()


def _suggestion(voice: str, voices: Sequence[str]) -> str:
    """Some voices that exist: those most like the one asked for, and how many there are."""
    near = get_close_matches(voice, voices, n=5, cutoff=0.3) or voices[:5]
    return f"Take one of {len(voices)} languages, such as: {', '.join(near)}."

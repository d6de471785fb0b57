"""Recognises commands with pocketsphinx, whose small model comes with its package.

It hears the sentences of a closed grammar and refuses other speech. Decoding runs in a process of
its own; when that dies in mid-utterance, the next one gets the audio again: no word is lost.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import structlog
import trio

from voicechat.errors import EngineFailed
from voicechat.speech.ports import INPUT_RATE, Transcript
from voicechat.speech.worker import WorkerDied, WorkerProcess, python_module
from voicechat.speech.worker_child import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from voicechat.speech.stt.grammar import Grammar
    from voicechat.speech.worker import Request

log = structlog.get_logger()

NAME = "speech recogniser"
THRESHOLD = -3.0
"""Confidence (see `voicechat.speech.stt.rejection`) below which speech counts as foreign.

Tuned on half of the assistant's sentences and of everyday ones, spoken by flite without noise.
"""
CARE = 0.2
"""How much surer it must be of a sentence that the grammar marks as careful: setting a timer that
nobody asked for is worse than asking again."""
PIECE = 3200  # bytes: 100 ms, decoded in some 10 ms; then the next utterance has its turn
BYTES_PER_SECOND = 2 * INPUT_RATE


class PocketSphinxRecognizer:
    """A `voicechat.speech.ports.SpeechToText` for commands.

    Args:
        grammar: What can be said.
        threshold: Confidence below which a transcript is not accepted.
        max_streams: Utterances at once; one more waits in `open`. Each costs some 20 MB.
        max_seconds: Longest utterance; what comes later is not heard.
        command: Replaces the worker program, for tests.
    """

    def __init__(
        self,
        grammar: Grammar,
        *,
        threshold: float = THRESHOLD,
        max_streams: int = 4,
        max_seconds: float = 30.0,
        command: Sequence[str] = (),
    ) -> None:
        self._threshold = threshold
        self._careful = grammar.careful
        self._max_bytes = int(max_seconds * INPUT_RATE) * 2
        self._streams = trio.CapacityLimiter(max_streams)
        self._worker = WorkerProcess(
            NAME,
            command or python_module("voicechat.speech.stt.pocketsphinx_worker"),
            configuration={
                "jsgf": grammar.jsgf,
                "pronunciations": dict(grammar.pronunciations),
            },
            on_ready=self._on_ready,
        )

    def _on_ready(self, about: Any) -> None:
        if about["guessed"]:
            log.info("pronunciations guessed", words=about["guessed"])

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the process alive until cancelled.

        Raises:
            EngineFailed: The process cannot be started, or does not take the grammar.
        """
        await self._worker.run(task_status=task_status)

    @asynccontextmanager
    async def open(self, on_partial: Callable[[str], None]) -> AsyncIterator[PocketSphinxUtterance]:
        """Begin an utterance, after waiting until fewer than `max_streams` are open."""
        token = object()  # a task may have several utterances
        await self._streams.acquire_on_behalf_of(token)
        utterance = PocketSphinxUtterance(self._worker, on_partial, self._accepts, self._max_bytes)
        try:
            await utterance.begin()
            yield utterance
        finally:
            utterance.close()
            self._streams.release_on_behalf_of(token)

    def _accepts(self, text: str, confidence: float | None) -> bool:
        if not text or confidence is None:
            return False
        if not self._threshold <= confidence < self._threshold + CARE:
            return confidence >= self._threshold
        return not self._careful(text)  # this takes a while


@attrs.define(eq=False)
class PocketSphinxUtterance:
    """One utterance; it keeps its audio, to repeat it to a new process if the present one dies."""

    _worker: WorkerProcess
    _on_partial: Callable[[str], None]
    _accepts: Callable[[str, float | None], bool]
    _max_bytes: int
    _pcm: bytearray = attrs.field(init=False, factory=bytearray)
    _sent: int = attrs.field(init=False, default=0)
    _repeated: int = attrs.field(init=False, default=0)  # bytes whose partials were already told
    _replayed: bool = attrs.field(init=False, default=False)
    _request: Request | None = attrs.field(init=False, default=None)

    async def begin(self) -> None:
        """Ask the process for a decoder."""
        self._sent = 0
        self._request = await self._worker.begin({}, self._on_event)

    def close(self) -> None:
        """Free the decoder."""
        if self._request is not None:
            self._request.close()
            self._request = None

    async def feed(self, pcm: bytes) -> None:
        """Add audio; waits only while the process is eight pieces behind or being replaced.

        Raises:
            EngineFailed: The process died, and died again over the same audio.
        """
        room = self._max_bytes - len(self._pcm)
        if room < len(pcm) and room > 0:
            log.warning("utterance too long", seconds=self._max_bytes / BYTES_PER_SECOND)
        self._pcm += pcm[: max(0, room)]
        await self._surviving(self._send)

    async def caught_up(self) -> None:
        """Wait until all audio that was fed is decoded.

        Raises:
            EngineFailed: The process died, and died again over the same audio.
        """
        await self._surviving(self._taken)

    async def partial(self) -> Transcript:
        """What the audio so far seems to say, but for its last 16 ms, which the denoiser holds.

        The text of a command that has ended is mostly there 35 ms after its end, and its confidence
        is then within 0.1 of the final one.

        Raises:
            EngineFailed: The process died, and died again over the same audio.
        """
        return self._transcript(await self._surviving(self._ask))

    async def finish(self) -> Transcript:
        """The transcript of all audio.

        Raises:
            EngineFailed: The process died, and died again over the same audio.
        """
        transcript = self._transcript(await self._surviving(self._end))
        self.close()
        log.debug("heard", **attrs.asdict(transcript))
        return transcript

    def _transcript(self, answer: Any) -> Transcript:
        text, confidence = answer["text"], answer["confidence"]
        return Transcript(text, accepted=self._accepts(text, confidence), confidence=confidence)

    async def _surviving(self, step: Callable[[Request], Awaitable[Any]]) -> Any:
        while True:
            if self._request is None:
                raise EngineFailed(f"The utterance of the {NAME} is closed.")
            try:
                return await step(self._request)
            except WorkerDied:
                if self._replayed:
                    raise
                log.warning("utterance repeated to a new worker", bytes=len(self._pcm))
                self._replayed = True
                self._repeated = self._sent
                self.close()
                await self.begin()

    async def _send(self, request: Request) -> None:
        while self._sent < len(self._pcm):
            piece = bytes(self._pcm[self._sent : self._sent + PIECE])
            await request.send_audio(piece)
            self._sent += len(piece)

    async def _taken(self, request: Request) -> None:
        await self._send(request)
        await request.taken()

    async def _ask(self, request: Request) -> Any:
        await self._send(request)
        await request.send_ask()
        while True:
            answer = await self._next(request, Kind.ANSWER)
            if answer["taken"] == self._sent:  # else of a question that was cancelled
                return answer

    async def _end(self, request: Request) -> Any:
        await self._send(request)
        await request.send_end()
        return await self._next(request, Kind.RESULT)

    @staticmethod
    async def _next(request: Request, kind: Kind) -> Any:
        while (frame := await request.receive()).kind is not kind:
            pass
        return frame.json()

    def _on_event(self, event: Any) -> None:
        if event["taken"] > self._repeated:
            self._on_partial(event["text"])

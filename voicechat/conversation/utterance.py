"""One utterance of the user: opened with the recogniser, and as it was heard."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.errors import CapacityExceeded
from voicechat.speech.ports import INPUT_RATE
from voicechat.thermal.slot import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from voicechat.conversation.decisions import Endpoint
    from voicechat.conversation.turn import TurnRequest
    from voicechat.speech.audio import Recent
    from voicechat.speech.ports import SpeechToText, Transcript, Utterance
    from voicechat.thermal.slot import Owner, Slot

log = structlog.get_logger()

_DECODER_WAIT_S = 5.0
"""How long an utterance may wait for a free decoder before its speaker is told."""
_STRAINED_WAIT_S = 120.0
"""The same while the machine is hot, or catches up: the utterances before it take longer."""
_PAUSE = 800 * INPUT_RATE // 1000
"""So much of a pause is heard by the recogniser."""
_TRIVIAL_MS = 250
"""Voice activity shorter than this is a cough or a click: never worth an apology."""


@attrs.frozen
class Heard:
    """One utterance, recognised; times are monotonic seconds of the server.

    Attributes:
        transcript: The words.
        endpoint: Why and where it ended.
        speech_ms: From the begin of speech to its end.
        speech_end_at: When the last audio with speech in it arrived.
        endpoint_at: When its end was decided.
        final_at: When the transcript was there.
        replaces: The turn whose words were the beginning of these.
        cooling_s: Seconds in which they waited for the machine to cool down.
        stream: The microphone stream that they came from.
        until: Where in it they end, at its own rate.
    """

    transcript: Transcript
    endpoint: Endpoint
    speech_ms: float
    speech_end_at: float
    endpoint_at: float
    final_at: float
    replaces: int | None = None
    cooling_s: float = 0.0
    stream: int | None = None
    until: int = 0

    @property
    def trivial(self) -> bool:
        """Too short to be words."""
        return self.speech_ms < _TRIVIAL_MS

    def log(self) -> None:
        """Tell people about it."""
        log.info(
            "utterance",
            reason=self.endpoint.reason,
            speech_ms=round(self.speech_ms),
            accepted=self.transcript.accepted,
            confidence=self.transcript.confidence,
            transcript=self.transcript.text,
        )

    def describe(self, request: TurnRequest) -> None:
        """Tell the turn that answers how it came about."""
        request.since = self.speech_end_at
        request.endpoint_at = self.endpoint_at
        request.final_at = self.final_at
        request.endpoint = self.endpoint.reason
        request.pause_ms = (self.endpoint.at - self.endpoint.speech_end) * 1000 / INPUT_RATE
        request.speech_ms = self.speech_ms
        request.replaces = self.replaces
        request.cooling_s = self.cooling_s


@asynccontextmanager
async def recognizing(
    stt: SpeechToText, partial: Partial, owner: Owner
) -> AsyncIterator[tuple[Utterance, Slot]]:
    """An utterance of the recogniser, as soon as one is free, and the slot in which it computes.

    Args:
        stt: It.
        partial: Told of partial transcripts.
        owner: Whose utterance it is.

    Raises:
        CapacityExceeded: None became free.
    """
    # The slot comes first: in a pause nobody keeps a decoder that others could want after it.
    async with AsyncExitStack() as stack, owner.slot(Kind.STT) as slot:
        async with slot.away():
            utterance = await stack.enter_async_context(_decoder(stt, partial, owner))
        yield utterance, slot


@asynccontextmanager
async def _decoder(stt: SpeechToText, partial: Partial, owner: Owner) -> AsyncIterator[Utterance]:
    """An utterance of the recogniser, waited for with more patience while heat holds others up."""
    async with AsyncExitStack() as stack:
        while True:
            patience = _STRAINED_WAIT_S if owner.gate.strained else _DECODER_WAIT_S
            with trio.move_on_after(patience):
                utterance = await stack.enter_async_context(stt.open(partial.update))
                break
            if not owner.gate.strained:
                raise CapacityExceeded(
                    "Too many people are speaking to this server at once.",
                    suggested_action="Say it again in a moment, or type it.",
                )
        yield utterance


class Feed:
    """Lets the recogniser hear an utterance, but of a long pause only its begin and its end.

    Words that were known are lost again, or joined by others, in seconds of silence.
    """

    def __init__(self, utterance: Utterance) -> None:
        self._utterance = utterance
        self._skipped = False

    async def follow(self, frame: bytes, recent: Recent, silence: int) -> None:
        """Take in the newest frame.

        Args:
            frame: It.
            recent: All audio of late, with it.
            silence: Samples since the last speech.
        """
        if silence > _PAUSE:
            self._skipped = True
        elif self._skipped:
            self._skipped = False
            await self._utterance.feed(recent.since(recent.position - _PAUSE // 2))
        else:
            await self._utterance.feed(frame)


class Partial:
    """The newest partial transcript; an older one that was never sent is of no use to anybody."""

    def __init__(self) -> None:
        self._text = ""
        self._sent = ""

    def update(self, text: str) -> None:
        """Take the newest words."""
        self._text = text

    def take(self) -> str | None:
        """The newest words, unless they were taken already."""
        if self._text == self._sent:
            return None
        self._sent = self._text
        return self._text

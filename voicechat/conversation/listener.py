"""Follows one microphone stream: resample, voice activity, utterances, endpoints, transcripts.

A straight loop over frames of audio. While it waits for the recogniser the next audio waits in a
bounded channel behind it, and behind that in the client's socket.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.conversation.ear import Ear
from voicechat.conversation.endpoint import Endpoint, EndpointReason
from voicechat.errors import CapacityExceeded, expected
from voicechat.protocol.messages.conversation import TranscriptFinal, TranscriptPartial
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.conversation.emit import Emit
    from voicechat.errors import VoicechatError
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.audio import AudioOpen
    from voicechat.settings import Conversation as ConversationSettings
    from voicechat.speech.ports import SpeechToText, Transcript, Utterance, VoiceActivity

log = structlog.get_logger()

_DECODER_WAIT_S = 5.0
"""How long an utterance may wait for a free decoder before its speaker is told."""
_TRIVIAL_MS = 250
"""Voice activity shorter than this is a cough or a click: never worth an apology."""


@attrs.frozen
class Heard:
    """One utterance, recognised; times are monotonic seconds of the server.

    Attributes:
        transcript: The words.
        endpoint: Why and where it ended.
        speech_end_at: When the last audio with speech in it arrived.
        endpoint_at: When its end was decided.
        final_at: When the transcript was there.
        trivial: Too short to be words.
    """

    transcript: Transcript
    endpoint: Endpoint
    speech_end_at: float
    endpoint_at: float
    final_at: float
    trivial: bool


class Listener:
    """Listens to one stream after another of one session.

    Args:
        vad: Tells speech from the rest.
        stt: Recognises.
        emit: Reaches the client.
        heard: Takes each utterance.
        report: Told what went wrong with one.
        settings: Silence, pre-roll and limits.
        vad_threshold: Probability 0…1 from which a frame is speech.
    """

    def __init__(
        self,
        *,
        vad: VoiceActivity,
        stt: SpeechToText,
        emit: Emit,
        heard: Callable[[Heard], Awaitable[None]],
        report: Callable[[VoicechatError], Awaitable[None]],
        settings: ConversationSettings,
        vad_threshold: float,
    ) -> None:
        self._vad = vad
        self._stt = stt
        self._emit = emit
        self._heard = heard
        self._report = report
        self._settings = settings
        self._vad_threshold = vad_threshold

    async def listen(self, stream: AudioOpen, audio: trio.abc.ReceiveChannel[AudioFrame]) -> None:
        """Serve the stream until its channel is closed; what is open then is a finished turn.

        An utterance whose recognition breaks down is reported, and the next one is listened to.
        """
        ear = Ear(stream, audio, self._vad, self._settings, self._vad_threshold, self._emit)
        async with audio:
            while await ear.wait_for_utterance():
                heard: Heard | None = None
                try:
                    heard = await self._utterance(ear)
                except Exception as error:
                    if (known := expected(error)) is None:
                        raise
                    await self._report(known)
                    await ear.skip_utterance()
                if heard is None:
                    await self._emit(TranscriptFinal("", accepted=False, turn=None))
                else:
                    await self._heard(heard)

    async def _utterance(self, ear: Ear) -> Heard | None:
        """Recognise what is being said; None when it was no speech at all."""
        partial = _Partial()
        async with AsyncExitStack() as stack:
            with trio.move_on_after(_DECODER_WAIT_S) as waiting:
                utterance = await stack.enter_async_context(self._stt.open(partial.update))
            if waiting.cancelled_caught:
                raise CapacityExceeded(
                    "Too many people are speaking to this server at once.",
                    suggested_action="Say it again in a moment, or type it.",
                )
            await utterance.feed(ear.pre_roll())
            endpoint = await self._follow(ear, utterance, partial)
            if endpoint is None:
                return None
            endpoint_at = trio.current_time()
            transcript = await utterance.finish()
        final_at = trio.current_time()
        spoken_ms = (endpoint.speech_end - ear.speech_began) * 1000 / INPUT_RATE
        log.info(
            "utterance",
            reason=endpoint.reason,
            speech_ms=round(spoken_ms),
            accepted=transcript.accepted,
            confidence=transcript.confidence,
            transcript=transcript.text,
        )
        return Heard(
            transcript,
            endpoint,
            min(ear.arrival(endpoint.speech_end), endpoint_at),
            endpoint_at,
            final_at,
            trivial=spoken_ms < _TRIVIAL_MS,
        )

    async def _follow(self, ear: Ear, utterance: Utterance, partial: _Partial) -> Endpoint | None:
        """Feed audio until the turn is over; None when there was no speech at all."""
        longest = ear.position + ear.max_length
        while True:
            if (text := partial.take()) is not None:
                await self._emit(TranscriptPartial(text))
            chunk = await ear.next()
            if chunk is None:
                return ear.endpointer.close(ear.position)
            await utterance.feed(chunk)
            if (endpoint := ear.endpointer.advance(ear.position)) is not None:
                return endpoint
            if ear.position >= longest:  # in push-to-talk without any speech, too
                return ear.endpointer.close(ear.position, EndpointReason.MAX_LENGTH)


class _Partial:
    """The newest partial transcript; an older one that was never sent is of no use to anybody."""

    def __init__(self) -> None:
        self._text = ""
        self._sent = ""

    def update(self, text: str) -> None:
        self._text = text

    def take(self) -> str | None:
        if self._text == self._sent:
            return None
        self._sent = self._text
        return self._text

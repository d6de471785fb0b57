"""One turn: the agent's text becomes sentences, the sentences speech, the speech paced frames.

Everything runs inside the scope that the conversation opened for the turn; cancelling that scope
ends agent, synthesis and audio at once. The two halves are joined by a short channel, so an agent
that is faster than speech waits instead of filling memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.conversation.pacing import Pacer
from voicechat.conversation.sentences import SentenceSplitter
from voicechat.errors import expected
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.conversation import Origin, StreamDelta, TurnTimings
from voicechat.speech.resample import StreamResampler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.agents.ports import Agent
    from voicechat.conversation.emit import Emit
    from voicechat.errors import VoicechatError
    from voicechat.speech.ports import TextToSpeech, Transcript

    Respond = Callable[[Callable[[str], Awaitable[None]]], Awaitable[None]]

FRAME_MS = 40
"""Speech travels in frames of this length: short enough to stop soon, long enough to be cheap."""
_SENTENCES_AHEAD = 4


@attrs.define
class TurnRequest:
    """What a turn should answer, and when its stages were reached (monotonic seconds).

    Attributes:
        turn: Its number, unique in the session.
        origin: Who began it.
        text: The user's words, or what the assistant wants to say by itself.
        since: When the user had finished, or began to wait.
        rejected: Speech that the recogniser did not understand, to be answered as such.
        speak: False for text only.
        endpoint_at: When the end of the user's turn was decided.
        final_at: When the final transcript was there.
        done: Set when the turn has ended in any way.
    """

    turn: int
    origin: Origin
    text: str
    since: float
    rejected: Transcript | None = None
    speak: bool = True
    endpoint_at: float | None = None
    final_at: float | None = None
    done: trio.Event = attrs.field(factory=trio.Event)


class Turn:
    """Runs one request to its end.

    Args:
        request: What to answer.
        agent: Who thinks.
        tts: Who speaks.
        emit: Takes messages and frames for the client; waits while the client is slow.
        output_rate: Sample rate in Hz that the client wants.
        ahead_s: Seconds of speech that may leave before they are due.
    """

    def __init__(
        self,
        request: TurnRequest,
        *,
        agent: Agent,
        tts: TextToSpeech,
        emit: Emit,
        output_rate: int,
        ahead_s: float,
    ) -> None:
        self.request = request
        self.text = ""
        self.unspoken: VoicechatError | None = None
        self.frames = 0
        self.samples = 0
        self._agent = agent
        self._tts = tts
        self._emit = emit
        self._rate = output_rate
        self._pacer = Pacer(rate=output_rate, ahead_s=ahead_s)
        self._pending = b""
        self._first_token_at: float | None = None
        self._first_audio_at: float | None = None
        self._splitter = SentenceSplitter()

    def timings(self) -> TurnTimings:
        """The waterfall so far, in ms after `TurnRequest.since`."""

        def ms(at: float | None) -> float | None:
            return None if at is None else round((at - self.request.since) * 1000, 2)

        return TurnTimings(
            endpoint_ms=ms(self.request.endpoint_at),
            stt_final_ms=ms(self.request.final_at),
            first_token_ms=ms(self._first_token_at),
            first_audio_ms=ms(self._first_audio_at),
        )

    def audible_for(self, now: float) -> float:
        """Seconds for which speech that was sent may still be playing."""
        return self._pacer.left(now)

    async def run(self) -> None:
        """Answer; returns when the whole text and all speech have been sent."""
        send, receive = trio.open_memory_channel[str](_SENTENCES_AHEAD)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak_all, receive)
            async with send:
                await self._think(send)

    async def _think(self, sentences: trio.MemorySendChannel[str]) -> None:
        async def say(delta: str) -> None:
            if not delta:
                return
            if self._first_token_at is None:
                self._first_token_at = trio.current_time()
            self.text += delta
            await self._emit(StreamDelta(self.request.turn, delta))
            if self.request.speak:
                for piece in self._splitter.push(delta):
                    await sentences.send(piece)

        request = self.request
        if request.rejected is not None:
            await self._agent.not_understood(request.rejected, say)
        elif request.origin is Origin.ASSISTANT:
            await say(request.text)
        else:
            await self._agent.respond(request.text, say)
        for piece in self._splitter.flush():
            await sentences.send(piece)

    async def _speak_all(self, sentences: trio.MemoryReceiveChannel[str]) -> None:
        resampler = StreamResampler(self._tts.sample_rate, self._rate)
        async with sentences:
            async for sentence in sentences:
                if self.unspoken is None:
                    try:
                        await self._speak(sentence, resampler)
                    except Exception as error:
                        # The text is worth having without its sound: only that goes missing.
                        self.unspoken = expected(error)
                        if self.unspoken is None:
                            raise
        if self._first_audio_at is not None or self._pending:
            await self._send_audio(resampler.process(b"", last=True), last=True)

    async def _speak(self, sentence: str, resampler: StreamResampler) -> None:
        async with self._tts.speak(sentence) as chunks:
            async for chunk in chunks:
                await self._send_audio(resampler.process(chunk.pcm))

    async def _send_audio(self, pcm: bytes, *, last: bool = False) -> None:
        """Send in frames of `FRAME_MS`; the very first leaves whatever its length."""
        self._pending += pcm
        size = self._rate * FRAME_MS // 1000 * 2
        while len(self._pending) >= size or (self._pending and (self.frames == 0 or last)):
            frame, self._pending = self._pending[:size], self._pending[size:]
            await self._send_frame(frame, last=last and not self._pending)
            if last and not self._pending:
                return
        if last:
            await self._send_frame(b"", last=True)

    async def _send_frame(self, pcm: bytes, *, last: bool) -> None:
        samples = len(pcm) // 2
        if wait := self._pacer.wait(samples, trio.current_time()):
            await trio.sleep(wait)
        if self._first_audio_at is None and pcm:
            self._first_audio_at = trio.current_time()
        await self._emit(
            AudioFrame(
                FrameKind.SPEECH, self.request.turn, self.frames, self.samples, pcm, last=last
            )
        )
        self.frames += 1
        self.samples += samples

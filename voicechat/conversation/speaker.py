"""One answer's voice: sentences become speech, speech paced frames, and reports what was heard.

It may prepare speech before anybody knows that it will be wanted: nothing leaves before `begin`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.conversation.echo import EchoReference
from voicechat.conversation.heard import HeardMap
from voicechat.conversation.pacing import ClockPacer, Pacer, ReportPacer
from voicechat.errors import EngineFailed, expected
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.speech.resample import StreamResampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.emit import Emit
    from voicechat.errors import VoicechatError
    from voicechat.speech.ports import TextToSpeech

FRAME_MS = 40
"""Speech travels in frames of this length: short enough to stop soon, long enough to be cheap."""
STALLED_S = 10.0
"""A client that reports no progress for so long does not play."""
_SOON_HEARD_S = 0.25
"""Speech that left so long ago counts as heard, for what must not happen behind the user's back."""
_LAST_REPORT_S = 1.0
"""How long after its end by the clock a client may take to report that speech was played."""


@attrs.frozen
class Speech:
    """How the answers of a session are spoken.

    Attributes:
        tts: Who speaks.
        rate: Sample rate in Hz that the client wants.
        reports: Whether the client tells what it has played.
        ahead_s: Seconds of speech that may leave before they are due.
    """

    tts: TextToSpeech
    rate: int
    reports: bool
    ahead_s: float

    def pacer(self) -> Pacer:
        """For one answer."""
        kind = ReportPacer if self.reports else ClockPacer
        return kind(rate=self.rate, ahead_s=self.ahead_s)


class Speaker:
    """Speaks one answer.

    Args:
        speech: How.
        emit: Takes the frames; waits while the client is slow.
        text: The answer as far as it is known.

    Attributes:
        unspoken: What went wrong, when the answer could not be spoken to its end.
        samples: Samples that were sent.
        first_sent_at: When the first frame left (monotonic seconds).
        first_played_at: When the client first reported that it plays.
        done: Set when the client has reported that nothing of this answer is left to play.
    """

    def __init__(self, speech: Speech, emit: Emit, text: Callable[[], str]) -> None:
        self.unspoken: VoicechatError | None = None
        self.samples = 0
        self.first_sent_at: float | None = None
        self.first_played_at: float | None = None
        self.done = trio.Event()
        self._speech = speech
        self._emit = emit
        self._text = text
        self._turn = 0
        self._begun = trio.Event()
        self._reported = trio.Event()
        self._pacer = speech.pacer()
        self._map = HeardMap(rate=speech.rate, tts_rate=speech.tts.sample_rate)
        self._echo = EchoReference(speech.rate)
        self._frames = 0
        self._pending = b""
        self._stopped_at: int | None = None

    # -- what is known about it ----------------------------------------------------------------

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self._speech.rate

    @property
    def played(self) -> int:
        """Samples that were heard, as far as is known."""
        if self._stopped_at is not None:
            return self._stopped_at
        return self._pacer.played(trio.current_time())

    @property
    def audible(self) -> bool:
        """Whether the user has begun to hear it, and it may be going on."""
        return self.played > 0 and not self.done.is_set()

    @property
    def unheard(self) -> bool:
        """Whether surely nothing was heard: a report that it plays may still be on its way."""
        sent = self.first_sent_at
        return self.played == 0 and (sent is None or trio.current_time() < sent + _SOON_HEARD_S)

    def heard_chars(self) -> int:
        """How many characters of the answer the user has heard."""
        return self._map.heard(self.played)

    def echo(self, pcm: bytes) -> float:
        """How much microphone audio (16 kHz, up to now) sounds like this answer, 0…1."""
        if not self.samples:
            return 0.0
        return self._echo.score(pcm, self._pacer.position(trio.current_time()))

    # -- what happens to it --------------------------------------------------------------------

    def begin(self, turn: int) -> None:
        """Let the speech leave, as that of `turn`."""
        self._turn = turn
        self._begun.set()

    def stop(self) -> None:
        """The client was told to stop; one that does not report is taken to have done so."""
        if not self._speech.reports:
            self._stopped_at = self.played

    def report(self, played: int, *, done: bool) -> None:
        """The client has played so many samples; with `done` it will play no more of them."""
        now, before = trio.current_time(), self.played
        self._pacer.report(played, now)
        if played > 0 and self.first_played_at is None:
            self.first_played_at = now
        if done:
            self.done.set()
        if done or self.played > before:  # who reports without playing has stalled
            self._reported.set()
            self._reported = trio.Event()

    async def run(self, sentences: trio.MemoryReceiveChannel[str]) -> None:
        """Speak all sentences; returns when all their audio has been sent."""
        tts = self._speech.tts
        resampler = StreamResampler(tts.sample_rate, self._speech.rate)
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
        if self.unspoken is not None:
            self._pending = b""
            await self._send_frame(b"", last=True)
        elif self.first_sent_at is not None or self._pending:
            await self._send_audio(resampler.process(b"", last=True), last=True)

    async def played_out(self) -> None:
        """Wait until what was sent has been heard, by the client's report or else by the clock."""
        if not self.samples or self.unspoken is not None:
            return
        patience = _LAST_REPORT_S if self._speech.reports else 0.0
        left = self._pacer.left(trio.current_time())
        while left > 0 or (patience and not self.done.is_set()):
            reported = self._reported
            with trio.move_on_after(left + patience) as waiting:
                await reported.wait()
            if waiting.cancelled_caught or self.done.is_set():
                return
            left = self._pacer.left(trio.current_time())

    # -- inside --------------------------------------------------------------------------------

    async def _speak(self, sentence: str, resampler: StreamResampler) -> None:
        self._map.sentence(sentence, self._text())
        async with self._speech.tts.speak(sentence) as chunks:
            async for chunk in chunks:
                self._map.audio(len(chunk.pcm) // 2, chunk.words)
                await self._send_audio(resampler.process(chunk.pcm))
        self._map.end_sentence()

    async def _send_audio(self, pcm: bytes, *, last: bool = False) -> None:
        """Send in frames of `FRAME_MS`; the very first leaves whatever its length."""
        self._pending += pcm
        size = self._speech.rate * FRAME_MS // 1000 * 2
        while len(self._pending) >= size or (self._pending and (self._frames == 0 or last)):
            frame, self._pending = self._pending[:size], self._pending[size:]
            await self._send_frame(frame, last=last and not self._pending)
            if last and not self._pending:
                return
        if last:
            await self._send_frame(b"", last=True)

    async def _send_frame(self, pcm: bytes, *, last: bool) -> None:
        await self._begun.wait()
        samples = len(pcm) // 2
        while samples and (wait := self._pacer.wait(samples, trio.current_time())):
            if self.done.is_set():  # the client plays no more of it
                return
            await self._wait_for_room(wait)
        frame = AudioFrame(FrameKind.SPEECH, self._turn, self._frames, self.samples, pcm, last=last)
        await self._emit(frame)
        now = trio.current_time()
        if self.first_sent_at is None and pcm:
            self.first_sent_at = now
        self._pacer.sent(samples, now)
        self._echo.sent(pcm)
        self._frames += 1
        self.samples += samples

    async def _wait_for_room(self, seconds: float) -> None:
        if math.isfinite(seconds):
            await trio.sleep(seconds)
            return
        with trio.move_on_after(STALLED_S) as waiting:
            await self._reported.wait()
        if waiting.cancelled_caught:
            raise EngineFailed(
                "Your device does not play the answer.",
                suggested_action="Check that the page may play sound, then ask again.",
            )

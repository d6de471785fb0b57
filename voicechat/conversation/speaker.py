"""One answer's voice: sentences become speech, speech paced frames, and reports what was heard.

It may prepare speech before anybody knows that it will be wanted: nothing leaves before `begin`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.conversation.echo import EchoReference
from voicechat.conversation.heard import HeardMap
from voicechat.conversation.pacing import ClockPacer, Pacer, ReportPacer
from voicechat.conversation.presence import Presence
from voicechat.conversation.synthesis import (
    SentenceBegins,
    SentenceEnds,
    Synthesised,
    synthesise,
)
from voicechat.errors import EngineFailed, VoicechatError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.speech.resample import StreamResampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.emit import Emit
    from voicechat.speech.ports import TextToSpeech
    from voicechat.thermal.slot import Owner

FRAME_MS = 40
"""Speech travels in frames of this length: short enough to stop soon, long enough to be cheap."""
_CHUNKS_AHEAD = 2
"""Pieces of speech that are made before those before them were sent."""
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
        presence: Whether the client is there.
    """

    tts: TextToSpeech
    rate: int
    reports: bool
    ahead_s: float
    presence: Presence = attrs.field(factory=Presence)

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
        owner: Whose answer it is.

    Attributes:
        unspoken: What went wrong, when the answer could not be spoken to its end.
        samples: Samples that were sent.
        first_sent_at: When the first frame left (monotonic seconds).
        first_played_at: When the client first reported that it plays.
        done: Set when the client has reported that nothing of this answer is left to play.
    """

    def __init__(self, speech: Speech, emit: Emit, text: Callable[[], str], owner: Owner) -> None:
        self.unspoken: VoicechatError | None = None
        self.samples = 0
        self.first_sent_at: float | None = None
        self.first_played_at: float | None = None
        self.done = trio.Event()
        self._speech = speech
        self._emit = emit
        self._text = text
        self._owner = owner
        self._turn = 0
        self._known = trio.Event()
        self._begun = trio.Event()
        self._sending = trio.Lock()
        self._asides, self._asides_wanted = trio.open_memory_channel[tuple[bytes, trio.Event]](1)
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
        if sent is None:
            return True
        return self.played == 0 and trio.current_time() < sent + _SOON_HEARD_S

    def heard_chars(self) -> int:
        """How many characters of the answer the user has heard."""
        return self._map.heard(self.played)

    def echo(self, pcm: bytes) -> float:
        """How much microphone audio (16 kHz, up to now) sounds like this answer, 0…1."""
        if not self.samples:
            return 0.0
        return self._echo.score(pcm, self._pacer.position(trio.current_time()))

    # -- what happens to it --------------------------------------------------------------------

    def introduce(self, turn: int) -> None:
        """The client knows that `turn` has begun."""
        self._turn = turn
        self._known.set()

    def begin(self) -> None:
        """Let the speech leave: the client knows the begin of its text."""
        self._begun.set()

    def aside(self, pcm: bytes) -> trio.Event:
        """Say something in between that is no part of the answer: it needs no engine.

        Args:
            pcm: At the rate of the engine.

        Returns:
            Set when it was sent; never, when the answer ends before.
        """
        said = trio.Event()
        with suppress(trio.WouldBlock, trio.ClosedResourceError):
            self._asides.send_nowait((pcm, said))
        return said

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
        resampler = StreamResampler(self._speech.tts.sample_rate, self._speech.rate)
        made, chunks = trio.open_memory_channel[Synthesised](_CHUNKS_AHEAD)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._say_asides)
            nursery.start_soon(synthesise, self._speech.tts, self._owner, sentences, made)
            async with chunks:
                async for item in chunks:
                    await self._begun.wait()
                    async with self._sending:
                        await self._send(item, resampler)
            self._asides.close()  # one that is wanted is said to its end
        if self.unspoken is not None:
            self._pending = b""
            await self._send_frame(b"", last=True)
        elif self._frames or self._pending:
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

    async def _send(self, item: Synthesised, resampler: StreamResampler) -> None:
        if self.unspoken is not None:
            return
        match item:
            case SentenceBegins(text=sentence):
                self._map.sentence(sentence, self._text())
            case SentenceEnds():
                self._map.end_sentence()
            case VoicechatError() as error:
                self.unspoken = error
            case chunk:
                self._map.audio(len(chunk.pcm) // 2, chunk.words)
                try:
                    await self._send_audio(resampler.process(chunk.pcm))
                except EngineFailed as error:  # nobody plays it
                    self.unspoken = error

    async def _say_asides(self) -> None:
        await self._known.wait()
        engine, client = self._speech.tts.sample_rate, self._speech.rate
        async for sound, said in self._asides_wanted:
            pcm = StreamResampler(engine, client).process(sound, last=True)
            async with self._sending:
                self._map.aside(len(pcm) // 2 * engine // client)
                try:
                    await self._send_audio(pcm, aside=True)
                except EngineFailed as error:  # nobody plays it
                    self.unspoken = error
                else:
                    said.set()

    async def _send_audio(self, pcm: bytes, *, last: bool = False, aside: bool = False) -> None:
        """Send in frames of `FRAME_MS`; the very first leaves whatever its length."""
        self._pending += pcm
        size = self._speech.rate * FRAME_MS // 1000 * 2
        whole = last or aside
        while len(self._pending) >= size or (self._pending and (self._frames == 0 or whole)):
            frame, self._pending = self._pending[:size], self._pending[size:]
            await self._send_frame(frame, last=last and not self._pending, aside=aside)
            if last and not self._pending:
                return
        if last:
            await self._send_frame(b"", last=True)

    async def _send_frame(self, pcm: bytes, *, last: bool, aside: bool = False) -> None:
        samples = len(pcm) // 2
        while samples and (wait := self._pacer.wait(samples, trio.current_time())):
            if self.done.is_set():  # the client plays no more of it
                return
            await self._wait_for_room(wait)
        frame = AudioFrame(FrameKind.SPEECH, self._turn, self._frames, self.samples, pcm, last=last)
        await self._emit(frame)
        now = trio.current_time()
        if self.first_sent_at is None and pcm and not aside:
            self.first_sent_at = now
        self._pacer.sent(samples, now)
        self._echo.sent(pcm)
        self._frames += 1
        self.samples += samples

    async def _wait_for_room(self, seconds: float) -> None:
        if math.isfinite(seconds):
            await trio.sleep(seconds)
            return
        if not await self._speech.presence.does(self._reported, STALLED_S):
            raise EngineFailed(
                "Your device does not play the answer.",
                suggested_action="Check that the page may play sound, then ask again.",
            )

"""One turn: the agent's text becomes deltas for the eye, and sentences for the speaker.

Everything runs inside the scope that the conversation opened for the turn; cancelling that scope
ends agent, synthesis and audio at once. The parts are joined by short channels, so an agent that is
faster than speech waits instead of filling memory. A draft runs in the same way before the user has
surely finished: nothing of it gets out until it is released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.agents.ports import Message, Question, Role
from voicechat.conversation.cooling import CoolingTime
from voicechat.conversation.echo import text_echo
from voicechat.conversation.interruption import Answer
from voicechat.conversation.sentences import SentenceSplitter
from voicechat.conversation.speaker import Speaker
from voicechat.protocol.messages.conversation import Origin, StreamDelta, TurnStarted, TurnTimings
from voicechat.thermal.slot import Kind

if TYPE_CHECKING:
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.speaker import Speech
    from voicechat.conversation.thinking import Thinkers
    from voicechat.protocol.messages.conversation import StopReason
    from voicechat.protocol.messages.trace import EndpointReason
    from voicechat.speech.ports import Transcript
    from voicechat.thermal.slot import Owner

_SENTENCES_AHEAD = 4
_DELTAS_AHEAD = 64
_TELLING_BLANKS = 2
_ECHO_CHARS = 120
"""Around what is being heard, so much of the answer's text can come back as an echo."""


@attrs.define
class TurnRequest:
    """What a turn should answer, and when its stages were reached (monotonic seconds).

    Attributes:
        origin: Who began it.
        text: The user's words, or what the assistant wants to say by itself.
        since: When the user had finished, or began to wait.
        turn: Its number, unique in the session; 0 for a draft that is not released.
        rejected: Speech that the recogniser did not understand, to be answered as such.
        speak: False for text only.
        sound: What is heard instead of `text` synthesised, at the rate of the engine.
        urgent: Whether an announcement is made even while somebody speaks.
        complete: Whether the turn has ended by itself, with nothing left out.
        endpoint_at: When the end of the user's turn was decided.
        final_at: When the final transcript was there.
        endpoint: Why the user was taken to have finished.
        pause_ms: Silence after speech that this took.
        speech_ms: Length of what the user said.
        replaces: The turn whose words were the beginning of these.
        cooling_s: Seconds in which recognising it waited for the machine to cool down.
        drafts: Drafts that were begun for these words.
        drafted: Whether the last of them became this turn.
        withdrawn: Whether a draft is of no use any more.
        stopped: Why it was stopped before it began, if it was.
        released: Set when the turn is certain; only a draft has to wait for that.
        done: Set when the turn has ended in any way.
    """

    origin: Origin
    text: str
    since: float
    turn: int = 0
    rejected: Transcript | None = None
    speak: bool = True
    sound: bytes = b""
    urgent: bool = False
    complete: bool = False
    endpoint_at: float | None = None
    final_at: float | None = None
    endpoint: EndpointReason | None = None
    pause_ms: float | None = None
    speech_ms: float | None = None
    replaces: int | None = None
    cooling_s: float = 0.0
    drafts: int = 0
    drafted: bool = False
    withdrawn: bool = False
    stopped: StopReason | None = None
    released: trio.Event = attrs.field(factory=trio.Event)
    done: trio.Event = attrs.field(factory=trio.Event)


class Turn:
    """Runs one request to its end.

    Args:
        request: What to answer.
        thinkers: Who thinks.
        owner: For whom, at the gate of inference.
        history: What was said before.
        speech: How answers are spoken.
        emit: Takes messages and frames for the client; waits while the client is slow.

    Attributes:
        text: The answer so far.
        committed: Whether the agent may have changed something.
        cut: Whether the turn was stopped.
        false_alarms: Sounds that did not stop it.
        told: Whether the client knows that it began.
        began_at: When it was made (monotonic seconds).
    """

    def __init__(
        self,
        request: TurnRequest,
        *,
        thinkers: Thinkers,
        owner: Owner,
        history: tuple[Message, ...],
        speech: Speech,
        emit: Emit,
    ) -> None:
        self.request = request
        self.text = ""
        self.committed = False
        self.cut = False
        self.false_alarms = 0
        self.told = False
        self.began_at = trio.current_time()
        self._thinkers = thinkers
        self._cooling = CoolingTime(owner)
        self._owner = self._cooling.owner
        self._history = history
        self._emit = emit
        self.speaker = Speaker(speech, emit, lambda: self.text, self._owner)
        self._first_token_at: float | None = None
        self._splitter = SentenceSplitter()
        self._shown_chars = 0

    @property
    def heard_chars(self) -> int:
        """Characters of the answer that were heard, or could be read when it is not spoken."""
        synthesised = self.request.speak and not self.request.sound
        spoken = synthesised and self.speaker.unspoken is None
        return self.speaker.heard_chars() if spoken else self._shown_chars

    @property
    def cooling_s(self) -> float:
        """Seconds in which it, or the words that it answers, waited for the machine to cool."""
        return self.request.cooling_s + self._cooling.seconds

    @property
    def message(self) -> Message:
        """The answer as the history holds it."""
        heard = self.text[: self.heard_chars].strip()
        return Message(Role.ASSISTANT, heard, intended=self.text.strip(), cut=self.cut)

    def answer(self, *, newest: bool) -> Answer:
        """The turn as turn taking sees it.

        Args:
            newest: Whether nothing else waits to be answered.
        """
        voice = self.request.origin is Origin.VOICE and self.request.rejected is None
        return Answer(
            self.speaker.audible,
            reopenable=newest and voice and not self.committed,
            unheard=self.speaker.unheard,
            unsent=self.speaker.first_sent_at is None,
        )

    def echo(self, pcm: bytes, words: str) -> float:
        """How much microphone audio, or the words in it, are this answer, 0…1.

        Args:
            pcm: 16 kHz, up to now, from where it began to sound like speech.
            words: What it seems to say; a word or two in common tell nothing.
        """
        if not self.speaker.samples:
            return 0.0
        heard = self.speaker.heard_chars()
        spoken = self.text[max(0, heard - _ECHO_CHARS) : heard + _ECHO_CHARS]
        same = text_echo(words, spoken) if words.count(" ") >= _TELLING_BLANKS else 0.0
        return max(self.speaker.echo(pcm), same)

    def timings(self) -> TurnTimings:
        """The waterfall so far, in ms after `TurnRequest.since`."""

        def ms(at: float | None) -> float | None:
            return None if at is None else round((at - self.request.since) * 1000, 2)

        return TurnTimings(
            endpoint_ms=ms(self.request.endpoint_at),
            stt_final_ms=ms(self.request.final_at),
            first_token_ms=ms(self._first_token_at),
            first_audio_ms=ms(self.speaker.first_sent_at),
            first_played_ms=ms(self.speaker.first_played_at),
        )

    async def run(self) -> None:
        """Answer; returns when the whole text has been sent and all speech been heard."""
        say, deltas = trio.open_memory_channel[str](_DELTAS_AHEAD)
        speak, sentences = trio.open_memory_channel[str](_SENTENCES_AHEAD)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell, deltas)
            nursery.start_soon(self.speaker.run, sentences)
            async with say, speak:
                await self._think(say, speak)
        await self.speaker.played_out()

    async def tell_begin(self) -> None:
        """Tell the client that the turn begins, unless it knows."""
        if not self.told:
            await self._emit(TurnStarted(self.request.turn, self.request.origin))
            self.told = True
            self.speaker.introduce(self.request.turn)

    def begin(self) -> None:
        """It is no draft, or no longer: somebody waits for it."""
        self._owner.settle()

    async def _tell(self, deltas: trio.MemoryReceiveChannel[str]) -> None:
        """Send the text, from the moment when the turn is certain."""
        async with deltas:
            await self.request.released.wait()
            await self.tell_begin()
            async for delta in deltas:
                await self._emit(StreamDelta(self.request.turn, delta))
                self._shown_chars += len(delta)
                self.speaker.begin()  # the text goes before its sound

    async def _think(
        self, deltas: trio.MemorySendChannel[str], sentences: trio.MemorySendChannel[str]
    ) -> None:
        if self.request.origin not in {Origin.VOICE, Origin.TEXT}:
            await self._announce(deltas, sentences)
            return
        async with self._owner.slot(Kind.AGENT) as slot:
            agent = self._thinkers.choose(self._owner.gate.limits)

            async def say(delta: str) -> None:
                if delta:
                    self._take(delta)
                    await slot.send(deltas, delta)
                    if self.request.speak:
                        for piece in self._splitter.push(delta):
                            await slot.send(sentences, piece)
                await slot.checkpoint()

            async def certain() -> None:
                async with slot.away():
                    await self.request.released.wait()
                await trio.lowlevel.checkpoint_if_cancelled()  # reopened while it waited
                self.committed = True

            if self.request.rejected is not None:
                await agent.not_understood(self.request.rejected, say)
            else:
                question = Question(self.request.text, self._history, certain, slot.away)
                await agent.respond(question, say)
        for piece in self._splitter.flush():
            await sentences.send(piece)

    async def _announce(
        self, deltas: trio.MemorySendChannel[str], sentences: trio.MemorySendChannel[str]
    ) -> None:
        self._take(self.request.text)
        await deltas.send(self.request.text)
        if self.request.speak and self.request.sound:
            self.speaker.aside(self.request.sound)
        elif self.request.speak:
            for piece in (*self._splitter.push(self.request.text), *self._splitter.flush()):
                await sentences.send(piece)

    def _take(self, delta: str) -> None:
        if self._first_token_at is None:
            self._first_token_at = trio.current_time()
        self.text += delta

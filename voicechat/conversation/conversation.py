"""What the user says and types becomes turns; what turn taking decides reaches the answer.

The listener decides when somebody has finished or interrupts; this is where it takes effect, and
where a typed message, an interrupt key and a timer that rings meet it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.agents.ports import Completeness
from voicechat.conversation.backchannel import is_backchannel
from voicechat.conversation.ducking import Ducking
from voicechat.conversation.finished import completeness_of
from voicechat.conversation.interruption import Answer
from voicechat.conversation.noticing import Noticing
from voicechat.conversation.turn import TurnRequest
from voicechat.conversation.turns import Turns
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.conversation import Origin, StopReason, TranscriptFinal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from voicechat.agents.ports import Message
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.speaker import Speech
    from voicechat.conversation.thinking import Thinkers
    from voicechat.conversation.utterance import Heard
    from voicechat.errors import VoicechatError
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.thermal.slot import Owner

_SPOKEN_REFUSALS = 2
"""So many refusals in a row are spoken; after that only shown, or a television makes it nag."""


class Conversation:
    """The conversation of one session.

    Args:
        thinkers: Who thinks.
        owner: For whom, at the gate of inference.
        speech: How answers are spoken.
        emit: Reaches the client.
        report: Tells the client what went wrong beside the answer.
        speak: Whether answers are spoken.
        on_trace: Told of each turn that has ended, for metrics.
    """

    def __init__(
        self,
        *,
        thinkers: Thinkers,
        owner: Owner,
        speech: Speech,
        emit: Emit,
        report: Callable[[VoicechatError], Awaitable[None]],
        speak: bool,
        on_trace: Callable[[TurnTrace], None] = lambda _: None,
    ) -> None:
        self._thinkers = thinkers
        self._emit = emit
        self.presence = speech.presence
        self._turns = Turns(
            thinkers=thinkers,
            owner=owner,
            speech=speech,
            emit=emit,
            report=report,
            speak=speak,
            on_trace=on_trace,
        )
        self._noticing = Noticing(self._turns)
        self._draft: TurnRequest | None = None
        self._drafts = 0
        self._refusals = 0
        self._ducking = Ducking(emit)
        self._draining = False

    async def run(self) -> None:
        """Own the agent's background work and the turns, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._thinkers.run, self.announce)
            nursery.start_soon(self._turns.run)

    # -- what the client says ------------------------------------------------------------------

    @property
    def speak(self) -> bool:
        """Whether answers are spoken; can be changed at any time."""
        return self._turns.speak

    @speak.setter
    def speak(self, speak: bool) -> None:
        self._turns.speak = speak

    def restore(self, messages: Iterable[tuple[int, Message]], last: int) -> None:
        """Go on after turn `last`; what was said by then comes with its turns."""
        self._turns.restore(messages, last)

    async def until(self, *, idle: bool) -> None:
        """Wait until something is to be answered, or nothing is."""
        await self._turns.waiting.until(lambda: self._turns.idle is idle)

    @property
    def traces(self) -> tuple[TurnTrace, ...]:
        """Records of the newest turns, oldest first."""
        return tuple(self._turns.traces)

    def user_text(self, text: str, since: float | None = None) -> int:
        """The user typed, at `since` or now; stops the answer that was running then.

        Returns:
            The number of the turn that will answer.

        Raises:
            ProtocolError: With code `backpressure` when too many turns wait, or
                `server_shutting_down`.
        """
        self._check_open()
        at = trio.current_time() if since is None else since
        request = TurnRequest(Origin.TEXT, text, at, self._turns.waiting.number())
        self._turns.ask(request)
        return request.turn

    def interrupt(self, turn: int | None) -> None:
        """Stop the answer that is running, if it is `turn` or `turn` is None."""
        self._turns.stop(StopReason.INTERRUPTED, turn)

    def played(self, turn: int, samples: int, *, done: bool) -> None:
        """The client's loudspeaker: `samples` of `turn` were heard, with `done` for good."""
        for known in (self._turns.latest, self._turns.previous):
            if known is not None and known.request.turn == turn:
                known.speaker.report(samples, done=done)

    async def announce(self, text: str) -> None:
        """Say `text` as a turn of the assistant's own, when nobody else speaks."""
        if not self._draining:
            await self._turns.announce(TurnRequest(Origin.ASSISTANT, text, trio.current_time()))

    async def notice(self, words: str, sound: bytes) -> bool:
        """Say something of the server's own without an engine; see `Noticing.say`."""
        if not self.speak or self._draining:
            return True
        self.withdraw()  # a draft would only be in the way
        return await self._noticing.say(words, sound)

    # -- what turn taking needs to know --------------------------------------------------------

    def answer(self, heard_at: float) -> Answer | None:
        """The answer that is on its way or being heard.

        Args:
            heard_at: When the microphone heard what may interrupt it (monotonic seconds): what is
                older than an answer, and has waited to be listened to, was not said into it.
        """
        turn = self._turns.current
        if turn is not None and heard_at < turn.began_at:
            return None
        if turn is None or not turn.request.released.is_set():
            return Answer(audible=False) if self._turns.waiting.certain else None
        return turn.answer(newest=not self._turns.waiting.certain and not self._draining)

    def completeness(self, words: str) -> Completeness:
        """How finished `words` are."""
        known = self._thinkers.agent.completeness(words)
        return completeness_of(words) if known is Completeness.UNKNOWN else known

    def echo(self, pcm: bytes, words: str) -> float:
        """How much the newest audio, or the words in it, are the assistant's own: `Turn.echo`."""
        turn = self._turns.latest
        return 0.0 if turn is None else turn.echo(pcm, words)

    # -- what turn taking decides --------------------------------------------------------------

    def user_speaks(self, *, speaks: bool) -> None:
        """An utterance is open, or no longer: the assistant does not begin by itself then."""
        self._turns.waiting.floor_taken = speaks

    def speculate(self, text: str) -> None:
        """The user may have finished with these words: prepare the answer."""
        self.withdraw()
        if self._draining:
            return
        self._drafts += 1
        self._draft = TurnRequest(Origin.VOICE, text, trio.current_time())
        self._turns.draft(self._draft)

    def withdraw(self) -> None:
        """What was prepared is of no use."""
        if self._draft is not None:
            self._turns.withdraw(self._draft)
            self._draft = None

    async def duck(self) -> None:
        """Somebody may be interrupting: let the client play softly."""
        await self._ducking.soften(self._turns.current)

    async def calm(self) -> None:
        """Nobody was interrupting, so far."""
        await self._ducking.restore(self._turns.current)

    async def false_alarm(self) -> None:
        """It was nobody."""
        if self._turns.current is not None:
            self._turns.current.false_alarms += 1
        await self.calm()

    def barge_in(self) -> None:
        """The user takes the floor."""
        self._ducking.forget()
        self._turns.stop(StopReason.BARGE_IN)

    def reopen(self) -> int | None:
        """The user had not finished: drop the answer of which nothing was heard.

        Returns:
            The number of its turn.
        """
        turn = self._turns.current
        if turn is None:
            return None
        self._turns.stop(StopReason.REOPENED)
        self._turns.history.forget(turn.request.turn)
        return turn.request.turn

    async def heard(self, heard: Heard) -> None:
        """An utterance of the user is final.

        Raises:
            ProtocolError: As `user_text`; the client was told the words.
        """
        transcript = heard.transcript
        draft, self._draft = self._draft, None
        drafts, self._drafts = self._drafts, 0
        request: TurnRequest | None = None
        refused: ProtocolError | None = None
        # While an answer can be heard, what is not understood is most likely its own echo.
        echoed = self._noticing.echoed(heard)
        understood = transcript.accepted and transcript.text != "" and not echoed
        nothing = heard.trivial or echoed or is_backchannel(transcript.text)
        if understood or (not nothing and self.answer(heard.speech_end_at) is None):
            try:
                request = self._request(heard, understood=understood)
                request.drafts = drafts
            except ProtocolError as error:
                refused = error
        number = None if request is None else request.turn
        text, accepted = transcript.text, transcript.accepted
        if nothing and not understood:
            text, accepted = "", True
        certainty, where = transcript.confidence, (heard.stream, heard.until)
        final = TranscriptFinal(text, accepted, number, certainty, heard.replaces, *where)
        with self._turns.busy():
            await self._emit(final)
        if request is not None and understood and draft is not None and draft.text == request.text:
            heard.describe(draft)
            draft.drafts, draft.drafted = drafts, True
            if self._turns.release(draft, request.turn):
                return
        if draft is not None:
            self._turns.withdraw(draft)
        if refused is not None:
            raise refused
        if request is not None:
            self._turns.ask(request)

    # -- the end -------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take no new turn; return when the one that is running has ended."""
        self._draining = True
        self.withdraw()
        await self._turns.drain()

    def stop(self) -> None:
        """End every turn that is left because the server does."""
        self._turns.stop_all()

    # -- inside --------------------------------------------------------------------------------

    def _request(self, heard: Heard, *, understood: bool) -> TurnRequest:
        self._check_open()
        request = TurnRequest(Origin.VOICE, heard.transcript.text, heard.speech_end_at)
        heard.describe(request)
        request.turn = self._turns.waiting.number()
        self._refusals = 0 if understood else self._refusals + 1
        if not understood:
            request.rejected = heard.transcript
            request.speak = self._refusals <= _SPOKEN_REFUSALS
        return request

    def _check_open(self) -> None:
        if self._draining:
            code, advice = ErrorCode.SERVER_SHUTTING_DOWN, "Ask again when it is back."
            raise ProtocolError("The server is shutting down.", suggested_action=advice, code=code)
        self._turns.waiting.check_room()

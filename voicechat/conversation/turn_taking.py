"""Who has the floor: when the user has finished, goes on, interrupts, or only coughed. PURE.

The state follows from what voice activity, the answer and the decisions below signal:

    IDLE ─speech─> LISTENING ─pause─> MAYBE_FINISHED ─endpoint─> THINKING ─audible─> SPEAKING
                   ^  ^  ^                  │                     │    │                │
                   │  │  └──────speech──────┘                     │    └─────speech─────┤
                   │  └──────────────────reopen───────────────────┘                     v
                   └──────────────────barge-in──────────────────────────────────── INTERRUPTED
                                                 as before <─────false alarm────────────┘

It is stepped once for each frame of voice activity, and positions are samples of the microphone
stream: the same recording is always decided in the same way, however fast the machine is.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Decision, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.interruption import Answer, Suspicion, Verdict
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from voicechat.conversation.finished import Words
    from voicechat.conversation.rules import Rules


class State(Enum):
    """Who has the floor."""

    IDLE = auto()
    LISTENING = auto()
    MAYBE_FINISHED = auto()
    THINKING = auto()
    SPEAKING = auto()
    INTERRUPTED = auto()


class Signal(Enum):
    """What can change that."""

    SPEECH = auto()  # voice activity began
    PAUSE = auto()  # voice activity ended
    ENDPOINT = auto()  # the pause was long enough
    ANSWER = auto()  # an answer is on its way
    AUDIBLE = auto()  # the user can hear it
    OVER = auto()  # there is no answer, or no longer
    BARGE_IN = auto()  # somebody really wants the floor
    FALSE_ALARM = auto()  # nobody does
    REOPEN = auto()  # the endpoint was too early


_I, _L, _M, _T, _S, _X = State
_SIGNALS: Final = tuple(Signal)
_ROWS: Final = {
    # SPEECH, PAUSE, ENDPOINT, ANSWER, AUDIBLE, OVER, BARGE_IN, FALSE_ALARM, REOPEN
    _I: (_L, _I, _I, _T, _S, _I, _I, _I, _I),
    _L: (_L, _M, _T, _L, _L, _L, _L, _L, _L),
    _M: (_L, _M, _T, _M, _M, _M, _M, _M, _M),
    _T: (_X, _T, _T, _T, _S, _I, _T, _T, _L),
    _S: (_X, _S, _S, _T, _S, _I, _S, _S, _S),
    _X: (_X, _X, _T, _X, _X, _X, _L, _I, _L),
}
TRANSITIONS: Final = {
    (state, signal): after
    for state, row in _ROWS.items()
    for signal, after in zip(_SIGNALS, row, strict=True)
}
"""Every pair of state and signal. After a false alarm the next frame tells whether there is still
an answer, so it leads to IDLE."""

USER_STATES: Final = frozenset({State.LISTENING, State.MAYBE_FINISHED, State.INTERRUPTED})
"""An utterance is open."""

_MS: Final = INPUT_RATE // 1000
_ECHO_TAIL: Final = 400 * _MS
"""How long a room goes on with the answer after its end, for half-duplex."""


class TurnTaking:
    """Decides for one microphone stream; see the module.

    For each frame call `hear`, then `decide`, with the words if `wants_words`.

    Args:
        rules: May be replaced at any time.

    Attributes:
        state: Who has the floor.
        answer: What there is of an answer; it may change between `hear` and `decide`.
        began: Sample where the speech of the utterance that is open began.
        onset: Sample where voice activity began, be it echo.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.state = State.IDLE
        self.began = 0
        self.onset = 0
        self._began_before = 0
        self._voiced = False
        self._fading = False
        self._reopens = False  # who interrupts now has not finished what was said before
        self._speech_end = 0
        self.answer: Answer | None = None
        self._endpoint_at: int | None = None
        self._suspicion = Suspicion(0, rules.barge_in_ms)
        self._position = 0
        self._drafted = ""
        self._deaf_until = 0

    @property
    def wants_words(self) -> bool:
        """Whether the next `decide` depends on the words."""
        if not self.rules.hands_free:
            return False
        return self.state is State.MAYBE_FINISHED or self.state is State.INTERRUPTED

    @property
    def silence(self) -> int:
        """Samples since the last speech."""
        return 0 if self._voiced else self._position - self._speech_end

    def hear(
        self,
        position: int,
        answer: Answer | None,
        *,
        started: int | None = None,
        ended: int | None = None,
        fading: bool = False,
    ) -> Effect | None:
        """Take in a frame that ends at sample `position`.

        Args:
            position: Everything before it is known.
            answer: What there is of an answer.
            started: Where voice activity began, if it did in this frame.
            ended: Where it ended.
            fading: There is no voice in this frame, though it may be too early to speak of an end.
        """
        self._position = position
        self._fading = fading
        if started is not None:
            self._voiced = True
        elif ended is not None:
            self._voiced = False
            self._speech_end = ended
        self.answer = answer
        deaf = self._deaf()
        self._signal(
            Signal.OVER if answer is None else Signal.AUDIBLE if answer.audible else Signal.ANSWER
        )
        if not self._voiced:
            self._signal(Signal.PAUSE)
            return None
        if self.state in {State.LISTENING, State.INTERRUPTED} or deaf:
            return None
        went_on = self.state is State.MAYBE_FINISHED
        at = position if started is None else started
        self._reopens = not went_on and self._may_reopen(at)
        if self._reopens and answer is not None and answer.unsent:
            return self._reopen()
        self._signal(Signal.SPEECH)
        if not went_on:
            self.began = self.onset = at
            self._suspicion = Suspicion(at, self.rules.barge_in_ms)
        elif self._drafted:
            self._drafted = ""
            return Effect.WITHDRAW
        return None

    def decide(self, words: Words, *, echo: float = 0.0, energy: float = 0.0) -> Decision | None:
        """What follows from the frame.

        Args:
            words: Those so far; only looked at when `wants_words`.
            echo: How much the newest audio sounds like the assistant's own voice, 0…1.
            energy: Mean square of the frame.
        """
        if self.state is State.INTERRUPTED:
            return self._decide_interruption(words, echo, energy)
        if self.state not in USER_STATES:
            return None
        if self._too_long():
            return self._end(EndpointReason.MAX_LENGTH)
        if self.state is State.MAYBE_FINISHED and self.rules.hands_free:
            return self._decide_pause(words)
        return None

    def close(self, reason: EndpointReason = EndpointReason.CLOSED) -> Endpoint | None:
        """No more audio comes, or no more is taken: an utterance that is open is over."""
        if self.state not in {State.LISTENING, State.MAYBE_FINISHED}:
            self.state = State.IDLE
            return None
        return self._end(reason)

    # -- inside --------------------------------------------------------------------------------

    def _signal(self, signal: Signal) -> None:
        self.state = TRANSITIONS[self.state, signal]

    def _deaf(self) -> bool:
        """Half-duplex: nothing is heard while the answer is, nor its tail in the room."""
        if self.rules.barge_in or not self.rules.hands_free:
            return False
        if self.answer is not None and self.answer.audible:
            self._deaf_until = self._position + _ECHO_TAIL
        return self._position < self._deaf_until

    def _may_reopen(self, at: int) -> bool:
        return (
            self.answer is not None
            and self.answer.reopenable
            and self.answer.unheard
            and self._endpoint_at is not None
            and at - self._endpoint_at <= self.rules.reopen_ms * _MS
        )

    def _reopen(self) -> Effect:
        self._signal(Signal.REOPEN)
        self._endpoint_at = None
        self.began = self._began_before
        if not self._voiced:
            self._signal(Signal.PAUSE)
        return Effect.REOPEN

    def _decide_pause(self, words: Words) -> Speculate | Endpoint | None:
        delay = self.rules.patience.delay_ms(words.completeness)
        if self.silence >= delay * _MS:
            return self._end(_REASONS[words.completeness])
        worth_it = words.accepted and words.completeness is not Completeness.OPEN
        if self.rules.speculation and worth_it and words.text not in {"", self._drafted}:
            self._drafted = words.text
            return Speculate(words.text)
        return None

    def _decide_interruption(
        self, words: Words, echo: float, energy: float
    ) -> Effect | BargeIn | Listen | None:
        if self._deaf():
            self._signal(Signal.FALSE_ALARM)
            return Effect.FALSE_ALARM
        paused = None if self._voiced else self.silence
        verdict = self._suspicion.weigh(
            self._position,
            voiced=self._voiced and not self._fading,
            paused=paused,
            answer=self.answer is not None,
            words=words if self.rules.hands_free else None,
            echo=echo,
            energy=energy,
        )
        if verdict is Verdict.SOMEBODY:
            return self._give_way()  # and if it is too long by now, the next frame ends it
        if verdict is Verdict.NOTHING or self._too_long():
            self._signal(Signal.FALSE_ALARM)
            return Effect.FALSE_ALARM
        if verdict is Verdict.LISTEN:
            self.began = self._suspicion.since
            return Listen(self.began)
        return _EFFECTS.get(verdict)

    def _give_way(self) -> Effect | BargeIn:
        if self._reopens and self.answer is not None and self.answer.reopenable:
            return self._reopen()
        self._signal(Signal.BARGE_IN)
        self.began = self._suspicion.since
        if not self._voiced:
            self._signal(Signal.PAUSE)
        return BargeIn(self.began)

    def _too_long(self) -> bool:
        return self._position - self.began >= self.rules.max_length_ms * _MS

    def _end(self, reason: EndpointReason) -> Endpoint:
        self._signal(Signal.ENDPOINT)
        self._began_before = self.began
        # After a cut in the middle of speech, what follows is another utterance.
        cut = reason is EndpointReason.MAX_LENGTH
        self._endpoint_at = None if cut else self._position
        self._drafted = ""
        speech_end = self._position if self._voiced else self._speech_end
        return Endpoint(reason, speech_end, self._position)


_EFFECTS: Final = {Verdict.DUCK: Effect.DUCK, Verdict.CALM: Effect.CALM}
_REASONS: Final = {
    Completeness.COMPLETE: EndpointReason.COMPLETE,
    Completeness.EXTENDABLE: EndpointReason.EXTENDABLE,
    Completeness.UNKNOWN: EndpointReason.SILENCE,
    Completeness.OPEN: EndpointReason.OPEN,
}

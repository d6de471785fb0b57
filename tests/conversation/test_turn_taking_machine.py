"""Turn taking, driven at random frame by frame, beside a model that reads the whole record anew."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conversation.naive_turn_taking import Naive
from tests.conversation.turn_frames import (
    ANSWERS,
    AUDIBLE,
    FRAME,
    FRESH,
    JUST_HEARD,
    MS,
    PLAIN,
    SENT,
    TEXTS,
    THINKING,
    Frame,
    begins_at,
    evidence,
    least_evidence,
    most_excess,
    moved_back,
    step,
)
from voicechat.agents.ports import Completeness
from voicechat.conversation import interruption
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.echo import ECHO_SCORE
from voicechat.conversation.finished import Patience, Words
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import USER_STATES, State, TurnTaking
from voicechat.protocol.messages.trace import EndpointReason

QUIETER = interruption._QUIETER
SHIFT = 12_345

pytestmark = pytest.mark.requirement("V-4", "V-7")


class Listening(RuleBasedStateMachine):
    """A user, a recogniser and an answer that do what they like; each rule lasts some frames."""

    @initialize(
        hands_free=st.sampled_from([True, True, True, False]),
        barge_in=st.sampled_from([True, True, False]),
        speculation=st.booleans(),
        barge_in_ms=st.sampled_from([100, 250, 700]),
        reopen_ms=st.sampled_from([0, 600, 2000]),
        max_length_ms=st.sampled_from([1000, 4000, 30_000, 30_000]),
        floor=st.sampled_from([100, 150, 1000]),
        ceiling=st.sampled_from([1000, 2500]),
    )
    def begin(self, floor, ceiling, **rules):
        self.rules = Rules(patience=Patience(0.5, floor, ceiling), **rules)
        self.taking, self.shifted = TurnTaking(self.rules), TurnTaking(self.rules)
        self.naive, self.log, self.told = Naive(), [], []
        self.voiced, self.answer = False, None
        self.turned = 0  # where voice activity began or ended last
        self.words, self.echo, self.energy, self.fading = PLAIN, 0.0, 1.0, False
        self.drafted, self.ducked, self.opened = False, False, 0

    # -- what happens --------------------------------------------------------------------------

    @rule(late=st.integers(1, 3 * FRAME), frames=st.integers(1, 45))
    def voice_changes(self, late, frames):
        self.turned = max(self.turned, self.position + FRAME - late)
        self.voiced = not self.voiced
        self.frame(**{"started" if self.voiced else "ended": self.turned})
        self.pass_time(frames)

    @precondition(lambda self: not self.voiced)
    @rule(
        speech=st.integers(6, 30),
        pause=st.integers(2, 85),
        answer=st.sampled_from([FRESH, SENT, SENT, THINKING, AUDIBLE]),
        silence=st.integers(1, 20),
        then=st.sampled_from([None, SENT, JUST_HEARD, AUDIBLE, AUDIBLE]),
    )
    def somebody_says_something(self, speech, pause, answer, silence, then):
        """And perhaps goes on after the end, though an answer is on its way at once."""
        self.voice_changes(FRAME, speech)
        self.voice_changes(FRAME, 1)
        before = len(self.told)
        for _ in range(pause):
            self.frame()
            if any(isinstance(said, Endpoint) for _, said in self.told[before:]):
                self.answer_changes(answer, silence)
                self.voice_changes(FRAME, 2)
                self.answer_changes(then, 10)
                return

    @precondition(lambda self: not self.voiced)
    @rule(
        texts=st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3),
        answer=st.sampled_from(ANSWERS[1:]),
        frames=st.integers(3, 9),
    )
    def somebody_speaks_up(self, texts, answer, frames):
        self.answer, self.echo, self.fading = answer, 0.0, False
        self.voice_changes(FRAME, 1)
        for text in texts:
            self.words_change(frames, text=text, accepted=True)

    @rule(
        text=st.sampled_from(TEXTS),
        accepted=st.sampled_from([True, True, True, False]),
        completeness=st.sampled_from(Completeness),
        frames=st.integers(0, 8),
    )
    def words_change(self, frames, **words):
        self.words = Words(**words)
        self.pass_time(frames)

    @rule(answer=st.sampled_from(ANSWERS), frames=st.integers(0, 8))
    def answer_changes(self, answer, frames):
        self.answer = answer
        self.pass_time(frames)

    @rule(
        echo=st.sampled_from([0.0, 0.0, 0.0, ECHO_SCORE, ECHO_SCORE + 0.01]),
        energy=st.sampled_from([1.0, 1.0, 0.5, QUIETER, 0.99 * QUIETER, 0.0]),
        fading=st.sampled_from([False, False, True]),
        frames=st.integers(0, 5),
    )
    def room_echoes(self, echo, energy, fading, frames):
        self.echo, self.energy, self.fading = echo, energy, fading
        self.pass_time(frames)

    @rule(answer=st.sampled_from(ANSWERS[1:]), before=st.integers(0, 6), behind=st.integers(0, 9))
    def somebody_speaks_over_an_echo(self, answer, before, behind):
        self.answer = answer
        self.pass_time(not self.voiced)
        for echo, frames in ((1.0, before), (0.0, 12), (1.0, behind)):
            self.echo = echo
            if not self.voiced:
                self.voice_changes(FRAME, 1)
            self.pass_time(frames)

    @rule(slider=st.floats(0, 1))
    def slider_moves(self, slider):
        patience = attrs.evolve(self.rules.patience, slider=slider)
        self.rules = attrs.evolve(self.rules, patience=patience)

    @rule(frames=st.integers(1, 40))
    def pass_time(self, frames):
        for _ in range(frames):
            self.frame()

    @precondition(lambda self: self.log)
    @rule()
    def close(self):
        """The stream ends; the machine goes on with a new one."""
        is_open = self.taking.state in {State.LISTENING, State.MAYBE_FINISHED}
        end = self.taking.close()
        assert (end is not None) == is_open
        if end is not None:
            speech_end = self.position if self.voiced else self.turned
            assert end == Endpoint(EndpointReason.CLOSED, speech_end, self.position)
            assert moved_back(self.shifted.close(), SHIFT) == end
        self.again()
        self.taking, self.shifted = TurnTaking(self.rules), TurnTaking(self.rules)
        self.naive, self.log, self.told = Naive(), [], []
        self.turned, self.voiced, self.drafted, self.ducked = 0, False, False, False

    # -- what is checked -----------------------------------------------------------------------

    @property
    def position(self):
        return self.log[-1].position if self.log else 0

    def frame(self, started=None, ended=None):
        """A frame goes by; everything that can be said of it is checked."""
        voice = (started, ended, self.voiced, self.turned)
        heard = (self.answer, self.words, self.echo, self.rules, self.fading, self.energy)
        frame = Frame(self.position + FRAME, *voice, *heard)
        self.log.append(frame)
        before = self.taking.state
        effect, decision = step(self.taking, frame)
        self.told.append((effect, decision))
        assert self.naive.step(self.log) == (effect, decision)
        shifted = [moved_back(each, SHIFT) for each in step(self.shifted, frame, SHIFT)]
        assert shifted == [effect, decision], "a stream that began later is decided alike"
        assert self.shifted.state is self.taking.state
        if effect is not None:
            self.check_effect(effect, before)
        if decision is not None:
            self.check_decision(decision)

    def check_effect(self, effect, before):
        assert self.voiced
        if effect is Effect.WITHDRAW:
            assert self.drafted
            self.drafted = False
            return
        assert effect is Effect.REOPEN
        assert before not in USER_STATES
        assert self.answer is FRESH
        self.check_reopened(begins_at(self.log[-1]))

    def check_reopened(self, onset):
        assert not self.drafted
        end = next(said for _, said in reversed(self.told[:-1]) if isinstance(said, Endpoint))
        assert onset - end.at <= self.rules.reopen_ms * MS
        assert end.reason is not EndpointReason.MAX_LENGTH
        assert self.taking.began == self.opened, "it is one utterance"

    def check_decision(self, decision):
        frame, patience = self.log[-1], self.rules.patience
        silence = frame.position - self.turned
        if isinstance(decision, Speculate):
            assert self.rules.speculation
            assert self.words.accepted
            assert self.words.completeness is not Completeness.OPEN
            assert decision.text == self.words.text != ""
            self.drafted = True
        elif isinstance(decision, Endpoint):
            assert decision.at == frame.position
            assert any(each.started is not None for each in self.log), "nobody has spoken"
            if decision.reason is EndpointReason.MAX_LENGTH:
                assert frame.position - self.taking.began >= self.rules.max_length_ms * MS
            else:
                assert self.rules.hands_free
                assert silence >= min(patience.floor_ms, patience.ceiling_ms) * MS
                assert decision.speech_end == self.turned
            self.drafted = False
            self.opened = self.taking.began  # where the utterance that has just ended began
        else:
            assert not self.drafted
            self.check_interruption(decision)

    def check_interruption(self, decision):
        match decision:
            case Effect.DUCK:
                assert not self.ducked
                assert self.answer is not None
                assert evidence(self.log, self.taking.onset) >= self.rules.barge_in_ms
            case Effect.CALM:
                assert self.ducked
                assert self.echo > ECHO_SCORE
            case Listen(since):
                assert since > self.taking.onset
                assert since == self.taking.began
                assert evidence(self.log, since) * MS >= interruption._NEW_VOICE
                past = [f for f in self.log if self.taking.onset < f.position <= since and f.voiced]
                assert not past or any(f.echo > ECHO_SCORE or f.fading for f in past)
            case Effect.REOPEN:
                assert self.answer.reopenable
                self.check_reopened(self.taking.onset)
                self.check_somebody(self.taking.onset)
            case BargeIn(since):
                self.check_somebody(since)
            case _:
                assert decision is Effect.FALSE_ALARM
        if not isinstance(decision, Listen):
            self.ducked = decision is Effect.DUCK

    def check_somebody(self, since):
        if self.rules.hands_free:
            assert self.rules.barge_in or self.answer is None or not self.answer.audible
            assert evidence(self.log, since) * MS >= least_evidence(self.log[-1])

    @invariant()
    def neither_pause_nor_utterance_is_longer_than_it_may_be(self):
        if self.taking.state is State.MAYBE_FINISHED and not self.voiced and self.rules.hands_free:
            assert self.position - self.turned < self.rules.patience.ceiling_ms * MS
        if self.taking.state in {State.LISTENING, State.MAYBE_FINISHED}:
            longest = self.rules.max_length_ms * MS + most_excess(self.told[-1][1])
            assert self.position - self.taking.began < longest

    @invariant()
    def a_soft_answer_is_soft_only_while_somebody_may_interrupt(self):
        assert not self.ducked or self.taking.state is State.INTERRUPTED

    @invariant()
    def state_is_what_the_record_says(self):
        if self.log:
            assert self.taking.state is self.naive.state
            if self.taking.state in USER_STATES:
                assert self.taking.began == self.naive.began

    def again(self):
        """The same frames once more."""
        if self.log:
            taking = TurnTaking(self.log[0].rules)
            assert [step(taking, frame) for frame in self.log] == self.told

    def teardown(self):
        if hasattr(self, "log"):
            self.again()


TestListening = Listening.TestCase
TestListening.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)

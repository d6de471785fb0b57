"""Turn taking, driven at random frame by frame, beside a model that reads the whole record anew."""

from __future__ import annotations

from itertools import accumulate, product

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conversation.naive_turn_taking import FRAME, MS, Frame, Naive
from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Speculate
from voicechat.conversation.finished import Patience, Words
from voicechat.conversation.interruption import Answer
from voicechat.conversation.turn_taking import TRANSITIONS, Rules, Signal, State, TurnTaking
from voicechat.protocol.messages.trace import EndpointReason

THINKING = Answer(audible=False)
REOPENABLE = Answer(audible=False, reopenable=True)
AUDIBLE = Answer(audible=True)
TEXTS = ["", "what time", "what time is it", "stop", "no, wait a minute", "uh-huh", "yeah, right"]
SHIFT = 12_345

pytestmark = pytest.mark.requirement("V-4", "V-7")


def step(taking, frame, shift=0):
    """What a frame leads to: the effect of hearing it, and the decision."""

    def moved(sample):
        return None if sample is None else sample + shift

    taking.rules = frame.rules
    effect = taking.hear(
        frame.position + shift,
        frame.answer,
        started=moved(frame.started),
        ended=moved(frame.ended),
    )
    words = frame.words if taking.wants_words else Words()
    return effect, taking.decide(words, echo=frame.echo)


def moved_back(decision):
    match decision:
        case BargeIn(since):
            return BargeIn(since - SHIFT)
        case Endpoint(reason, speech_end, at):
            return Endpoint(reason, speech_end - SHIFT, at - SHIFT)
        case _:
            return decision


class Listening(RuleBasedStateMachine):
    """A user, a recogniser and an answer that do what they like; each rule lasts some frames."""

    @initialize(
        hands_free=st.sampled_from([True, True, True, False]),
        barge_in=st.sampled_from([True, True, False]),
        speculation=st.booleans(),
        barge_in_ms=st.sampled_from([100, 250, 700]),
        reopen_ms=st.sampled_from([0, 600, 2000]),
        max_length_ms=st.sampled_from([1000, 4000, 30_000]),
        floor=st.sampled_from([100, 150, 1000]),
        ceiling=st.sampled_from([1000, 2500]),
    )
    def begin(self, floor, ceiling, **rules):
        self.rules = Rules(patience=Patience(0.5, floor, ceiling), **rules)
        self.taking, self.shifted = TurnTaking(self.rules), TurnTaking(self.rules)
        self.naive = Naive()
        self.log: list[Frame] = []
        self.told: list[tuple] = []
        self.voiced = False
        self.turned = 0  # where voice activity began or ended last
        self.answer: Answer | None = None
        self.words, self.echo = Words(), 0.0
        self.drafted = False
        self.ducked = False

    # -- what happens --------------------------------------------------------------------------

    @rule(late=st.integers(1, 3 * FRAME), frames=st.integers(0, 30))
    def voice_begins_or_ends(self, late, frames):
        position = self.position + FRAME
        self.turned = max(self.turned, position - late)
        self.voiced = not self.voiced
        if self.voiced:
            self.frame(started=self.turned)
        else:
            self.frame(ended=self.turned)
        self.pass_time(frames)

    @rule(
        text=st.sampled_from(TEXTS),
        accepted=st.sampled_from([True, True, False]),
        completeness=st.sampled_from(Completeness),
        finished=st.sampled_from([None, 0.0, 0.5, 1.0]),
        frames=st.integers(0, 8),
    )
    def words_change(self, frames, **words):
        self.words = Words(**words)
        self.pass_time(frames)

    @rule(answer=st.sampled_from([None, THINKING, REOPENABLE, AUDIBLE]), frames=st.integers(0, 8))
    def answer_changes(self, answer, frames):
        if answer is AUDIBLE and not self.rules.barge_in and self.taking.state is State.INTERRUPTED:
            answer = THINKING  # a test of its own tells what has to happen here
        self.answer = answer
        self.pass_time(frames)

    @rule(echo=st.sampled_from([0.0, 0.0, 0.4, 0.5, 0.9]))
    def room_echoes(self, echo):
        self.echo = echo

    @rule(slider=st.floats(0, 1))
    def slider_moves(self, slider):
        patience = attrs.evolve(self.rules.patience, slider=slider)
        self.rules = attrs.evolve(self.rules, patience=patience)

    @rule(frames=st.integers(1, 70))
    def pass_time(self, frames):
        for _ in range(frames):
            self.frame()

    @precondition(lambda self: self.log)
    @rule()
    def close(self):
        """The stream ends; the machine goes on with a new one."""
        open_before = self.taking.state in {State.LISTENING, State.MAYBE_FINISHED}
        end = self.taking.close()
        assert (end is not None) == open_before
        if end is not None:
            speech_end = self.position if self.voiced else self.turned
            assert end == Endpoint(EndpointReason.CLOSED, speech_end, self.position)
            assert moved_back(self.shifted.close()) == end
        self.again()
        self.taking, self.shifted = TurnTaking(self.rules), TurnTaking(self.rules)
        self.naive, self.log, self.told = Naive(), [], []
        self.voiced, self.turned = False, 0
        self.drafted = self.ducked = False

    # -- what is checked -----------------------------------------------------------------------

    @property
    def position(self):
        return self.log[-1].position if self.log else 0

    def frame(self, started=None, ended=None):
        """A frame goes by; everything that can be said of it is checked."""
        frame = Frame(
            self.position + FRAME, started, ended, self.answer, self.words, self.echo, self.rules
        )
        self.log.append(frame)
        before = self.taking.state
        effect, decision = step(self.taking, frame)
        self.told.append((effect, decision))
        assert self.naive.step(self.log) == (effect, decision)
        shifted = [moved_back(each) for each in step(self.shifted, frame, SHIFT)]
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
        assert before is State.THINKING
        assert self.answer is REOPENABLE
        assert not self.drafted
        frame = self.log[-1]
        at = frame.position if frame.started is None else frame.started
        end = next(said for _, said in reversed(self.told[:-1]) if isinstance(said, Endpoint))
        assert at - end.at <= self.rules.reopen_ms * MS

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
                assert decision.speech_end == self.turned or self.voiced
            self.drafted = False
        else:
            assert not self.drafted
            self.check_interruption(decision)

    def check_interruption(self, decision):
        if decision is Effect.DUCK:
            assert not self.ducked, "once an interruption"
            assert self.answer is not None
            self.ducked = True
            return
        self.ducked = False
        if not isinstance(decision, BargeIn):
            assert decision is Effect.FALSE_ALARM
            return
        spoken = (self.log[-1].position - decision.since) / MS
        assert self.rules.barge_in or not self.rules.hands_free or self.answer is not AUDIBLE
        heard = [each for each in self.log if each.position > decision.since]
        if self.rules.hands_free:
            assert any(each.echo < 0.5 for each in heard), "it was nothing but echo"
            if self.answer is not None and self.words.text in {"uh-huh", "yeah, right"}:
                assert spoken >= 1000
            elif self.answer is not None and self.words.text not in {"stop", "no, wait a minute"}:
                assert spoken >= self.rules.barge_in_ms

    @invariant()
    def no_pause_is_longer_than_the_ceiling(self):
        if self.taking.state is State.MAYBE_FINISHED and self.rules.hands_free and self.log:
            assert self.position - self.turned < self.rules.patience.ceiling_ms * MS

    @invariant()
    def no_utterance_is_longer_than_it_may_be(self):
        if self.taking.state in {State.LISTENING, State.MAYBE_FINISHED}:
            assert self.position - self.taking.began < self.rules.max_length_ms * MS

    @invariant()
    def a_soft_answer_is_soft_only_while_somebody_may_interrupt(self):
        assert not self.ducked or self.taking.state is State.INTERRUPTED

    @invariant()
    def state_is_what_the_record_says(self):
        if self.log:
            assert self.taking.state is self.naive.state

    def again(self):
        """The same frames once more."""
        if self.log:
            taking = TurnTaking(self.log[0].rules)
            assert [step(taking, frame) for frame in self.log] == self.told

    def teardown(self):
        if hasattr(self, "log"):
            self.again()


TestListening = Listening.TestCase
TestListening.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_every_state_knows_every_signal():
    assert set(TRANSITIONS) == set(product(State, Signal))
    reached = set(TRANSITIONS.values())
    assert reached == set(State)


def frames(rules, *parts):
    """Frames from parts (count, voiced, answer, words)."""
    log, voiced = [], False
    for count, speaks, answer, words in parts:
        for _ in range(count):
            position = FRAME * (len(log) + 1)
            change = position - FRAME if speaks != voiced else None
            started, ended = (change, None) if speaks else (None, change)
            voiced = speaks
            log.append(Frame(position, started, ended, answer, words, 0.0, rules))
    return log


def decisions(rules, *parts):
    taking = TurnTaking(rules)
    said = accumulate((step(taking, frame) for frame in frames(rules, *parts)), initial=())
    *_, everything = said
    return [each for each in everything if each is not None]


PLAIN = Words("what time is it", accepted=True)


def test_half_duplex_is_deaf_to_the_tail_of_an_answer_that_nobody_interrupted():
    """The room goes on with the answer's last word, whether or not it was taken for speech."""
    rules = Rules(barge_in=False)
    taking = TurnTaking(rules)
    for frame in frames(rules, (30, False, AUDIBLE, PLAIN), (8, True, None, PLAIN)):
        step(taking, frame)
        assert taking.state not in {State.LISTENING, State.INTERRUPTED}


def test_half_duplex_is_deaf_to_an_answer_that_begins_during_a_sound():
    """A cough just before the answer: from then on the microphone hears the answer itself."""
    rules = Rules(barge_in=False)
    said = decisions(rules, (4, True, THINKING, PLAIN), (40, True, AUDIBLE, PLAIN))
    assert not any(isinstance(each, BargeIn) for each in said)


def test_what_was_ended_for_its_length_is_not_taken_up_again():
    """Else the whole of it is ended, and recognised, anew with every frame that follows."""
    rules = Rules(max_length_ms=1000)
    said = decisions(rules, (32, True, None, PLAIN), (20, True, REOPENABLE, PLAIN))
    assert [each for each in said if isinstance(each, Endpoint)] == [
        Endpoint(EndpointReason.MAX_LENGTH, 32 * FRAME, 32 * FRAME)
    ]

"""The turn detector: its table, and what it decides for sounds, words and answers."""

from __future__ import annotations

import itertools

import attrs
import pytest

from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.finished import Patience, Words, completeness_of, with_voice
from voicechat.conversation.interruption import Answer
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import TRANSITIONS, Signal, State, TurnTaking
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.speech.ports import INPUT_RATE

FRAME = 512
FRAME_MS = FRAME * 1000 / INPUT_RATE
THINKING = Answer(audible=False)
FRESH = Answer(audible=False, reopenable=True, unheard=True, unsent=True)
SENT = Answer(audible=False, reopenable=True, unheard=True)
AUDIBLE = Answer(audible=True)
COMMAND = Words("what time is it", accepted=True, completeness=Completeness.COMPLETE)
OPEN = Words("set a timer for", accepted=True, completeness=Completeness.OPEN)
GARBAGE = Words("five", accepted=False)


@attrs.define
class Script:
    """Plays frames to a turn detector and keeps what it decides, with the time in ms."""

    rules: Rules = attrs.field(factory=Rules)
    log: list = attrs.field(factory=list)
    position: int = 0
    voiced: bool = False
    taking: TurnTaking = attrs.field(init=False)

    def __attrs_post_init__(self):
        self.taking = TurnTaking(self.rules)

    def play(self, ms, *, voice, words=COMMAND, answer=None, echo=0.0):
        for _ in range(round(ms / FRAME_MS)):
            began = self.position
            self.position += FRAME
            change = {}
            if voice is not self.voiced:
                change = {"started": began} if voice else {"ended": began}
                self.voiced = voice
            effect = self.taking.hear(self.position, answer, **change)
            self.note(effect)
            self.note(self.taking.decide(words, echo=echo))
        return self

    def note(self, decision):
        if decision is not None:
            self.log.append((round(self.position * 1000 / INPUT_RATE), decision))

    @property
    def decisions(self):
        return [decision for _, decision in self.log]

    def endpoints(self):
        return [decision for decision in self.decisions if isinstance(decision, Endpoint)]


def pause_ms(endpoint):
    return (endpoint.at - endpoint.speech_end) * 1000 / INPUT_RATE


@pytest.mark.requirement("V-4")
def test_every_pair_of_state_and_signal_is_in_the_table():
    assert set(TRANSITIONS) == set(itertools.product(State, Signal))
    assert set(TRANSITIONS.values()) == set(State), "every state can be reached"


@pytest.mark.requirement("V-4")
@pytest.mark.parametrize(
    ("words", "reason", "at_least", "at_most"),
    [
        (COMMAND, EndpointReason.COMPLETE, 150, 230),
        (attrs.evolve(COMMAND, completeness=Completeness.EXTENDABLE), "extendable", 900, 1020),
        (GARBAGE, EndpointReason.SILENCE, 700, 850),
        (Words(), EndpointReason.SILENCE, 700, 850),
        (OPEN, EndpointReason.OPEN, 1500, 2500),
    ],
)
def test_the_pause_that_ends_a_turn_follows_the_words(words, reason, at_least, at_most):
    script = Script().play(800, voice=True).play(3000, voice=False, words=words)
    (endpoint,) = script.endpoints()
    assert endpoint.reason is EndpointReason(reason)
    assert at_least <= pause_ms(endpoint) <= at_most + FRAME_MS
    assert script.taking.state is State.IDLE, "there was no answer"


@pytest.mark.requirement("V-4")
def test_the_slider_moves_the_pause_but_not_below_the_floor_nor_above_the_ceiling():
    def pauses(words):
        for slider in (0.0, 0.5, 1.0):
            patience = Patience(slider, 150, 2500)
            script = Script(Rules(patience=patience)).play(500, voice=True)
            yield pause_ms(script.play(3000, voice=False, words=words).endpoints()[0])

    for words in (COMMAND, Words(), OPEN):
        fast, middle, slow = pauses(words)
        assert 150 <= fast <= middle <= slow <= 2500 + FRAME_MS
        assert fast < slow


@pytest.mark.requirement("V-4")
def test_a_voice_that_sounds_unfinished_makes_the_words_less_finished():
    changed = {
        words: with_voice(words, 0.05) for words in Completeness if with_voice(words, 0.05) != words
    }
    assert changed == {
        Completeness.EXTENDABLE: Completeness.OPEN,
        Completeness.UNKNOWN: Completeness.OPEN,
    }
    assert all(with_voice(words, p) is words for words in Completeness for p in (0.11, 0.5, 1.0))


def test_a_pause_inside_a_sentence_is_not_its_end():
    script = Script().play(600, voice=True).play(900, voice=False, words=OPEN)
    assert script.decisions == []
    script.play(600, voice=True).play(1000, voice=False)
    assert [type(decision) for decision in script.decisions] == [Speculate, Endpoint]


def test_an_answer_is_prepared_once_for_the_same_words_and_withdrawn_when_speech_goes_on():
    more = attrs.evolve(COMMAND, text="what time is it please")
    extendable = attrs.evolve(COMMAND, completeness=Completeness.EXTENDABLE)
    script = Script().play(500, voice=True).play(300, voice=False, words=extendable)
    assert script.decisions == [Speculate("what time is it")]
    script.play(300, voice=True)
    assert script.decisions[1:] == [Effect.WITHDRAW]
    script.play(64, voice=False, words=extendable).play(300, voice=False, words=more)
    assert script.decisions[2:4] == [Speculate("what time is it"), Speculate(more.text)]
    assert isinstance(script.decisions[4], Endpoint)


@pytest.mark.parametrize("words", [OPEN, GARBAGE, Words("", accepted=True)])
def test_nothing_is_prepared_for_words_that_are_no_question_yet(words):
    script = Script().play(500, voice=True).play(3000, voice=False, words=words)
    assert [type(decision) for decision in script.decisions] == [Endpoint]


def test_speculation_can_be_switched_off():
    script = Script(Rules(speculation=False)).play(500, voice=True).play(500, voice=False)
    assert [type(decision) for decision in script.decisions] == [Endpoint]


def ended(rules=None):
    """A turn has just ended."""
    script = Script(rules or Rules()).play(500, voice=True).play(250, voice=False)
    assert script.endpoints()
    script.log.clear()
    return script


@pytest.mark.requirement("V-4")
def test_speech_right_after_the_endpoint_reopens_the_turn():
    script = ended().play(300, voice=False, answer=FRESH).play(96, voice=True, answer=FRESH)
    assert script.decisions == [Effect.REOPEN]
    assert script.taking.state is State.LISTENING
    script.play(500, voice=False, answer=None)
    assert script.endpoints()


@pytest.mark.requirement("V-4", "V-7")
def test_what_may_be_the_echo_of_the_answer_does_not_reopen_the_turn_at_once():
    script = ended().play(200, voice=False, answer=SENT).play(96, voice=True, answer=SENT)
    assert script.decisions == []
    script.play(400, voice=True, answer=AUDIBLE, echo=0.9).play(400, voice=False, answer=AUDIBLE)
    assert script.decisions == [Effect.FALSE_ALARM]


@pytest.mark.requirement("V-4", "V-7")
def test_who_goes_on_over_the_first_sound_of_the_answer_reopens_the_turn_when_that_is_sure():
    script = ended().play(200, voice=False, answer=SENT)
    began = script.taking.began
    heard = attrs.evolve(SENT, audible=True, unheard=False)
    script.play(96, voice=True, answer=SENT).play(300, voice=True, answer=heard)
    assert script.decisions == [Effect.REOPEN]
    assert script.taking.state is State.LISTENING
    assert script.taking.began == began, "it is one utterance"


@pytest.mark.parametrize(
    ("wait", "answer"),
    [(800, FRESH), (300, THINKING)],
    ids=["too late", "something was done or heard"],
)
def test_what_comes_later_interrupts_instead(wait, answer):
    script = ended().play(wait, voice=False, answer=answer).play(400, voice=True, answer=answer)
    assert Effect.REOPEN not in script.decisions
    assert isinstance(script.decisions[-1], BargeIn)


def speaking(rules=None):
    return Script(rules or Rules()).play(320, voice=False, answer=AUDIBLE)


@pytest.mark.requirement("V-7")
def test_speech_during_an_answer_stops_it():
    script = speaking()
    onset = script.position
    script.play(400, voice=True, answer=AUDIBLE)
    ((taken, barge_in),) = script.log
    assert barge_in == BargeIn(onset)
    onset_ms = onset * 1000 / INPUT_RATE
    assert 250 <= taken - onset_ms <= 290
    assert script.taking.state is State.LISTENING
    assert script.taking.began == onset


@pytest.mark.requirement("V-7")
@pytest.mark.parametrize(
    ("ms", "words", "ducks"),
    [
        (160, GARBAGE, False),
        (224, COMMAND, False),
        (320, Words(), True),
        (600, Words("uh huh", accepted=True), True),
        (900, Words("yeah okay", accepted=True), True),
    ],
    ids=["click", "cough like a word", "cough", "uh-huh", "assent"],
)
def test_a_cough_or_assent_does_not_stop_an_answer(ms, words, ducks):
    script = speaking().play(ms, voice=True, answer=AUDIBLE, words=words)
    script.play(500, voice=False, answer=AUDIBLE, words=words)
    assert script.decisions == [Effect.DUCK] * ducks + [Effect.FALSE_ALARM]
    assert script.taking.state is State.SPEAKING


@pytest.mark.requirement("V-7")
def test_stop_words_stop_it_at_once():
    stop = Words("stop", accepted=True)
    script = speaking().play(160, voice=True, answer=AUDIBLE, words=stop)
    assert [type(decision) for decision in script.decisions] == [BargeIn]


@pytest.mark.requirement("V-7")
def test_the_assistants_own_voice_never_interrupts_it():
    script = speaking().play(20_000, voice=True, answer=AUDIBLE, words=COMMAND, echo=0.9)
    assert script.decisions == []
    onset = script.position
    script.play(600, voice=True, answer=AUDIBLE, words=COMMAND, echo=0.1)
    assert script.decisions == [Listen(onset), Effect.DUCK, BargeIn(onset)]


@pytest.mark.requirement("V-7")
def test_a_short_voice_over_echo_is_let_go_and_the_answer_is_played_as_before():
    script = speaking().play(1000, voice=True, answer=AUDIBLE, words=GARBAGE, echo=0.9)
    script.play(400, voice=True, answer=AUDIBLE, words=GARBAGE, echo=0.1)
    script.play(400, voice=True, answer=AUDIBLE, words=GARBAGE, echo=0.9)
    assert [type(decision) for decision in script.decisions] == [Listen, Effect, Effect]
    assert script.decisions[1:] == [Effect.DUCK, Effect.CALM]


def test_assent_stays_assent_until_there_are_other_words():
    assent, one, two = (Words(text, accepted=True) for text in ("yeah", "add", "no stop it"))
    script = speaking().play(200, voice=True, answer=AUDIBLE, words=assent)
    script.play(500, voice=True, answer=AUDIBLE, words=one)
    assert script.decisions == [Effect.DUCK]
    script.play(64, voice=True, answer=AUDIBLE, words=two)
    assert isinstance(script.decisions[-1], BargeIn)


def test_a_command_of_one_word_counts_when_it_is_over():
    word = Words("louder", accepted=True)
    script = speaking().play(320, voice=True, answer=AUDIBLE, words=word)
    assert script.decisions == [Effect.DUCK]
    script.play(64, voice=False, answer=AUDIBLE, words=word)
    assert isinstance(script.decisions[1], BargeIn)


def test_endless_echo_is_let_go():
    script = speaking().play(31_000, voice=True, answer=AUDIBLE, words=COMMAND, echo=0.9)
    assert script.decisions == [Effect.FALSE_ALARM]


def test_an_interruption_of_an_answer_that_ends_meanwhile_is_an_utterance():
    script = speaking().play(200, voice=True, answer=AUDIBLE, words=Words())
    script.play(300, voice=True, answer=None)
    assert script.taking.state is State.LISTENING
    script.play(500, voice=False, answer=None)
    assert [e.reason for e in script.endpoints()] == [EndpointReason.COMPLETE]


@pytest.mark.requirement("V-7")
def test_half_duplex_hears_nothing_while_the_answer_is_heard():
    script = speaking(Rules(barge_in=False)).play(2000, voice=True, answer=AUDIBLE)
    script.play(200, voice=True, answer=None).play(300, voice=False, answer=None)
    assert script.decisions == []
    script.play(500, voice=True, answer=None).play(500, voice=False, answer=None)
    assert len(script.endpoints()) == 1


def test_who_holds_a_key_down_needs_not_be_doubted():
    script = speaking(Rules(hands_free=False, barge_in=False))
    script.play(64, voice=True, answer=AUDIBLE, words=Words(), echo=0.9)
    assert [type(decision) for decision in script.decisions] == [BargeIn]
    script.play(5000, voice=False)
    assert script.endpoints() == [], "only the key ends it"
    assert script.taking.close().reason is EndpointReason.CLOSED


def test_speech_that_never_pauses_is_cut():
    script = Script(Rules(max_length_ms=3000)).play(4000, voice=True)
    (endpoint,) = script.endpoints()
    assert endpoint.reason is EndpointReason.MAX_LENGTH
    assert endpoint.at == endpoint.speech_end
    assert script.taking.state is State.LISTENING, "and goes on as another utterance"


def test_closing_ends_what_is_open():
    assert Script().play(500, voice=False).taking.close() is None
    assert Script().play(500, voice=True).taking.close().reason is EndpointReason.CLOSED
    assert speaking().play(64, voice=True, answer=AUDIBLE, echo=1).taking.close() is None


@pytest.mark.parametrize(
    ("text", "completeness"),
    [
        ("What time is it?", Completeness.COMPLETE),
        ("I said “stop.”", Completeness.COMPLETE),
        ("set a timer for", Completeness.OPEN),
        ("And then…", Completeness.OPEN),
        ("first of all,", Completeness.OPEN),
        ("I went to the", Completeness.OPEN),
        ("um", Completeness.OPEN),
        ("what time is it", Completeness.UNKNOWN),
        ("where are you", Completeness.UNKNOWN),
        ("theme", Completeness.UNKNOWN),
        ("", Completeness.UNKNOWN),
    ],
)
def test_punctuation_and_the_last_word_tell_how_finished_a_text_is(text, completeness):
    assert completeness_of(text) is completeness

"""The turn detector: its table, and when a turn is over."""

from __future__ import annotations

import itertools

import attrs
import pytest

from tests.conversation.turn_script import (
    AUDIBLE,
    COMMAND,
    FRAME_MS,
    FRESH,
    GARBAGE,
    OPEN,
    SENT,
    THINKING,
    Script,
)
from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.finished import Patience, Words, with_voice
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import TRANSITIONS, Signal, State
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.speech.ports import INPUT_RATE


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


@pytest.mark.requirement("V-7")
def test_assent_in_words_from_before_the_voice_is_nobodys():
    """Behind them only the voice is listened to, and whoever that is has not assented."""
    assent = Words("uh-huh", accepted=True)
    script = Script().play(64, voice=False, answer=THINKING)
    script.play(416, voice=True, fading=True, words=assent, answer=THINKING)
    onset = script.position
    script.play(32, voice=True, words=assent, answer=THINKING)
    script.play(320, voice=True, words=Words(), answer=THINKING)
    assert script.decisions == [Listen(onset), Effect.DUCK, BargeIn(onset)]


@pytest.mark.requirement("V-7")
def test_who_speaks_again_after_a_cut_is_listened_to_from_there():
    """The rest of the voice that was cut is too short to be a beginning of what is said now."""
    script = Script(Rules(max_length_ms=1000)).play(1024, voice=True)
    script.play(FRAME_MS, voice=True, answer=FRESH).play(96, voice=False, answer=FRESH)
    assert [each.reason for each in script.decisions] == [EndpointReason.MAX_LENGTH]
    assert script.taking.state is State.INTERRUPTED
    onset = script.position
    script.play(256, voice=True, answer=FRESH)
    assert script.decisions[1:] == [Listen(onset), BargeIn(onset)]


@pytest.mark.requirement("V-4", "V-7")
def test_an_interruption_believed_when_it_is_as_long_as_an_utterance_may_be_is_ended_at_once():
    """A frame has one decision: that the answer stops comes first, and the end behind it."""
    assent = Words("uh-huh", accepted=True)
    script = Script(Rules(max_length_ms=1000)).play(64, voice=False, answer=AUDIBLE)
    onset = script.position
    script.play(1024, voice=True, words=assent, answer=AUDIBLE)
    assert script.decisions == [Effect.DUCK, BargeIn(onset)]
    assert script.position - onset >= 1000 * INPUT_RATE // 1000, "it is that long already"
    script.play(FRAME_MS, voice=True, words=assent)
    end = Endpoint(EndpointReason.MAX_LENGTH, script.position, script.position)
    assert script.decisions[2:] == [end]


@pytest.mark.requirement("V-4", "V-7")
def test_a_turn_reopened_when_it_is_longer_than_an_utterance_may_be_is_ended_at_once():
    script = ended(Rules(max_length_ms=1000)).play(200, voice=False, answer=SENT)
    script.play(256, voice=True, answer=SENT)
    assert script.decisions == [Effect.REOPEN]
    assert script.position - script.taking.began > 1000 * INPUT_RATE // 1000
    script.play(FRAME_MS, voice=True)
    end = Endpoint(EndpointReason.MAX_LENGTH, script.position, script.position)
    assert script.decisions[1:] == [end]
    script.play(320, voice=True, answer=SENT)
    assert Effect.REOPEN not in script.decisions[1:], "what follows is another utterance"

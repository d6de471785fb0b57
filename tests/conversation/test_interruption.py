"""What the turn detector decides for sounds during an answer; and how texts sound."""

from __future__ import annotations

import pytest

from tests.conversation.turn_script import (
    AUDIBLE,
    COMMAND,
    GARBAGE,
    Script,
)
from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Listen
from voicechat.conversation.finished import Words, completeness_of
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import State
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.speech.ports import INPUT_RATE


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

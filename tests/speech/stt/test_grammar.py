"""Words of a grammar, guesses at their sound, and the pure part of refusing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pocketsphinx import get_model_path

from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.letters import pronounce
from voicechat.speech.stt.pocketsphinx_worker import grammar_dictionary
from voicechat.speech.stt.rejection import Segment, confidence

PHONES = frozenset(
    re.findall(
        "[A-Z]+",
        "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW "
        "V W Y Z ZH",
    )
)
KNOWN = {"living": "L IH V IH NG", "room": "R UW M", "timer": "T AY M ER", "bake": "B EY K"}

words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


def test_words_of_a_grammar():
    jsgf = """#JSGF V1.0 UTF-8 en;
    grammar words.that.do.not.count;
    import <these.neither>;
    // nor these
    /* nor
       these */
    <one> = a | /0.5/ it's {tag words} [cup] (of tea)+;
    public <two> = <one>* | public  | twenty-five;
    """
    assert Grammar(jsgf).words() == {"a", "it's", "cup", "of", "tea", "public", "twenty-five"}


@given(st.sets(words, min_size=1))
def test_every_word_is_found(vocabulary):
    jsgf = f"#JSGF V1.0;\ngrammar g;\npublic <c> = {' | '.join(vocabulary)};\n"
    assert Grammar(jsgf).words() == vocabulary


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("timer", "T AY M ER"),
        ("timers", "T AY M ER Z"),
        ("livingroom", "L IH V IH NG R UW M"),
        ("living-room", "L IH V IH NG R UW M"),
        ("rooming", "R UW M IH NG"),
        ("baking", "B EY K IH NG"),
        ("shape", "SH EY P"),
        ("knocker", "N AA K ER"),
        ("dice", "D AY S"),
        ("photon", "F AA T AA N"),
        ("42", ""),
    ],
)
def test_guessed_pronunciations(word, phones):
    assert pronounce(word, KNOWN) == phones


@given(st.from_regex(r"[a-z'-]{1,20}", fullmatch=True))
def test_a_guess_is_made_of_phones_the_model_knows(word):
    phones = pronounce(word, KNOWN).split()
    assert set(phones) <= PHONES
    assert bool(phones) == bool(re.search("[a-z]", word))


def test_the_phones_are_those_of_the_dictionary():
    with open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as lines:  # noqa: PTH123
        assert {phone for line in lines for phone in line.split()[1:]} == PHONES


def test_the_dictionary_holds_the_grammars_words_alone():
    jsgf = "#JSGF V1.0;\ngrammar g;\npublic <c> = the zagfloom | read tea;\n"
    chosen, guessed = grammar_dictionary(Grammar(jsgf, {"tea": "T EY"}))
    assert chosen["the"] == ["DH AH", "DH IY"]
    assert sorted(chosen["read"]) == ["R EH D", "R IY D"]
    assert chosen["tea"] == ["T EY"]  # the grammar's own wins
    assert guessed == ["zagfloom"]
    assert len(chosen) == 4


def segments(*lengths, speech=True, likelihood=-1.0):
    result, at = [], 0
    for length in lengths:
        result.append(Segment(at, at + length - 1, speech, likelihood * length))
        at += length
    return result


def test_confidence_is_the_difference_over_the_words():
    words = [Segment(0, 9, False, -90.0), Segment(10, 19, True, -30.0), Segment(20, 24, True, -5.0)]
    phones = [Segment(0, 9, False, -10.0), Segment(10, 24, True, -15.0)]
    assert confidence(words, phones) == pytest.approx((-35.0 + 15.0) / 15)  # mean and worst alike


def test_speech_that_no_word_covers_lowers_the_confidence():
    words = [Segment(0, 29, True, -30.0), Segment(30, 99, False, -70.0)]
    phones = [Segment(0, 39, True, -40.0), Segment(40, 99, False, -60.0)]
    assert confidence(words, phones) == pytest.approx(-10 / 40)


def test_a_bad_stretch_lowers_the_confidence():
    words = [Segment(0, 99, True, -100.0), Segment(100, 149, True, -350.0)]
    phones = segments(150)
    assert confidence(words, phones) == pytest.approx((2 * (-300 / 150) + -6.0) / 3)


def test_no_word_no_confidence():
    assert confidence(segments(10, speech=False), segments(10)) is None
    assert confidence([], []) is None


@given(st.lists(st.integers(1, 30), min_size=1), st.floats(-20, 0), st.floats(-20, 0))
def test_confidence_does_not_depend_on_length(lengths, by_words, by_phones):
    value = confidence(
        segments(*lengths, likelihood=by_words), segments(*lengths, likelihood=by_phones)
    )
    assert value == pytest.approx(by_words - by_phones, abs=1e-6)

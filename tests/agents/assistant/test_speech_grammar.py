"""What can be heard is what is understood."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pocketsphinx import Decoder, get_model_path

from voicechat.agents.assistant import phrases
from voicechat.agents.assistant.grammar import TOP, speech_grammar
from voicechat.agents.assistant.matcher import Matcher
from voicechat.agents.assistant.numbers import is_literal, read_number
from voicechat.agents.assistant.spoken_numbers import number_rules
from voicechat.agents.assistant.templates import load_intents, load_pronunciations

if TYPE_CHECKING:
    from voicechat.agents.assistant.phrases import Phrase

SHARED = Matcher()
GRAMMAR = SHARED.grammar
INTENTS = tuple(load_intents().intents)


def dictionary() -> set[str]:
    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines()
    return {re.sub(r"\(\d+\)$", "", line.split()[0]) for line in lines if line}


@settings(deadline=None)
@given(st.integers())
def test_whatever_can_be_heard_is_understood(seed: int):
    intents = [name for name in INTENTS if name in GRAMMAR.rules]
    random = Random(seed)
    intent = random.choice(intents)
    sentence = phrases.sample(GRAMMAR.rules[intent], GRAMMAR.rules, random)
    understood = SHARED.match(sentence)
    assert understood is not None, sentence
    assert understood.intent == intent, sentence


@settings(deadline=None)
@given(st.integers())
def test_politeness_can_be_heard_as_well(seed: int):
    sentence = phrases.sample(GRAMMAR.rules[TOP], GRAMMAR.rules, Random(seed))
    assert SHARED.match(sentence) is not None, sentence


def test_it_compiles_in_the_recogniser_with_a_dictionary_of_its_words(tmp_path: Path):
    wanted = set(GRAMMAR.words)
    source = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8")
    lines = [
        line
        for line in source.splitlines()
        if line and re.sub(r"\(\d+\)$", "", line.split()[0]) in wanted
    ]
    lines += [f"{word} {phones}" for word, phones in GRAMMAR.pronunciations.items()]
    path = tmp_path / "words.dict"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    decoder = Decoder(lm=None, dict=str(path), bestpath=False, fwdflat=False, loglevel="FATAL")
    decoder.add_jsgf_string("assistant", GRAMMAR.jsgf)
    decoder.activate_search("assistant")
    assert decoder.current_search() == "assistant"


def test_every_word_has_a_pronunciation():
    known = dictionary()
    assert [w for w in GRAMMAR.words if w not in known and w not in GRAMMAR.pronunciations] == []
    assert set(load_pronunciations()) == set(GRAMMAR.pronunciations), "unused pronunciations"
    assert not known & set(GRAMMAR.pronunciations), "the dictionary has these"


def test_it_stays_small():
    assert len(GRAMMAR.words) < 350
    expanded = mentions(phrases.Rule(TOP))
    assert expanded < 4_000, "decoding time grows with it: fold sentences, use smaller numbers"


def mentions(phrase: Phrase) -> int:
    """Words that the phrase holds when every rule is written out where it is referred to."""
    return sum(1 for _ in phrases.vocabulary_of(phrase)) + sum(
        mentions(GRAMMAR.rules[name]) for name in phrases.references_of(phrase)
    )


def test_examples_are_commands_of_every_intent():
    found = [SHARED.match(example) for example in GRAMMAR.examples]
    assert {u.intent for u in found if u} == set(INTENTS)


def test_it_is_the_same_each_time():
    assert speech_grammar(load_intents()) == GRAMMAR


@settings(deadline=None)
@given(st.sampled_from(sorted(number_rules())), st.integers())
def test_every_spoken_number_is_read(name: str, seed: int):
    rules = number_rules()
    tokens = phrases.sample(rules[name], rules, Random(seed)).split()
    reading = read_number(tokens)
    assert reading
    assert reading.end == len(tokens)


def test_templates_hold_no_literal_numbers_or_contractions():
    """Both are taken out of the text before matching, so such a template could never match."""
    number_words = {"half", "quarter", "dozen", "zero"} | {
        word
        for rule in number_rules().values()
        for word in phrases.vocabulary_of(rule)
        if word not in {"a", "and", "point", "minus", "third"}
    }
    intents = load_intents()
    templates = [
        text
        for intent in intents.intents.values()
        for data in intent.data
        for text in data.sentence_texts
    ]
    templates += [rule.text or "" for rule in intents.expansion_rules.values()]
    assert len(templates) > 200
    for template in templates:
        bare = re.sub(r"\{[^}]*\}|<[^>]*>", " ", template)
        words = set(re.findall(r"[a-z0-9']+", bare))
        assert not words & number_words, template
        assert not any(is_literal(word) for word in words), template
        assert "what's" not in words, template


def test_a_spoken_form_of_a_wildcard_is_refused():
    intents = load_intents()
    intents.intents["TimerSet"].data[0].sentence_texts.append("set a {any_name} timer")
    with pytest.raises(ValueError, match="typed_only"):
        speech_grammar(intents)

"""How finished a transcript is: the follower of the grammar, against the grammar's own samples."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agents.assistant.spoken_sentences import IN_DOMAIN
from voicechat.agents.assistant import phrases
from voicechat.agents.assistant.follow import Follower
from voicechat.agents.assistant.grammar import TOP
from voicechat.agents.assistant.matcher import Matcher
from voicechat.agents.ports import Completeness

if TYPE_CHECKING:
    from voicechat.agents.assistant.phrases import Phrase

pytestmark = pytest.mark.requirement("V-4")

MATCHER = Matcher()
OPEN, UNKNOWN, EXTENDABLE, COMPLETE = Completeness

TREES = st.recursive(
    st.sampled_from("abc").map(phrases.Word),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: phrases.then(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: phrases.either(*parts)),
        inner.map(phrases.Maybe),
    ),
    max_leaves=8,
)


def language(phrase: Phrase) -> set[tuple[str, ...]]:
    """Every sentence of a small phrase, enumerated: slow and plainly right."""
    match phrase:
        case phrases.Word(text):
            return {(text,)}
        case phrases.Then(parts):
            every = itertools.product(*map(language, parts))
            return {tuple(itertools.chain.from_iterable(sentence)) for sentence in every}
        case phrases.Either(choices):
            return set().union(*map(language, choices))
        case phrases.Maybe(inner):
            return language(inner) | {()}
    raise TypeError(phrase)


@settings(deadline=None)
@given(TREES, st.lists(st.sampled_from("abcd"), min_size=1, max_size=6))
def test_it_says_what_the_enumerated_language_says(tree: Phrase, words: list[str]):
    sentences = language(tree)
    said = tuple(words)
    further = {s[len(said) :] for s in sentences if s[: len(said)] == said}
    expected = UNKNOWN
    if further:
        expected = OPEN if () not in further else COMPLETE if further == {()} else EXTENDABLE
    assert Follower({"top": tree}, "top").completeness(" ".join(words)) is expected


@settings(deadline=None)
@given(st.integers())
def test_a_sentence_of_the_grammar_is_whole_and_each_beginning_is_a_beginning(seed: int):
    rules = MATCHER.grammar.rules
    words = phrases.sample(rules[TOP], rules, Random(seed)).split()
    assert MATCHER.completeness(" ".join(words)) in {EXTENDABLE, COMPLETE}
    for end in range(1, len(words)):
        assert MATCHER.completeness(" ".join(words[:end])) is not UNKNOWN


@given(st.text())
def test_no_transcript_breaks_it(text: str):
    assert MATCHER.completeness(text) in Completeness


SAID = {
    "": UNKNOWN,
    "...": UNKNOWN,
    "the weather is nice": UNKNOWN,
    "what time is it in paris": UNKNOWN,
    "set": OPEN,
    "set a timer for": OPEN,
    "set a timer for ten": OPEN,
    "set a timer for twenty": OPEN,
    "set a timer for ten minutes and": OPEN,
    "set a timer for ten minutes and thirty": OPEN,
    "what is five plus": OPEN,
    "please": OPEN,
    "could you": OPEN,
    "thank": OPEN,
    "set a timer": EXTENDABLE,
    "set a timer for ten minutes": EXTENDABLE,
    "set a timer for an hour": EXTENDABLE,
    "set a timer for ten minutes and thirty seconds": EXTENDABLE,
    "what is five plus twenty": EXTENDABLE,
    "what's the date": EXTENDABLE,
    "okay": EXTENDABLE,
    "what is five plus five": COMPLETE,
    "what is five plus twenty two": COMPLETE,
    "what time is it": COMPLETE,
    "what time is it now": COMPLETE,
    "what time is it please": COMPLETE,
    "What time is it?": COMPLETE,
    "set a timer for ten minutes for the chicken": COMPLETE,
    "set a timer for ten minutes please": COMPLETE,
    "hello": COMPLETE,
    "uh huh": COMPLETE,
}


@pytest.mark.parametrize(("words", "expected"), SAID.items())
def test_what_people_say(words: str, expected: Completeness):
    assert MATCHER.completeness(words) is expected


def test_politeness_and_afterthoughts_are_not_waited_for():
    rules = {
        "top": phrases.then(phrases.words("go"), phrases.Maybe(phrases.Rule("more"))),
        "more": phrases.either(phrases.Rule("polite"), phrases.words("now")),
        "polite": phrases.words("if you please"),
    }
    assert Follower(rules, "top").completeness("go") is EXTENDABLE
    assert Follower(rules, "top", afterthoughts={"now"}).completeness("go") is EXTENDABLE
    patient = Follower(rules, "top", politeness="polite", afterthoughts={"now"})
    assert patient.completeness("go") is COMPLETE
    assert patient.completeness("go if you") is OPEN
    assert patient.completeness("go if you please") is COMPLETE


def test_most_commands_can_be_answered_at_once():
    found = Counter(MATCHER.completeness(sentence) for sentence, _, _ in IN_DOMAIN)
    assert set(found) == {EXTENDABLE, COMPLETE}
    assert found[COMPLETE] / len(IN_DOMAIN) >= 0.8


def test_it_is_quick_and_small():
    started = time.perf_counter()
    for sentence, _, _ in IN_DOMAIN:
        MATCHER.completeness(sentence)
    assert (time.perf_counter() - started) / len(IN_DOMAIN) < 200e-6

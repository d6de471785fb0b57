"""What is understood, and as what, in writing."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agents.assistant.spoken_sentences import IN_DOMAIN, OUT_OF_DOMAIN
from voicechat.agents.assistant.answers import ANSWERS
from voicechat.agents.assistant.answers.conversation import SUGGESTIONS
from voicechat.agents.assistant.matcher import EXPRESSION, Matcher
from voicechat.agents.assistant.normalise import MAX_CHARACTERS
from voicechat.agents.assistant.templates import load_intents
from voicechat.agents.ports import Completeness

if TYPE_CHECKING:
    from voicechat.agents.assistant.matcher import Understood


def plain(understood: Understood | None) -> tuple[str, dict[str, str]] | None:
    if understood is None:
        return None
    return understood.intent, {name: str(value) for name, value in understood.slots.items()}


@pytest.mark.requirement("A-2")
def test_the_spoken_sentences_are_many_and_cover_every_intent(matcher: Matcher):
    sentences = {sentence for sentence, _, _ in IN_DOMAIN}
    assert len(sentences) == len(IN_DOMAIN) >= 170
    assert len(set(OUT_OF_DOMAIN)) == 100
    assert {intent for _, intent, _ in IN_DOMAIN} == set(load_intents().intents)


@pytest.mark.requirement("A-2")
@pytest.mark.parametrize(("sentence", "intent", "slots"), IN_DOMAIN)
def test_a_spoken_sentence_is_understood_and_can_be_heard(
    matcher: Matcher, sentence: str, intent: str, slots: dict[str, str]
):
    assert plain(matcher.match(sentence)) == (intent, slots)
    assert matcher.completeness(sentence) in {Completeness.EXTENDABLE, Completeness.COMPLETE}


@pytest.mark.parametrize("sentence", OUT_OF_DOMAIN)
def test_an_everyday_sentence_is_not_understood(matcher: Matcher, sentence: str):
    assert matcher.match(sentence) is None
    assert matcher.completeness(sentence) is Completeness.UNKNOWN


TYPED = [
    ("What time is it?", "GetTime", {}),
    ("WHAT'S THE TIME", "GetTime", {}),
    ("what\u2019s the time, please?", "GetTime", {}),
    ("Hey, can you tell me the time please?", "GetTime", {}),
    ("okay computer, what is the time", "GetTime", {}),
    ("whats the date", "GetDate", {}),
    ("Set a timer for 25 minutes.", "TimerSet", {"minutes": "25"}),
    ("5min timer", "TimerSet", {"minutes": "5"}),
    ("timer 90 secs", "TimerSet", {"seconds": "90"}),
    ("1h 30m timer", "TimerSet", {"hours": "1", "minutes": "30"}),
    ("set a timer for 2.5 hours", "TimerSet", {"hours": "5/2"}),
    ("set a 10-minute timer", "TimerSet", {"minutes": "10"}),
    ("set a twenty-five minute timer", "TimerSet", {"minutes": "25"}),
    ("set a timer for one hour, 2 minutes and 3 seconds", "TimerSet",
     {"hours": "1", "minutes": "2", "seconds": "3"}),
    ("set a sourdough timer for 40 minutes", "TimerSet",
     {"any_name": "sourdough", "minutes": "40"}),
    ("set a timer for 40 minutes called big bread", "TimerSet",
     {"any_name": "big bread", "minutes": "40"}),
    ("Remind me in 10 minutes to take out the 2 bins", "TimerSet",
     {"minutes": "10", "task": "take out the 2 bins"}),
    ("cancel the sourdough timer", "TimerCancel", {"any_name": "sourdough"}),
    ("clear all the timers", "TimerCancel", {"all": "yes"}),
    ("how long is left on the sourdough timer?", "TimerRemaining", {"any_name": "sourdough"}),
    ("5+3", "Calculate", {"a": "5", "operator": "plus", "b": "3"}),
    ("5-3", "Calculate", {"a": "5", "operator": "minus", "b": "3"}),
    ("what is minus three plus five", "Calculate", {"a": "-3", "operator": "plus", "b": "5"}),
    ("5 x 3 =", "Calculate", {"a": "5", "operator": "times", "b": "3"}),
    ("10 \u00f7 4", "Calculate", {"a": "10", "operator": "over", "b": "4"}),
    ("1,000 / 8", "Calculate", {"a": "1000", "operator": "over", "b": "8"}),
    ("what's 2+3*4?", EXPRESSION, {"tokens": "2 plus 3 times 4"}),
    ("pick a number between 900 and 41", "RandomNumber", {"low": "900", "high": "41"}),
    ("pick a number between nine hundred and forty one", "RandomNumber",
     {"low": "900", "high": "41"}),
    ("add a hundred and fifty and two hundred", "Calculate",
     {"a": "150", "operator": "plus", "b": "200"}),
    ("sqrt(16)", EXPRESSION, {"tokens": "square root of ( 16 )"}),
    ("15% of 200", "Percentage", {"a": "15", "b": "200"}),
    ("half of 9", "FractionOf", {"a": "1/2", "b": "9"}),
    ("10 km in miles", "Convert", {"amount": "10", "from": "kilometer", "to": "mile"}),
    ("convert 10 kilometres to metres", "Convert",
     {"amount": "10", "from": "kilometer", "to": "meter"}),
    ("30\u00b0C in F", "Convert", {"amount": "30", "from": "celsius", "to": "fahrenheit"}),
    ("-40 f to c", "Convert", {"amount": "-40", "from": "fahrenheit", "to": "celsius"}),
    ("10 miles in kg", "Convert", {"amount": "10", "from": "mile", "to": "kilogram"}),
    ("100 km/h in mph", "Convert",
     {"amount": "100", "from": "kilometer per hour", "to": "mile per hour"}),
    ("CPU temperature", "DeviceTemperature", {}),
    ("Thanks!", "Thanks", {}),
    ("help", "Help", {}),
    ("nevermind", "Stop", {}),
]  # fmt: skip


@pytest.mark.requirement("A-2")
@pytest.mark.parametrize(("text", "intent", "slots"), TYPED)
def test_typed_text_is_understood(matcher: Matcher, text: str, intent: str, slots: dict[str, str]):
    assert plain(matcher.match(text)) == (intent, slots)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?!",
        "please",
        "42",
        "set a timer for",
        "what is",
        "(1",
        "2 +",
        "cancel",
        "{x}",
        "\x00",
    ],
)
def test_fragments(matcher: Matcher, text: str):
    assert (matcher.match(text) is None) == (text != "cancel")


def test_long_text_is_refused_at_once(matcher: Matcher):
    assert matcher.match("1+1" + "+1" * MAX_CHARACTERS) is None
    assert matcher.match("what time is it " + "please " * MAX_CHARACTERS) is None


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_no_text_breaks_the_matcher(text: str):
    SHARED.match(text)
    SHARED.completeness(text)


@settings(deadline=None)
@given(
    words=st.lists(
        st.sampled_from(
            [
                "set",
                "a",
                "an",
                "timer",
                "for",
                "the",
                "5",
                "one",
                "and",
                "half",
                "hour",
                "minutes",
                "of",
                "to",
                "what",
                "is",
                "(",
                ")",
                "-",
                "+",
                "%",
                ".",
                "in",
                "plus",
                "point",
                "hundred",
                "minus",
                "quarter",
                "dozen",
                "percent",
                "miles",
                "square",
                "root",
            ]
        ),
        max_size=12,
    )
)
def test_no_mixture_of_its_own_words_breaks_the_matcher(words: list[str]):
    understood = SHARED.match(" ".join(words))
    assert understood is None or understood.intent in ANSWERS


SHARED = Matcher()


@pytest.mark.parametrize("lead", ["hey", "okay", "please", "can you", "hey can you", "Hey, please"])
@pytest.mark.parametrize("tail", ["", "please", ", thanks!"])
def test_politeness_works_everywhere(matcher: Matcher, lead: str, tail: str):
    for sentence, intent, slots in IN_DOMAIN[::10]:
        assert plain(matcher.match(f"{lead} {sentence} {tail}")) == (intent, slots)


def test_what_changes_something_is_marked(matcher: Matcher):
    marked = {
        understood.intent
        for sentence, _, _ in IN_DOMAIN
        if (understood := matcher.match(sentence)) and understood.side_effect
    }
    assert marked == {"TimerSet", "TimerCancel"}
    for text, intent, _ in TYPED:
        understood = matcher.match(text)
        assert understood
        assert understood.side_effect == (intent in marked)


def test_every_intent_has_an_answer(matcher: Matcher):
    assert set(ANSWERS) == {*load_intents().intents, EXPRESSION}


def test_every_suggestion_is_understood(matcher: Matcher):
    assert all(matcher.match(text) for text in SUGGESTIONS)


def test_numbers_of_one_name_add_up(matcher: Matcher):
    understood = matcher.match("set a timer for an hour and a half")
    assert understood
    assert understood.slots == {"hours": Fraction(3, 2)}

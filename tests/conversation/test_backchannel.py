"""What listeners say, and what asks for silence, in the words of any recogniser."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.assistant.spoken_sentences import IN_DOMAIN, OUT_OF_DOMAIN
from voicechat.conversation.backchannel import is_backchannel, is_stop, words_beside

pytestmark = pytest.mark.requirement("V-7")


def split(table: str) -> list[str]:
    return [text for line in table.strip("\n").splitlines() for text in line.split("|")]


BACKCHANNELS = split("""
uh huh|Uh-huh.|uhhuh|uh-huh uh-huh|mm hmm|Mm-hmm.|mhm|Mmm|hmm|Hmm...|mm|ah|Oh!|aha|Um,|uh|huh
yeah|Yeah.|yeah, right|Yeah yeah yeah|yes|yep|ok|OK.|O.K.|okay|okay okay|Okay, I see.|right
Right, right.|All right.|Alright.|I see|i see|got it|Got it!|gotcha|sure|That's right.|exactly
uh-huh, yeah|oh okay|oh I see|Really?|wow|cool|mm-hmm, okay
[coughs]|(laughs)|*cough*|[BLANK_AUDIO]|[laughs] yeah
""")

STOPS = split("""
stop|Stop!|stop stop stop|please stop|Stop, please.|okay stop|stop it|Stop talking.|hey stop
cancel|Cancel.|wait|Wait a minute.|wait wait|no, wait|hold on|Hold on a second.|hang on|be quiet
Quiet, please.|silence|shut up|Shut up!|enough|That's enough.|okay, that's enough|never mind
Nevermind.|Never mind, thanks.|forget it|um, stop|Shh|pause|just a moment|one second
yeah yeah stop|computer stop
""")

NEITHER = split("""
|...|no|what|hello|cancel the timer|stop the timer|stop the music|wait for me at the station
thank you|yes set a timer|okay what time is it|right now|i see a bird|sure thing set it|humans
got it wrong|mother|uh what time is it|yeah but why|okay computer what is the time|umbrella
that's enough sugar|hold on to your hat|good morning|great what about tomorrow|stop sign|please
enough is enough for everybody|repeat that
""")


@pytest.mark.parametrize("text", BACKCHANNELS)
def test_listening(text: str):
    assert is_backchannel(text)
    assert not is_stop(text)


@pytest.mark.parametrize("text", STOPS)
def test_asking_for_silence(text: str):
    assert is_stop(text)
    assert not is_backchannel(text)


@pytest.mark.parametrize("text", NEITHER)
def test_anything_else(text: str):
    assert not is_stop(text)
    assert not is_backchannel(text)


def test_typographic_apostrophes_are_understood():
    assert is_backchannel("That\u2019s right.")
    assert is_stop("Okay, that\u2019s enough.")


def test_commands_and_everyday_sentences_are_no_backchannels():
    said = [(sentence, intent) for sentence, intent, _ in IN_DOMAIN]
    assert [(s, i) for s, i in said if is_backchannel(s) != (i == "BackChannel")] == []
    assert [(s, i) for s, i in said if is_stop(s) != (i == "Stop")] == []
    assert [s for s in OUT_OF_DOMAIN if is_backchannel(s) or is_stop(s)] == []


@given(st.lists(st.sampled_from(BACKCHANNELS), min_size=1, max_size=6))
def test_several_in_a_row_are_one(said: list[str]):
    text = " ".join(said)
    assert is_backchannel(text) == (len(text) <= 80)
    assert not is_stop(text)


@given(st.sampled_from(BACKCHANNELS), st.sampled_from(STOPS))
def test_a_stop_beside_a_backchannel_is_a_stop(listening: str, stop: str):
    for text in (f"{listening} {stop}", f"{stop} {listening}"):
        assert is_stop(text)
        assert not is_backchannel(text)


@given(st.text())
def test_no_text_breaks_them_and_none_is_both(text: str):
    assert not (is_stop(text) and is_backchannel(text))
    assert is_stop(text) == is_stop(text.upper().lower())


@pytest.mark.parametrize(
    "text", ["m" * 80, "hm" * 40, "uh" * 40, "a " * 40 + "x", "okay " * 16, "wait a " * 13]
)
def test_they_are_quick_whatever_is_said(text: str):
    started = time.perf_counter()
    is_backchannel(text)
    is_stop(text)
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("okay", 0),
        ("Yeah, right.", 0),
        ("okay wake", 1),
        ("yeah set a timer", 3),
        ("what time is it", 4),
        ("okay " * 40, 40),
    ],
)
def test_words_beside_assent_are_counted(text, count):
    assert words_beside(text) == count

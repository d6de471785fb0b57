"""Arithmetic and unit conversion are exact, bounded and polite."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicechat.agents.assistant import arithmetic, units
from voicechat.agents.assistant.arithmetic import CannotCalculateError
from voicechat.agents.assistant.normalise import Vocabulary, tokenise

if TYPE_CHECKING:
    from tests.agents.assistant.conftest import Conversation

PLAIN = Vocabulary(frozenset(), frozenset(), {})
SMALL = st.integers(-99, 99)


def trees(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)


@settings(deadline=None)
@given(st.recursive(st.integers(0, 99).map(str), trees, max_leaves=6))
def test_typed_expressions_agree_with_python(text: str):
    tokens = tokenise(text, PLAIN)
    try:
        expected = eval(text, {"__builtins__": {}}) if "/" not in text else exact(text)
    except ZeroDivisionError:
        with pytest.raises(CannotCalculateError):
            arithmetic.evaluate(tokens)
        return
    if text.isdigit():
        assert arithmetic.evaluate(tokens) is None
    else:
        assert arithmetic.evaluate(tokens) == expected


def exact(text: str) -> Fraction:
    return eval(re.sub(r"(\d+)", r"F(\1)", text), {"__builtins__": {}, "F": Fraction})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("2^3^2", 512),
        ("-3 + 5", 2),
        ("2 * -3", -6),
        ("10% of 50", 5),
        ("50 * 10%", 5),
        ("two plus three times four", 14),
        ("square root of (9 + 16)", 5),
        ("0.1 + 0.2", Fraction(3, 10)),
    ],
)
def test_precedence(text: str, value: Fraction):
    assert arithmetic.evaluate(tokenise(text, PLAIN)) == value


@pytest.mark.parametrize("text", ["", "2", "2 +", "+", "2 3 +", "(2 + 3", "2 + x", "(" * 200 + "1"])
def test_what_is_no_expression(text: str):
    assert arithmetic.evaluate(tokenise(text, PLAIN)) is None


@pytest.mark.parametrize(
    "text",
    [
        "1/0",
        "0^-1",
        "9^9^9",
        "9999999^9999999",
        "(-8)^0.5",
        "(10^300)^1.5",
        "2^4000 * 2^4000",
        "1/2^4000 / 2^4000",
        "square root of -1",
    ],
)
def test_what_has_no_answer_says_so(text: str):
    with pytest.raises(CannotCalculateError, match=r"\.$"):
        arithmetic.evaluate(tokenise(text, PLAIN))


@settings(deadline=None)
@given(st.fractions(min_value=0, max_value=10**6))
def test_a_square_root_squares_back(value: Fraction):
    assert arithmetic.square_root(value * value) == value
    assert abs(arithmetic.square_root(value) ** 2 - value) <= max(1, value) / 10**9


@settings(deadline=None)
@given(
    st.fractions(-(10**6), 10**6),
    st.sampled_from(sorted(units.UNITS)),
    st.sampled_from(sorted(units.UNITS)),
)
def test_a_conversion_goes_back(amount: Fraction, source: str, target: str):
    there = units.convert(amount, source, target)
    assert (there is None) == (units.UNITS[source].kind is not units.UNITS[target].kind)
    if there is not None:
        assert units.convert(there, target, source) == amount


@pytest.mark.requirement("A-2")
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what is two plus two", "2 plus 2 is 4."),
        ("what is ten divided by three", "10 divided by 3 is about 3.3333."),
        ("what is five divided by zero", "I can't divide by zero."),
        ("what is 1/0 + 2", "I can't divide by zero."),
        ("multiply six by seven", "6 times 7 is 42."),
        ("divide ninety by four", "90 divided by 4 is 22.5."),
        ("add one and two", "1 plus 2 is 3."),
        ("what is twelve squared", "12 squared is 144."),
        ("what is two to the power of ten", "2 to the power of 10 is 1,024."),
        ("what is the square root of two", "The square root of 2 is about 1.4142."),
        ("what is the square root of -4", "A negative number has no real square root."),
        ("what is fifteen percent of two hundred", "15 percent of 200 is 30."),
        ("what is a quarter of ten", "1/4 of 10 is 2.5."),
        ("what's 2+3*4", "That is 14."),
        ("2^200", "2 to the power of 200 is about 1.61 times 10 to the power of 60."),
        ("2^100000", "That number is too large for me."),
        ("how many feet are in a mile", "1 mile is 5,280 feet."),
        ("convert ten miles to kilometers", "10 miles is about 16.09 kilometers."),
        (
            "what is thirty celsius in fahrenheit",
            "30 degrees Celsius is 86 degrees Fahrenheit.",
        ),
        ("1 m in mm", "1 meter is 1,000 millimeters."),
        ("1 mm in miles", "1 millimeter is about 0.000000621 miles."),
        ("minus 300 celsius in fahrenheit", "That would be colder than absolute zero."),
        ("10 miles in kg", "I can't convert miles to kilograms: one is length, the other weight."),
    ],
)
async def test_answers(chat: Conversation, text: str, answer: str):
    assert await chat.ask(text) == answer

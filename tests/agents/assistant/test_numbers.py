"""Number words both ways, checked against themselves and against Unicode's own spelling rules."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicode_rbnf import RbnfEngine

from voicechat.agents.assistant import numbers

if TYPE_CHECKING:
    from decimal import Decimal

UNICODE = RbnfEngine.for_language("en")


@settings(deadline=None)
@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_an_integer_survives_words(value: int):
    assert numbers.parse_number(numbers.spell(value)) == value


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6))
def test_a_million_either_way(value: int):
    assert numbers.parse_number(numbers.spell(value)) == value
    assert numbers.parse_number(numbers.spell(value).replace("-", " ")) == value
    assert numbers.parse_number(numbers.spell(value).replace(" and ", " ")) == value
    assert numbers.parse_number(f"{value:,}") == value
    assert numbers.parse_number(str(value)) == value


@settings(deadline=None)
@given(st.decimals(-(10**6), 10**6, places=6))
def test_a_decimal_survives_words_and_digits(value: Decimal):
    exact = Fraction(value)
    assert numbers.parse_number(numbers.spell(exact)) == exact
    assert numbers.parse_number(numbers.decimal_text(exact)) == exact


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_unicodes_spelling_is_understood(value: int):
    by_ruleset = UNICODE.format_number(value).text_by_ruleset
    assert numbers.parse_number(by_ruleset["spellout-cardinal"]) == value


@settings(deadline=None)
@given(st.integers(1, 10**6))
def test_an_ordinal_survives(value: int):
    assert numbers.parse_ordinal(numbers.spell_ordinal(value)) == value
    assert numbers.parse_ordinal(numbers.ordinal(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twenty five", 25),
        ("twenty-five", 25),
        ("a hundred and five", 105),
        ("one hundred five", 105),
        ("fifteen hundred", 1500),
        ("two thousand twenty six", 2026),
        ("a thousand", 1000),
        ("half", Fraction(1, 2)),
        ("a half", Fraction(1, 2)),
        ("a quarter", Fraction(1, 4)),
        ("three quarters", Fraction(3, 4)),
        ("two thirds", Fraction(2, 3)),
        ("one and a half", Fraction(3, 2)),
        ("two and three quarters", Fraction(11, 4)),
        ("2 and a half", Fraction(5, 2)),
        ("two point five", Fraction(5, 2)),
        ("two point oh five", Fraction(41, 20)),
        ("two point twenty five", Fraction(9, 4)),
        ("point five", Fraction(1, 2)),
        ("two point five million", 2_500_000),
        ("3 million", 3_000_000),
        ("a dozen", 12),
        ("two dozen", 24),
        ("half a dozen", 6),
        ("minus three", -3),
        ("negative two point five", Fraction(-5, 2)),
        ("-2.5", Fraction(-5, 2)),
        ("1,000", 1000),
        ("1,234,567.5", Fraction(2469135, 2)),
        (".5", Fraction(1, 2)),
        ("zero", 0),
    ],
)
def test_forms(text: str, value: Fraction):
    assert numbers.parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "a", "and", "five and six", "point", "twenty twenty", "one two", "hundred", "1,00", "-"],
)
def test_what_is_not_one_number(text: str):
    assert numbers.parse_number(text) is None


def test_a_sign_after_an_operand_is_an_operator():
    assert numbers.read_number(["minus", "three"], signed=False) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (105, "one hundred and five"),
        (1_001, "one thousand and one"),
        (Fraction(5, 2), "two point five"),
        (Fraction(-1, 2), "minus zero point five"),
        (10**15, "1000000000000000"),
    ],
)
def test_spelling(value: Fraction, words: str):
    assert numbers.spell(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(1, "first"), (12, "twelfth"), (20, "twentieth"), (21, "twenty-first")]
)
def test_ordinals(value: int, words: str):
    assert numbers.spell_ordinal(value) == words

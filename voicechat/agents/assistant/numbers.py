"""PURE: English number words to exact numbers and back, so that every form works both ways.

Values are `fractions.Fraction`, because "a third" and "two point one" must not pick up float noise.
A phrase is a list of tokens (lower-case words or digit literals such as "1,000" and "2.5").
"""

from __future__ import annotations

import re
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_SMALL = {"zero": 0} | {word: n for n, word in enumerate((*ONES, *TEENS), start=1)}
_TENS = {word: 10 * n for n, word in enumerate(TENS, start=2)}
_SCALES = {
    "trillion": 10**12,
    "billion": 10**9,
    "million": 10**6,
    "thousand": 1000,
}
_PARTS = {"half": 2, "quarter": 4, "third": 3, "fourth": 4, "fifth": 5, "eighth": 8, "tenth": 10}
_PLURAL_PARTS = {"halves": 2} | {f"{word}s": n for word, n in _PARTS.items() if word != "half"}
_SIGNS = ("minus", "negative")
_ARTICLES = ("a", "an")
_LITERAL = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")
_ORDINAL_WORDS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_CARDINAL_OF = {ordinal: cardinal for cardinal, ordinal in _ORDINAL_WORDS.items()}

LARGEST_SPELT = 10**15
"""Numbers of this size and above have no words here and are written in digits."""


class Form(Enum):
    """How a number was put: templates such as "half an hour" take a fraction only."""

    FRACTION = "fraction"
    WHOLE = "whole"
    DECIMAL = "decimal"


@attrs.frozen
class Reading:
    """A number found in tokens: its value, its form, and the index of the token after it."""

    value: Fraction
    form: Form
    end: int


def is_literal(token: str) -> bool:
    """Whether `token` is a number in digits ("25", "1,000", ".5")."""
    return _LITERAL.fullmatch(token) is not None


def read_number(tokens: Sequence[str], start: int = 0, *, signed: bool = True) -> Reading | None:
    """The longest number that begins at `start`, or None.

    Args:
        tokens: Lower-case words and digit literals; hyphens already split.
        start: Index of the first token to look at.
        signed: Whether "minus" and "negative" may begin a number; false after an operand.
    """
    if signed and _at(tokens, start) in _SIGNS:
        reading = read_number(tokens, start + 1, signed=False)
        return reading and attrs.evolve(reading, value=-reading.value)
    return _fraction(tokens, start) or _mixed(tokens, start)


def parse_number(text: str) -> Fraction | None:
    """The number that the whole of `text` says ("twenty-five", "a dozen", "-2.5"), or None."""
    spaced = re.sub(r"^\s*-\s*(?=[\d.])", "minus ", text.lower())
    tokens = re.findall(rf"{_LITERAL.pattern}|[a-z]+|\S", spaced.replace("-", " "))
    reading = read_number(tokens)
    return reading.value if reading and reading.end == len(tokens) else None


def spell(value: Fraction | int) -> str:
    """`value` in words: "minus one hundred and five", "two point five".

    Fractions without a finite decimal form are rounded to six decimals. Integers from
    `LARGEST_SPELT` on come back in digits.
    """
    value = Fraction(value)
    if value < 0:
        return f"minus {spell(-value)}"
    whole, _, decimals = decimal_text(value).partition(".")
    words = _spell_whole(int(whole))
    if decimals:
        names = ("zero", *ONES)
        words += " point " + " ".join(names[int(digit)] for digit in decimals)
    return words


def spell_ordinal(value: int) -> str:
    """A positive integer as an ordinal in words: "twenty-first", "one hundredth"."""
    words = spell(value)
    last = re.split("[ -]", words)[-1]
    head = words.removesuffix(last)
    if last in _ORDINAL_WORDS:
        last = _ORDINAL_WORDS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return head + last


def parse_ordinal(text: str) -> int | None:
    """The integer of an ordinal in words or digits ("twenty first", "21st"), or None."""
    text = text.lower().strip()
    if digits := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", text):
        return int(digits[1])
    head, _, last = text.replace("-", " ").rpartition(" ")
    if last in _CARDINAL_OF:
        last = _CARDINAL_OF[last]
    elif last.endswith("ieth"):
        last = f"{last[:-4]}y"
    elif last.endswith("th"):
        last = last[:-2]
    else:
        return None
    value = parse_number(f"{head} {last}".strip())
    return int(value) if value is not None and value.denominator == 1 else None


def ordinal(value: int) -> str:
    """A positive integer as written in a date: "1st", "22nd", "13th"."""
    if value % 100 in (11, 12, 13):
        return f"{value}th"
    return f"{value}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th') }"


def decimal_text(value: Fraction, places: int = 6) -> str:
    """`value` in plain decimal digits, rounded to `places`, without trailing zeros."""
    scaled = round(abs(value) * 10**places)
    whole, rest = divmod(scaled, 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0") if places else ""
    sign = "-" if value < 0 and scaled else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _at(tokens: Sequence[str], index: int) -> str:
    return tokens[index] if index < len(tokens) else ""


def _below_hundred(tokens: Sequence[str], i: int) -> tuple[int, int] | None:
    token = _at(tokens, i)
    if token in _TENS:
        unit = _SMALL.get(_at(tokens, i + 1), 0)
        return (_TENS[token] + unit, i + 2) if 1 <= unit <= 9 else (_TENS[token], i + 1)
    return (_SMALL[token], i + 1) if token in _SMALL else None


def _group(tokens: Sequence[str], i: int) -> tuple[Fraction, int] | None:
    """A number without scale words: a literal, or words as far as "ninety-nine hundred"."""
    token = _at(tokens, i)
    if is_literal(token):
        value, i = Fraction(token.replace(",", "")), i + 1
    elif token in _ARTICLES and _at(tokens, i + 1) in ("hundred", *_SCALES):
        value, i = Fraction(1), i + 1
    else:
        small = _below_hundred(tokens, i)
        if small is None:
            return None
        value, i = Fraction(small[0]), small[1]
    if _at(tokens, i) != "hundred" or not value:
        return value, i
    value, i = value * 100, i + 1
    rest = _below_hundred(tokens, i + (_at(tokens, i) == "and"))
    return (value + rest[0], rest[1]) if rest and rest[0] else (value, i)


def _cardinal(tokens: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    total, limit, end = Fraction(0), 10**15, start
    while True:
        joined = end > start and _at(tokens, end) == "and"
        group = _group(tokens, end + joined)
        if group is None or (end > start and not 0 < group[0] < limit):
            break
        value, i = group
        scale = _SCALES.get(_at(tokens, i), 1)
        if scale >= limit:
            break
        total, end = total + value * scale, i + (scale > 1)
        if scale == 1:
            break
        limit = scale
    return (total, end) if end > start else None


def _part(tokens: Sequence[str], i: int) -> tuple[Fraction, int] | None:
    """A part in words: "a half", "one quarter", "three quarters"."""
    token, following = _at(tokens, i), _at(tokens, i + 1)
    if token in ("a", "one") and following in _PARTS:
        return Fraction(1, _PARTS[following]), i + 2
    if token in ONES and following in _PLURAL_PARTS:
        return Fraction(_SMALL[token], _PLURAL_PARTS[following]), i + 2
    return None


def _fraction(tokens: Sequence[str], i: int) -> Reading | None:
    if _at(tokens, i) == "half" and tuple(tokens[i + 1 : i + 3]) == ("a", "dozen"):
        return Reading(Fraction(6), Form.WHOLE, i + 3)
    if _at(tokens, i) in ("half", "quarter"):
        return Reading(Fraction(1, _PARTS[tokens[i]]), Form.FRACTION, i + 1)
    part = _part(tokens, i)
    return part and Reading(part[0], Form.FRACTION, part[1])


def _mixed(tokens: Sequence[str], i: int) -> Reading | None:
    """A cardinal with what may follow it: decimals, a scale, a part, "dozen"."""
    if _at(tokens, i) in _ARTICLES and _at(tokens, i + 1) == "dozen":
        return Reading(Fraction(12), Form.WHOLE, i + 2)
    cardinal = _cardinal(tokens, i)
    if cardinal is None:
        if _at(tokens, i) != "point":
            return None
        cardinal = Fraction(0), i
    value, end = cardinal
    decimals = ""
    if _at(tokens, end) == "point":
        decimals, after = _decimals(tokens, end + 1)
        if decimals:
            value, end = value + Fraction(int(decimals), 10 ** len(decimals)), after
            scale = _SCALES.get(_at(tokens, end), 1)
            value, end = value * scale, end + (scale > 1)
    if end == i:
        return None
    if _at(tokens, end) == "dozen":
        value, end = value * 12, end + 1
    elif _at(tokens, end) == "and" and not decimals and (part := _part(tokens, end + 1)):
        value, end = value + part[0], part[1]
    return Reading(value, Form.WHOLE if value.denominator == 1 else Form.DECIMAL, end)


def _decimals(tokens: Sequence[str], i: int) -> tuple[str, int]:
    """Digits after "point": "oh five", "two five", "twenty five", "25"."""
    digits = ""
    while token := _at(tokens, i):
        if token == "oh" or token.isdecimal():  # noqa: S105  (a word, no secret)
            digits, i = digits + ("0" if token == "oh" else token), i + 1  # noqa: S105  (same)
        elif pair := _below_hundred(tokens, i):
            digits, i = digits + str(pair[0]), pair[1]
        else:
            break
    return digits, i


def _spell_whole(value: int) -> str:
    if value >= LARGEST_SPELT:
        return str(value)
    if value < 20:
        return ("zero", *ONES, *TEENS)[value]
    if value < 100:
        unit = value % 10
        return TENS[value // 10 - 2] + (f"-{ONES[unit - 1]}" if unit else "")
    if value < 1000:
        rest = value % 100
        return f"{ONES[value // 100 - 1]} hundred" + (f" and {_spell_whole(rest)}" if rest else "")
    for word, scale in _SCALES.items():
        if value >= scale:
            rest = value % scale
            joint = " and " if rest < 100 else " "
            words = f"{_spell_whole(value // scale)} {word}"
            return words + (joint + _spell_whole(rest) if rest else "")
    raise AssertionError(value)

"""PURE: exact arithmetic on spoken and typed expressions, with limits instead of surprises.

A small recursive-descent parser: `eval` would run code, and floats would answer 0.1 + 0.2 wrongly.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from voicechat.agents.assistant.numbers import read_number

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_BITS = 4096
"""Size of a result at most; about 1,200 digits, far above what can be said."""

_TOO_LARGE = "That number is too large for me."

_MAX_DEPTH = 30


class CannotCalculateError(Exception):
    """There is no answer; the message says why, in a sentence for the user."""


class _NotArithmeticError(Exception):
    """The tokens are no expression."""


def combine(a: Fraction, operator: str, b: Fraction) -> Fraction:
    """`a` plus, minus, times, over (divided by) or power `b`.

    Raises:
        CannotCalculateError: Division by zero, or a result that is too large or not real.
    """
    if operator == "over" and not b:
        raise CannotCalculateError("I can't divide by zero.")
    match operator:
        case "plus":
            value = a + b
        case "minus":
            value = a - b
        case "times":
            value = a * b
        case "over":
            value = a / b
        case _:
            value = _power(a, b)
    if _bits(value) > _MAX_BITS:
        raise CannotCalculateError(_TOO_LARGE)
    return value


def square_root(value: Fraction) -> Fraction:
    """The square root, exact where it is rational, else to float precision.

    Raises:
        CannotCalculateError: `value` is negative or too large.
    """
    if value < 0:
        raise CannotCalculateError("A negative number has no real square root.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if Fraction(top * top, bottom * bottom) == value:
        return Fraction(top, bottom)
    try:
        return Fraction(math.sqrt(value))
    except OverflowError:
        raise CannotCalculateError(_TOO_LARGE) from None


def evaluate(tokens: Sequence[str]) -> Fraction | None:
    """The value of an expression in words, literals and brackets; None where it is none.

    A lone number is no expression.

    Raises:
        CannotCalculateError: It is one, and has no answer.
    """
    reading = read_number(tokens)
    if reading and reading.end == len(tokens):
        return None
    parser = _Parser(tokens)
    try:
        value = parser.sum(0)
    except _NotArithmeticError:
        return None
    return value if parser.position == len(tokens) else None


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if not base and exponent < 0:
        raise CannotCalculateError("I can't divide by zero.")
    if exponent.denominator == 1:
        if abs(exponent) * _bits(base) > _MAX_BITS:
            raise CannotCalculateError(_TOO_LARGE)
        return base ** int(exponent)
    if base < 0:
        raise CannotCalculateError("That has no real answer.")
    try:
        return Fraction(float(base) ** float(exponent))
    except OverflowError:
        raise CannotCalculateError(_TOO_LARGE) from None


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


class _Parser:
    """sum = product {(plus|minus) product}; product = power {(times|over) power}; and so on."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self.position = 0

    def sum(self, depth: int) -> Fraction:
        if depth > _MAX_DEPTH:
            raise _NotArithmeticError
        value = self._product(depth)
        while operator := self._take(("plus", "minus")):
            value = combine(value, operator, self._product(depth))
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while operator := self._take(("multiplied by", "divided by", "times", "over")):
            operator = {"multiplied by": "times", "divided by": "over"}.get(operator, operator)
            value = combine(value, operator, self._signed(depth))
        return value

    def _signed(self, depth: int) -> Fraction:
        if depth > _MAX_DEPTH:
            raise _NotArithmeticError
        if self._take(("minus",)):
            return -self._signed(depth + 1)
        if self._take(("the square root of", "square root of")):
            return square_root(self._signed(depth + 1))
        value = self._atom(depth)
        if self._take(("to the power of", "raised to")):
            return combine(value, "power", self._signed(depth + 1))
        return value

    def _atom(self, depth: int) -> Fraction:
        if self._take(("(",)):
            value = self.sum(depth + 1)
            if not self._take((")",)):
                raise _NotArithmeticError
        else:
            reading = read_number(self._tokens, self.position, signed=False)
            if reading is None:
                raise _NotArithmeticError
            value, self.position = reading.value, reading.end
        if suffix := self._take(("squared", "cubed")):
            value = combine(value, "power", Fraction(2 if suffix == "squared" else 3))
        if self._take(("percent of",)):
            return value / 100 * self._signed(depth + 1)
        return value / 100 if self._take(("percent",)) else value

    def _take(self, phrases: Sequence[str]) -> str:
        for phrase in phrases:
            words = phrase.split()
            if list(self._tokens[self.position : self.position + len(words)]) == words:
                self.position += len(words)
                return phrase
        return ""

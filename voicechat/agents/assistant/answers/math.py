"""Answers to arithmetic. Each repeats the numbers, so that a misheard one is noticed."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from voicechat.agents.assistant import arithmetic, wording
from voicechat.agents.assistant.arithmetic import CannotCalculateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

_SPOKEN = {
    "plus": "plus",
    "minus": "minus",
    "times": "times",
    "over": "divided by",
    "power": "to the power of",
}


def _binary(request: Request) -> str:
    a = request.number("a")
    operator = request.word("operator")
    if power := request.word("power"):
        value = arithmetic.combine(a, "power", Fraction(2 if power == "squared" else 3))
        return f"{wording.number(a)} {power} {wording.result(value)}."
    b = request.number("b")
    value = arithmetic.combine(a, operator, b)
    return f"{wording.number(a)} {_SPOKEN[operator]} {wording.number(b)} {wording.result(value)}."


def _square_root(request: Request) -> str:
    a = request.number("a")
    value = arithmetic.square_root(a)
    return f"The square root of {wording.number(a)} {wording.result(value)}."


def _percentage(request: Request) -> str:
    a, b = request.number("a"), request.number("b")
    return f"{wording.number(a)} percent of {wording.number(b)} {wording.result(a * b / 100)}."


def _fraction_of(request: Request) -> str:
    a, b = request.number("a"), request.number("b")
    return f"{a.numerator}/{a.denominator} of {wording.number(b)} {wording.result(a * b)}."


def _expression(request: Request) -> str:
    value = arithmetic.evaluate(request.word("tokens").split())
    if value is None:
        raise CannotCalculateError("I can't calculate that.")
    text = wording.result(value).removeprefix("is ")
    return f"That is {text}."


def _politely(answer: Callable[[Request], str]) -> Callable[[Request], str]:
    """Turn "there is no answer" into an answer."""

    def polite(request: Request) -> str:
        try:
            return answer(request)
        except CannotCalculateError as error:
            return str(error)

    return polite


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    intent: _politely(answer)
    for intent, answer in {
        "Calculate": _binary,
        "SquareRoot": _square_root,
        "Percentage": _percentage,
        "FractionOf": _fraction_of,
        "Expression": _expression,
    }.items()
}

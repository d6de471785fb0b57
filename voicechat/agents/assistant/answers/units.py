"""Answers to unit conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicechat.agents.assistant import wording
from voicechat.agents.assistant.units import UNITS, Kind, convert, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request


def _convert(request: Request) -> str:
    amount, source, target = request.number("amount"), request.word("from"), request.word("to")
    value = convert(amount, source, target)
    if value is None:
        a, b = UNITS[source], UNITS[target]
        kinds = f"one is {a.kind.value}, the other {b.kind.value}"
        return f"I can't convert {a.plural} to {b.plural}: {kinds}."
    if UNITS[source].kind is Kind.TEMPERATURE and (convert(amount, source, "kelvin") or 0) < 0:
        return "That would be colder than absolute zero."
    places = 1 if UNITS[target].kind is Kind.TEMPERATURE else 2
    result = wording.result(value, places)
    return f"{wording.number(amount)} {named(amount, source)} {result} {named(value, target)}."


ANSWERS: Mapping[str, Callable[[Request], str]] = {"Convert": _convert}

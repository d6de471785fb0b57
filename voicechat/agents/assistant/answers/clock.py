"""Answers about time and date."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from voicechat.agents.assistant import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1, "": 0}


def _time(request: Request) -> str:
    return f"It is {wording.clock(request.environment.now())}."


def _date(request: Request) -> str:
    return _about_day(request, wording.day_and_date)


def _day(request: Request) -> str:
    return _about_day(request, lambda day: f"{day:%A}")


def _about_day(request: Request, text: Callable[..., str]) -> str:
    name = request.word("day") or "today"
    day = (request.environment.now() + timedelta(days=_DAYS[name])).date()
    verb = "was" if name == "yesterday" else "is"
    return f"{name.capitalize()} {verb} {text(day)}."


def _month(request: Request) -> str:
    return f"It is {request.environment.now():%B}."


def _year(request: Request) -> str:
    return f"It is {request.environment.now().year}."


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    "GetTime": _time,
    "GetDate": _date,
    "GetDay": _day,
    "GetMonth": _month,
    "GetYear": _year,
}

"""Answers about timers. Those that set one repeat its number: "fifteen" and "fifty" sound alike."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from voicechat.agents.assistant import wording
from voicechat.agents.assistant.timers import MAX_SECONDS, MIN_SECONDS, Timer, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

_SECONDS_IN = {"hours": 3600, "minutes": 60, "seconds": 1}


def _set(request: Request) -> str:
    seconds = _seconds(request) or Fraction(0)
    if seconds < MIN_SECONDS:
        return "A timer needs at least 1 second."
    if seconds > MAX_SECONDS:
        return "That is too long for me. A timer can run for up to 7 days."
    timers = request.memory.timers
    if timers.full:
        return f"You already have {len(timers)} timers. Cancel one first."
    timer = Timer(seconds, request.time + float(seconds), _name(request), request.word("task"))
    timers.add(timer)
    lasts = wording.duration(seconds)
    if timer.task:
        return f"Okay, I will remind you in {lasts} to {timer.task}."
    title = f"{timer.name} timer" if timer.name else "Timer"
    return f"{title[0].upper()}{title[1:]} set for {lasts}."


def _ask(_: Request) -> str:
    return "For how long? Say, for example, set a timer for 10 minutes."


def _cancel(request: Request) -> str:
    timers = request.memory.timers
    if not len(timers):
        return "There is no timer running."
    found = timers.find(_wanted(request))
    if not found:
        return f"There is no such timer. {_running(request)}"
    if request.word("all"):
        for timer in found:
            timers.remove(timer)
        return f"Cancelled {wording.count(len(found), 'timer')}."
    if len({(timer.name, timer.seconds) for timer in found}) > 1:
        return f"Which one? {_running(request)} Say, for example, cancel {found[0].title}."
    timers.remove(found[0])
    title = found[0].title
    return f"{title[0].upper()}{title[1:]} is cancelled."


def _remaining(request: Request) -> str:
    found = request.memory.timers.find(_wanted(request))
    if not found:
        missing = "such timer" if len(request.memory.timers) else "timer running"
        return f"There is no {missing}."
    sentences = []
    for timer in found:
        title = timer.title
        left = wording.duration(timer.left(request.time))
        sentences.append(f"{title[0].upper()}{title[1:]} has {left} left.")
    return " ".join(sentences)


def _list(request: Request) -> str:
    return _running(request) if len(request.memory.timers) else "There is no timer running."


def _running(request: Request) -> str:
    timers = request.memory.timers.find(Wanted())
    titles = wording.listed([timer.title for timer in timers])
    verb = "is" if len(timers) == 1 else "are"
    return f"There {verb} {wording.count(len(timers), 'timer')} running: {titles}."


def _seconds(request: Request) -> Fraction | None:
    parts = [
        request.number(unit) * seconds
        for unit, seconds in _SECONDS_IN.items()
        if unit in request.slots
    ]
    return sum(parts, Fraction(0)) if parts else None


def _name(request: Request) -> str:
    return request.word("timer_name") or request.word("any_name")


def _wanted(request: Request) -> Wanted:
    return Wanted(_name(request), _seconds(request))


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    "TimerSet": _set,
    "TimerAsk": _ask,
    "TimerCancel": _cancel,
    "TimerRemaining": _remaining,
    "TimerList": _list,
}

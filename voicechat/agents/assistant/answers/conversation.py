"""Answers about the conversation itself, and what to say when nothing was understood."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Final

from voicechat.agents.ports import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from voicechat.agents.assistant.request import Request
    from voicechat.agents.ports import Message

SUGGESTIONS: Final = (
    "what time is it",
    "set a timer for 10 minutes",
    "what is 15 percent of 200",
    "how many feet are in a mile",
    "how hot is the processor",
    "what day is tomorrow",
    "convert 10 miles to kilometers",
    "how much time is left",
    "tell me a joke",
    "what can you do",
)
"""Commands named to a user who was not understood; a test holds that each is understood."""


ABOUT_THE_CONVERSATION: Final = frozenset({"Repeat", "WhatDidISay", "BackChannel"})
"""Intents that do not become what "I said" last."""

_APOLOGIES: Final = (
    "Sorry, I only understand commands, like: ",
    "Sorry, I didn't get that. Try, for example: ",
    "Sorry, I still don't understand. Try: ",
)
"""How an answer begins when nothing was understood for the first, second and any further time."""


def apologies(history: Sequence[Message]) -> int:
    """How many answers in a row, up to the newest, said that nothing was understood."""
    answers = (said.whole for said in reversed(history) if said.role is Role.ASSISTANT)
    return sum(1 for _ in takewhile(lambda answer: answer.startswith(_APOLOGIES), answers))


def not_understood(times: int, random: Random, *, spoken: bool) -> str:
    """A polite refusal with examples; brief when it comes again and again.

    Args:
        times: How often in a row it was already said.
        random: Chooses the examples.
        spoken: Whether typing would be another way; typed text is told to rephrase.
    """
    opening = _APOLOGIES[min(times, 2)]
    if times >= 2:
        return f"{opening}{random.choice(SUGGESTIONS)}."
    first, second = random.sample(SUGGESTIONS, 2)
    examples = f"{opening}{first}, or: {second}."
    if times == 1:
        return examples
    return f"{examples} {'You can also type.' if spoken else 'Ask me what I can do to hear more.'}"


def _repeat(request: Request) -> str:
    return next(reversed(request.answers()), "") or "I haven't said anything yet."


def _what_did_i_say(request: Request) -> str:
    for said in reversed(request.history):
        if said.role is Role.USER:
            understood = request.meaning(said.text)
            if understood is None or understood.intent not in ABOUT_THE_CONVERSATION:
                return f"You said: {said.text.strip().rstrip('.?! ')}."
    return "You haven't said anything before that."


def _stop(_: Request) -> str:
    return "Okay."


def _back_channel(_: Request) -> str:
    return ""


def _help(_: Request) -> str:
    return (
        "I tell the time and the date, set timers, calculate, and convert units. "
        "I also know how this device is doing. "
        "Say, for example: set a timer for 10 minutes. Or: what is 15 percent of 200."
    )


ANSWERS: Mapping[str, Callable[[Request], str]] = {
    "Repeat": _repeat,
    "WhatDidISay": _what_did_i_say,
    "Stop": _stop,
    "BackChannel": _back_channel,
    "Help": _help,
}

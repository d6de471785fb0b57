"""Answers about the conversation itself, and what to say when nothing was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from voicechat.agents.assistant.request import Memory, Request

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


def not_understood(memory: Memory, random: Random, *, spoken: bool) -> str:
    """A polite refusal with examples; brief when it comes again and again.

    Args:
        memory: Whose count of misunderstandings goes up.
        random: Chooses the examples.
        spoken: Whether typing would be another way; typed text is told to rephrase.
    """
    memory.misunderstood += 1
    if memory.misunderstood > 2:
        return f"Sorry, I still don't understand. Try: {random.choice(SUGGESTIONS)}."
    first, second = random.sample(SUGGESTIONS, 2)
    if memory.misunderstood == 2:
        return f"Sorry, I didn't get that. Try, for example: {first}, or: {second}."
    hint = " You can also type." if spoken else " Ask me what I can do to hear more."
    return f"Sorry, I only understand commands, like: {first}, or: {second}.{hint}"


def _repeat(request: Request) -> str:
    return request.memory.last_answer or "I haven't said anything yet."


def _what_did_i_say(request: Request) -> str:
    heard = request.memory.last_heard
    return (
        f"You said: {heard.rstrip('.?! ')}." if heard else "You haven't said anything before that."
    )


def _stop(_: Request) -> str:
    return "Okay."


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
    "Help": _help,
}

"""Answers by intent: one module a domain, each with a literal table from intent to function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicechat.agents.assistant.answers import (
    clock,
    conversation,
    device,
    math,
    smalltalk,
    timers,
    units,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.agents.assistant.request import Request

ANSWERS: Mapping[str, Callable[[Request], str]] = {
    **clock.ANSWERS,
    **timers.ANSWERS,
    **math.ANSWERS,
    **units.ANSWERS,
    **device.ANSWERS,
    **conversation.ANSWERS,
    **smalltalk.ANSWERS,
}
"""Every intent of the template files, and typed arithmetic, with the function that answers it."""

"""What turn taking can decide, for those who carry it out. PURE."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from voicechat.protocol.messages.trace import EndpointReason


@attrs.frozen
class Endpoint:
    """The user has finished.

    Attributes:
        reason: Why.
        speech_end: Sample after the last one that was speech.
        at: Sample at which this was decided.
    """

    reason: EndpointReason
    speech_end: int
    at: int


@attrs.frozen
class BargeIn:
    """The user takes the floor, with the words that began at sample `since`."""

    since: int


@attrs.frozen
class Listen:
    """Before sample `since` there was only the assistant itself, or no voice: words begin there."""

    since: int


@attrs.frozen
class Speculate:
    """The user may have finished with these words: an answer to them can be prepared."""

    text: str


class Effect(Enum):
    """Decisions that need no more than their name."""

    WITHDRAW = auto()  # what was prepared is of no use
    REOPEN = auto()  # the user goes on: stop the answer and listen to all of it again
    DUCK = auto()  # somebody may be interrupting
    CALM = auto()  # nobody was, so far
    FALSE_ALARM = auto()  # nobody was


Decision = Effect | BargeIn | Listen | Speculate | Endpoint

"""The record of a turn: why it began and ended where it did, and where its time went."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import attrs

from voicechat.protocol.messages.base import ServerMessage
from voicechat.protocol.messages.conversation import (  # noqa: TC001  (the codec resolves them)
    Origin,
    StopReason,
    TurnTimings,
)


class EndpointReason(StrEnum):
    """Why the user was taken to have finished.

    ``complete``: nothing can follow the words. ``extendable``: they are whole, but could go on.
    ``silence``: the words tell nothing. ``open``: they are not whole, and the patience is over.
    ``max_length``: the utterance is as long as one may be. ``closed``: the stream was closed.
    """

    COMPLETE = "complete"
    EXTENDABLE = "extendable"
    SILENCE = "silence"
    OPEN = "open"
    MAX_LENGTH = "max_length"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a turn ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Speculation(StrEnum):
    """Whether the answer was begun before the user's turn was certain to be over.

    ``none``: it was not. ``hit``: it was, and could be used. ``waste``: only for other words.
    """

    NONE = "none"
    HIT = "hit"
    WASTE = "waste"


@attrs.frozen
class TurnTrace(ServerMessage):
    """Everything that can be told about a turn that has ended.

    Attributes:
        turn: Which turn.
        origin: What began it.
        outcome: How it ended.
        timings: Its stages.
        endpoint: Why the user was taken to have finished; None for turns without speech.
        pause_ms: Silence after speech that this took.
        stopped: Why the answer stopped early, if it did.
        speculation: Whether work was done ahead.
        drafts_dropped: Answers begun ahead for this utterance, and thrown away.
        false_alarms: Sounds during the answer that did not stop it.
        replaces: An earlier turn whose words were the beginning of this one's.
        speech_ms: Length of what the user said.
        text_chars: Characters of the answer.
        heard_chars: How many of them the user has heard (or read, when nothing was spoken).
        audio_ms: Speech that was sent.
        played_ms: How much of it was played.
        cooling_ms: How long the words or their answer waited for the machine to cool down.
    """

    type: ClassVar[str] = "turn_trace"
    turn: int
    origin: Origin
    outcome: Outcome
    timings: TurnTimings
    endpoint: EndpointReason | None
    pause_ms: float | None
    stopped: StopReason | None
    speculation: Speculation
    drafts_dropped: int
    false_alarms: int
    replaces: int | None
    speech_ms: float | None
    text_chars: int
    heard_chars: int
    audio_ms: float
    played_ms: float
    cooling_ms: float = 0.0

"""What a session sends about what is said, in short."""

from __future__ import annotations

from datetime import UTC, datetime

from voicechat.errors import ErrorCode
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
    TurnTimings,
)
from voicechat.protocol.messages.session import Speaker
from voicechat.protocol.messages.trace import Outcome, Speculation, TurnTrace

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
NO_TIMES = TurnTimings()
USER, ASSISTANT = Speaker.USER, Speaker.ASSISTANT


def final(text, turn=1, **how):
    return TranscriptFinal(text, how.pop("accepted", True), turn, **how)


def begun(turn=1, origin=Origin.VOICE):
    return TurnStarted(turn, origin)


def whole(text, turn=1):
    return ResponseComplete(turn, text, NO_TIMES)


def stopped(turn=1, reason=StopReason.INTERRUPTED):
    return StreamInterrupted(turn, reason)


def failed(turn=1):
    return StreamError(turn, ErrorCode.ENGINE_FAILED, "No.", True, "", "0")


def traced(turn=1, heard=0, origin=Origin.VOICE):
    return TurnTrace(
        turn,
        origin,
        Outcome.COMPLETE,
        NO_TIMES,
        None,
        None,
        None,
        Speculation.NONE,
        0,
        0,
        None,
        None,
        0,
        heard,
        0,
        0,
    )

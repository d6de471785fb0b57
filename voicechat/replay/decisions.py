"""What a session decided, out of all that it sent: without whatever depends on speed. PURE.

Left out are timings, sequence numbers, correlation ids, partial transcripts (a fast recogniser
tells more of them), and how text and sound are cut into pieces. What remains is put into lanes: one
for what was heard, one for each turn, one for replies. Within a lane the order matters; what
happens in two lanes at almost the same time may come in either order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.protocol.messages.audio import SpeechEnded, SpeechStarted
from voicechat.protocol.messages.connection import Error, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    Duck,
    MessageReceived,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import TurnTrace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voicechat.recording.format import Item, Record

HEARD: Final = "heard"
REPLIES: Final = "replies"
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_TRACED: Final = (
    "origin",
    "outcome",
    "endpoint",
    "pause_ms",
    "speech_ms",
    "stopped",
    "speculation",
    "drafts_dropped",
    "false_alarms",
    "replaces",
)


@attrs.frozen
class Decision:
    """One of them.

    Attributes:
        at: Seconds after the session began.
        what: In words, equal where the decision is.
        said: Of a turn's end: the answer, its numbers masked, for they can tell the time.
        cut: Whether the answer was stopped in the middle.
        heard_chars: Of a turn's trace.
    """

    at: float
    what: str
    said: str | None = None
    cut: bool = False
    heard_chars: int | None = None


def lanes(records: Iterable[Record]) -> dict[str, list[Decision]]:
    """All decisions of a recording, by lane."""
    found: dict[str, list[Decision]] = {}
    texts: dict[int, str] = {}
    for record in records:
        if isinstance(record.item, StreamDelta):
            turn = record.item.turn
            texts[turn] = texts.get(turn, "") + record.item.text
        elif (decided := _decision(record.at, record.item, texts)) is not None:
            lane, decision = decided
            found.setdefault(lane, []).append(decision)
    return found


def shut_down_at(records: Iterable[Record]) -> float:
    """When the server that recorded began to end, which no replay does; infinity if it did not."""
    for record in records:
        match record.item:
            case ServerShuttingDown() | StreamInterrupted(reason=StopReason.SHUTDOWN):
                return record.at
    return float("inf")


def _decision(at: float, item: Item, texts: dict[int, str]) -> tuple[str, Decision] | None:
    told = _of_listening(item)
    if told is not None:
        return HEARD, Decision(at, told)
    if (told := _of_replies(item)) is not None:
        return REPLIES, Decision(at, told)
    match item:
        case ResponseComplete(turn=turn, text=text):
            decision = Decision(at, f"turn {turn} is complete", _masked(text))
        case StreamInterrupted(turn=turn, reason=reason):
            what, said = f"turn {turn} is stopped: {reason}", _masked(texts.get(turn, ""))
            decision = Decision(at, what, said, cut=True)
        case TurnTrace(turn=turn, heard_chars=heard_chars):
            decision = Decision(at, _trace(item), heard_chars=heard_chars)
        case TurnStarted(turn=turn, origin=origin):
            decision = Decision(at, f"turn {turn} starts, by {origin}")
        case Duck(turn=turn, gain=gain):
            decision = Decision(at, f"turn {turn} is played at gain {gain:g}")
        case StreamError(turn=turn, code=code):
            decision = Decision(at, f"turn {turn} fails: {code}")
        case _:
            return None
    return f"turn {turn}", decision


def _of_listening(item: Item) -> str | None:
    match item:
        case SpeechStarted(stream=stream, at=sample):
            return f"speech starts at sample {sample} of stream {stream}"
        case SpeechEnded(stream=stream, at=sample):
            return f"speech ends at sample {sample} of stream {stream}"
        case TranscriptFinal():
            return _transcript(item)
    return None


def _of_replies(item: Item) -> str | None:
    match item:
        case MessageReceived(turn=turn):
            return f"message taken as turn {turn}"
        case Error(code=code):
            return f"error {code}"
    return None


def _transcript(final: TranscriptFinal) -> str:
    what = f"“{final.text}”" if final.accepted else f"not understood (“{final.text}”)"
    begins = "" if final.turn is None else f", turn {final.turn}"
    return f"{what}{begins}" + (f", instead of turn {final.replaces}" if final.replaces else "")


def _trace(trace: TurnTrace) -> str:
    told = ((name, getattr(trace, name)) for name in _TRACED)
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in told
        if value is not None
    )


def _masked(text: str) -> str:
    return _NUMBER.sub("#", text)

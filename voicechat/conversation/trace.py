"""Makes the record of a turn that has ended. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.protocol.messages.trace import Outcome, Speculation, TurnTrace

if TYPE_CHECKING:
    from voicechat.conversation.turn import Turn
    from voicechat.protocol.messages.conversation import StopReason


def trace_of(turn: Turn, outcome: Outcome, stopped: StopReason | None) -> TurnTrace:
    """All that can be told about `turn`."""
    request, speaker = turn.request, turn.speaker
    dropped = request.drafts - request.drafted
    speculation = Speculation.HIT if request.drafted else Speculation.NONE
    if dropped and not request.drafted:
        speculation = Speculation.WASTE
    return TurnTrace(
        turn=request.turn,
        origin=request.origin,
        outcome=outcome,
        timings=turn.timings(),
        endpoint=request.endpoint,
        pause_ms=request.pause_ms,
        stopped=stopped,
        speculation=speculation,
        drafts_dropped=dropped,
        false_alarms=turn.false_alarms,
        replaces=request.replaces,
        speech_ms=request.speech_ms,
        text_chars=len(turn.text),
        heard_chars=turn.heard_chars,
        audio_ms=round(speaker.samples * 1000 / speaker.rate, 1),
        played_ms=round(speaker.played * 1000 / speaker.rate, 1),
        cooling_ms=round(turn.cooling_s * 1000),
    )


def flat(trace: TurnTrace) -> dict[str, object]:
    """The record as one line of the log: no nested parts, nothing that is not known."""
    fields = attrs.asdict(trace, recurse=False)
    fields |= attrs.asdict(fields.pop("timings"))
    return {name: value for name, value in fields.items() if value is not None}

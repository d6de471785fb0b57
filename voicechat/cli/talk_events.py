"""What `voicechat talk` tells of a conversation: each event, and what became of each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import TurnTimings

if TYPE_CHECKING:
    from voicechat.client.events import Event

OUTPUT_RATE = 24_000
"""Rate in Hz at which answers are asked for and written."""
_SECRETS = frozenset({"secret", "user_key"})
"""Fields of messages that are kept like passwords, and so never printed."""


@attrs.define
class SpokenTurn:
    """What is known of one turn; times in ms since the recording began.

    Attributes:
        turn: Its number.
        heard: The final transcript, or None for a turn that the server began.
        accepted: False when the recogniser refused the speech.
        answer: The whole answer.
        outcome: ``complete``, ``interrupted``, ``error``, or ``lost`` with a server that ended.
        speech_end_ms: When the last sample of the user's speech was sent.
        first_audio_ms: When the first sample of the answer arrived.
        samples: Length of the spoken answer at `OUTPUT_RATE`.
        timings: The server's own waterfall.
    """

    turn: int
    heard: str | None = None
    accepted: bool = True
    answer: str = ""
    outcome: str = ""
    speech_end_ms: float | None = None
    first_audio_ms: float | None = None
    samples: int = 0
    timings: TurnTimings = attrs.field(factory=TurnTimings)


def described(event: Event, seq: int | None) -> dict[str, Any]:
    """The JSON object of an event, without what is kept like a password."""
    match event:
        case AudioFrame():
            return {
                "type": "audio",
                "turn": event.stream,
                "seq": event.seq,
                "offset": event.offset,
                "samples": event.samples,
                "last": event.last,
            }
        case StateChanged(state=state):
            return {"type": "connection"} | attrs.asdict(state)
        case Restored():
            return {"type": "restored"} | attrs.asdict(event)
        case _:
            fields = attrs.asdict(event, filter=lambda field, _: field.name not in _SECRETS)
            return {"type": event.type, "seq": seq} | fields

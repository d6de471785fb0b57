"""What `voicechat talk --json` prints of each event of its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.protocol.frames import AudioFrame

if TYPE_CHECKING:
    from voicechat.client.events import Event

_SECRETS = frozenset({"secret", "user_key"})
"""Fields of messages that are kept like passwords, and so never printed."""


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

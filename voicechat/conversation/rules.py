"""What can be configured about turn taking. PURE."""

from __future__ import annotations

import attrs

from voicechat.conversation.finished import Patience


@attrs.frozen
class Rules:
    """What can be configured; durations in ms."""

    patience: Patience = attrs.field(factory=Patience)
    max_length_ms: float = 30_000
    reopen_ms: float = 600
    barge_in_ms: float = 250
    barge_in: bool = True
    hands_free: bool = True
    speculation: bool = True

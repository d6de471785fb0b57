"""What an outbox keeps of one item, and what that costs. PURE.

Items differ in size by a factor of a thousand, so bounds are in bytes and not in items.
"""

from __future__ import annotations

from typing import Final

import attrs

from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.base import ServerMessage

Item = ServerMessage | AudioFrame

_ENTRY_BYTES: Final = 200
"""Memory of an item beside its samples or its text: the objects themselves, about."""
_MEMBER_BYTES: Final = 64
"""The same of a member of a list inside a message."""


@attrs.define(eq=False)
class Entry:
    """A numbered item.

    Attributes:
        seq: Its number, from 1.
        item: What is to be sent; a frame has the number too.
        cost: Memory that it takes, in bytes, about.
        at: When it was put in (monotonic seconds).
        sent: Whether it was taken since the client came last.
    """

    seq: int
    item: Item
    cost: int
    at: float
    sent: bool = False


def end_of(item: Item) -> int:
    """The sample of its turn after the last one of a frame; 0 of a message."""
    return item.offset + item.samples if isinstance(item, AudioFrame) else 0


def cost_of(item: Item) -> int:
    """Memory that an item takes, in bytes, about."""
    if isinstance(item, AudioFrame):
        return _ENTRY_BYTES + len(item.pcm)
    fields = [getattr(item, field.name) for field in attrs.fields(type(item))]
    text = sum(len(value) for value in fields if isinstance(value, str))
    return _ENTRY_BYTES + text + sum(_MEMBER_BYTES * len(v) for v in fields if isinstance(v, tuple))

"""How a conversation reaches its client, whatever carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.base import ServerMessage


class Emit(Protocol):
    """Takes a message or a frame of speech; waits while the client is slower (back-pressure)."""

    async def __call__(self, item: ServerMessage | AudioFrame, /) -> None:
        """Hand it over; when this returns it is in order behind all before it."""
        ...

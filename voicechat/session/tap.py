"""Lets somebody follow all that a session receives and sends: the recorder does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.base import ClientMessage, ServerMessage


class Tap(Protocol):
    """Told of each item at the moment when it happens; it may never wait or fail."""

    def received(self, item: ClientMessage | AudioFrame, /) -> None:
        """The client sent this."""
        ...

    def queued(self, frame: AudioFrame, /) -> None:
        """This frame waits for the listener now: it came neither too late, nor was it refused."""
        ...

    def taken(self, frame: AudioFrame, /) -> None:
        """The listener begins to work on this frame of the microphone."""
        ...

    def sent(self, item: ServerMessage | AudioFrame, /) -> None:
        """The session has put this in its outbox."""
        ...

    async def run(self) -> None:
        """Do the tap's own work until the session cancels it."""
        ...


class NoTap:
    """Follows nothing."""

    def received(self, item: ClientMessage | AudioFrame, /) -> None:
        """Ignore it."""

    def queued(self, frame: AudioFrame, /) -> None:
        """Ignore it."""

    def taken(self, frame: AudioFrame, /) -> None:
        """Ignore it."""

    def sent(self, item: ServerMessage | AudioFrame, /) -> None:
        """Ignore it."""

    async def run(self) -> None:
        """Have nothing to do."""

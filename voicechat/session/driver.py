"""The connection that drives a session: one at a time, each going on where its client has come."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

import attrs

from voicechat.protocol.frames import AudioFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.presence import Presence
    from voicechat.protocol.codec import Codec
    from voicechat.protocol.messages.session import HistoryEntry, Resume, SwitchSession
    from voicechat.session.incoming import Incoming
    from voicechat.session.outgoing import Outgoing
    from voicechat.session.transcript import Transcript


class Line(Protocol):
    """A connection that drives a session."""

    def wake(self) -> None:
        """There is something to take, or the session has ended."""
        ...

    def ack(self) -> None:
        """There is something to acknowledge."""
        ...

    def taken_over(self) -> None:
        """Another connection drives the session now."""
        ...


@attrs.frozen
class Attached:
    """Where a connection goes on; see `SessionRestored`."""

    seq: int
    client_seq: int
    stream: int | None
    samples: int
    history: tuple[HistoryEntry, ...] | None
    speech_lost: bool


class Driver:
    """Of one session.

    Args:
        outbox: What the session sends.
        incoming: What its client says.
        codec: Encodes messages.
        transcript: All that was said.
        presence: Told whether the client is there.
        greet: Tells a client that comes anew what it could only know from before.

    Attributes:
        epoch: Of the session's numbers: another one when they were lost.
    """

    def __init__(
        self,
        outbox: Outgoing,
        incoming: Incoming,
        codec: Codec,
        transcript: Transcript,
        presence: Presence,
        greet: Callable[[], None],
    ) -> None:
        self.epoch = secrets.token_hex(4)
        self._outbox = outbox
        self._incoming = incoming
        self._codec = codec
        self._transcript = transcript
        self._presence = presence
        self._greet = greet
        self._line: Line | None = None

    @property
    def there(self) -> bool:
        """Whether a connection drives the session."""
        return self._line is not None

    def attach(self, line: Line, point: Resume | SwitchSession | None = None) -> Attached:
        """Let a connection drive the session; another one that did is told.

        Args:
            line: The connection.
            point: From where its client goes on; None for one of a new session.
        """
        before, self._line = self._line, line
        if before is not None and before is not line:
            before.taken_over()
        position = self._incoming.position
        if point is None:
            attached = Attached(0, 0, None, 0, None, speech_lost=False)
        else:
            taken = self._incoming.resume(point.client_seq)
            attached = self._again(point, taken) or self._anew(taken)
        if attached.history is None and point is not None:
            attached = attrs.evolve(attached, stream=position.stream, samples=position.received)
        self._outbox.wake, self._incoming.on_ack = line.wake, line.ack
        self._presence.comes()
        self._greet()
        line.wake()
        line.ack()
        return attached

    def detach(self, line: Line) -> bool:
        """A connection drives the session no more; False if it did not."""
        if self._line is not line:
            return False
        self._line = None
        self._outbox.wake = self._incoming.on_ack = _nobody
        self._presence.goes()
        return True

    def take(self) -> str | bytes | None:
        """The next thing to send, encoded; None if there is none just now."""
        entry = self._outbox.take()
        if entry is None:
            return None
        if isinstance(entry.item, AudioFrame):
            return entry.item.pack()
        return self._codec.encode(entry.item, entry.seq)

    # -- inside --------------------------------------------------------------------------------

    def _again(self, point: Resume | SwitchSession, taken: int) -> Attached | None:
        """The client lacks only what followed; None where that cannot be told."""
        if point.epoch != self.epoch or point.seq is None:
            return None
        rewound = self._outbox.box.rewind(point.seq, buffered=point.buffered)
        if rewound is None:
            return None
        return Attached(point.seq, taken, None, 0, None, rewound.speech_lost)

    def _anew(self, taken: int) -> Attached:
        """The client has nothing that it could go on with."""
        box, position = self._outbox.box, self._incoming.position
        lost = box.clear().speech_lost
        history = self._transcript.history()
        where = (position.stream, position.settled)
        return Attached(box.seq, taken, *where, history, lost)


def _nobody() -> None:
    """No connection is there to be told."""

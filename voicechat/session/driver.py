"""The connection that drives a session: one at a time, each going on where its client has come."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import trio

from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.session import HistoryEntry, Resume
from voicechat.protocol.messages.sessions import CreateSession, SwitchSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.conversation.presence import Presence
    from voicechat.protocol.codec import Codec
    from voicechat.session.incoming import Incoming
    from voicechat.session.outgoing import Outgoing
    from voicechat.session.transcript import Transcript


_KEPT_COMES_S: Final = 1.0
"""What a client has kept comes within this time after it."""


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
    own_seq: int
    stream: int | None
    samples: int
    history: tuple[HistoryEntry, ...] | None
    speech_lost: bool
    truncated: bool = False


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
        self._came_back_at = -math.inf

    @property
    def there(self) -> bool:
        """Whether a connection drives the session."""
        return self._line is not None

    def attach(
        self, line: Line, point: Resume | SwitchSession | CreateSession | None = None
    ) -> Attached:
        """Let a connection drive the session; another one that did is told.

        Args:
            line: The connection.
            point: From where its client goes on; None for one of a new session that does not say
                who it is.
        """
        before, self._line = self._line, line
        if before is not None and before is not line:
            before.taken_over()
        if isinstance(point, Resume | SwitchSession):
            attached = self._goes_on(point)
            self._came_back_at = trio.current_time()
        else:
            self._incoming.resume("" if point is None else point.client)
            attached = Attached(0, 0, 0, None, 0, None, speech_lost=False)
        self._outbox.wake, self._incoming.on_ack = line.wake, line.ack
        self._presence.comes()
        self._greet()
        line.wake()
        line.ack()
        return attached

    def said_at(self) -> float:
        """When what the client says now was said, at the latest (monotonic seconds).

        One that has just come back says all at once what it could not say before; so one message
        of these does not interrupt the answer to another.
        """
        now = trio.current_time()
        return self._came_back_at if now - self._came_back_at < _KEPT_COMES_S else now

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

    def _goes_on(self, point: Resume | SwitchSession) -> Attached:
        """The client lacks only what followed; or has nothing that it could go on with.

        In the second case it is told the history as the session knows it. In the same epoch the
        last words of it may not be on disk yet: they are not acknowledged by that, and whoever said
        them keeps them until they are.
        """
        box, position = self._outbox.box, self._incoming.position
        same = point.epoch == self.epoch
        acknowledged = 0 if same or point.epoch is None else point.client_seq - 1
        taken = self._incoming.resume(point.client, acknowledged)
        if same and point.seq is not None:
            rewound = box.rewind(point.seq, buffered=point.buffered)
            if rewound is not None:
                where = (position.stream, position.received)
                return Attached(point.seq, *taken, *where, None, rewound.speech_lost)
        lost = box.clear().speech_lost
        return Attached(
            box.seq,
            *taken,
            position.stream,
            position.received if same else position.settled,
            self._transcript.history(),
            lost,
            self._transcript.truncated,
        )


def _nobody() -> None:
    """No connection is there to be told."""

"""What the client of a session says: each thing once, in its order, acknowledged when it is safe.

Safe is a message that was handled, and kept where it is a part of the conversation. Safe is audio
that was no speech, or whose words are kept: after a crash the client can send the rest again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.audio import AudioClose
from voicechat.protocol.messages.session import InputAck
from voicechat.session.inbox import Inbox, StreamPosition, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.protocol.codec import Envelope
    from voicechat.protocol.frames import AudioFrame


class Incoming:
    """Of one session.

    Args:
        numbered: Whether the client counts what it says, and sends it again until it knows that it
            was taken.
        taken: The last number that was kept when the server last ran.

    Attributes:
        position: Of the microphone.
        on_ack: Told that there is something new to acknowledge.
    """

    def __init__(self, *, numbered: bool, taken: int = 0) -> None:
        self.position = StreamPosition()
        self.on_ack: Callable[[], None] = _nobody
        self._numbered = numbered
        self._inbox = Inbox(taken)
        self._closing: dict[int, int] = {}  # numbers of the messages that ended streams
        self._open: set[int] = set()  # streams that are not yet followed to their end
        self._newest: int | None = None  # the last stream that was opened here
        self._dropped = 0  # audio of it up to here came when nobody took it any more
        self._unkept = 0  # final transcripts that are not on disk yet
        self._until: tuple[int, int] | None = None  # where the newest transcript ends that is kept

    def restore(self, stream: int | None, samples: int) -> None:
        """So much of the microphone was settled when the server last ran."""
        self.position = StreamPosition(stream, samples)

    def resume(self, client: str, acknowledged: int = 0) -> tuple[int, int]:
        """A client drives the session from now on.

        Args:
            client: Who it is, see `Resume.client`.
            acknowledged: What it knows to be safe, where it was there before a restart.

        Returns:
            The last number that was taken, and the last that was taken of this client.
        """
        self._inbox.comes(client)
        self._inbox.skip(acknowledged + 1)
        return self._inbox.taken, self._inbox.own

    def admit(self, envelope: Envelope) -> bool:
        """Whether a message is to be handled; False for one that comes again.

        Raises:
            ProtocolError: It has no number, or one before it is missing.
        """
        if not self._numbered or not envelope.message.numbered:
            return True
        if envelope.seq is None:
            raise ProtocolError(
                f"{envelope.message.type}.seq is missing.",
                suggested_action="Number these messages from 1, or say hello with "
                '"acknowledges": false.',
            )
        verdict = self._inbox.judge(envelope.seq)
        if verdict is Verdict.GAP:
            raise ProtocolError(
                f"Message {self._inbox.taken + 1} is missing before {envelope.seq}.",
                suggested_action="Resume the session, and send again what was not acknowledged.",
                code=ErrorCode.OUT_OF_ORDER,
            )
        if verdict is Verdict.AGAIN:
            self.on_ack()
            return False
        if isinstance(envelope.message, AudioClose):
            # To end a stream twice means nothing more: the later message stands for both.
            self.settle(self._closing.get(envelope.message.stream))
            self._closing[envelope.message.stream] = envelope.seq
        return True

    def fresh(self, frame: AudioFrame) -> bool:
        """Whether there is something new in a frame of the microphone; `took` or `drop` follows."""
        if not self._numbered:
            return True
        if frame.stream != self.position.stream:
            return False
        return frame.last or (frame.samples > 0 and _end(frame) > self.position.received)

    def took(self, frame: AudioFrame) -> None:
        """A frame waits to be listened to."""
        if self._numbered:
            self.position.audio(frame.stream, frame.offset, frame.samples)

    def drop(self, frame: AudioFrame) -> None:
        """Nobody takes a frame, because its stream is over, which the client knows or was told.

        It need not keep what still comes, once all that was taken before is settled.
        """
        if self._numbered and frame.stream == self._newest:
            self._dropped = max(self._dropped, _end(frame))
            self._settle_heard()

    def handled(self, envelope: Envelope, *, safe: bool) -> None:
        """A message was handled; unless it is `safe`, `settle` follows."""
        if isinstance(envelope.message, AudioClose):
            self._settle_heard()
        elif safe:
            self.settle(envelope.seq)

    def settle(self, seq: int | None) -> None:
        """The message with this number is kept."""
        if self._numbered and seq is not None:
            self._inbox.settle(seq)
            self.on_ack()

    # -- the microphone ------------------------------------------------------------------------

    def opened(self, stream: int) -> None:
        """A stream begins, and will be followed to its end."""
        self._open.add(stream)
        self._newest, self._dropped = stream, 0
        known = self.position.stream
        if known is not None and stream <= known:  # from before a restart: numbers began anew
            self.position = StreamPosition()
        self.position.open(stream)

    def silence(self, stream: int, samples: int) -> None:
        """Nobody speaks in what came before this position, or it was transcribed."""
        if not self._unkept:
            self.position.settle(stream, samples)
            self.on_ack()

    def final(self) -> None:
        """A final transcript is there, and will be kept."""
        self._unkept += 1

    def final_kept(self, stream: int | None, samples: int) -> None:
        """It is kept, and so the audio up to its end is settled, unless one before it is not."""
        self._unkept -= 1
        if stream is not None:
            self._until = max(self._until or (0, 0), (stream, samples))
        self._settle_heard()

    def listened(self, stream: int) -> None:
        """A stream was followed to its end."""
        self._open.discard(stream)
        self._settle_heard()

    def ack(self) -> InputAck:
        """What the client need not keep."""
        return InputAck(self._inbox.settled, self.position.stream, self.position.settled)

    def _settle_heard(self) -> None:
        if self._unkept:
            return
        if self._until is not None:
            self.position.settle(*self._until)
            self._until = None
        newest = self.position.stream
        if newest is not None and newest not in self._open:
            if newest == self._newest:
                self.position.received = max(self.position.received, self._dropped)
            self.position.settle(newest, self.position.received)
        for stream in self._closing.keys() - self._open:
            self.settle(self._closing.pop(stream))
        self.on_ack()


def _end(frame: AudioFrame) -> int:
    return frame.offset + frame.samples


def _nobody() -> None:
    """No connection is there to be told."""

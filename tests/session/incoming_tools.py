"""What a client says, given to `Incoming` as a session does."""

from __future__ import annotations

from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.session.incoming import Incoming


class Said(Incoming):
    """One of a client that numbers; counts what it tells."""

    def __init__(self, *, numbered=True, taken=0):
        super().__init__(numbered=numbered, taken=taken)
        self.told = 0
        self.on_ack = self._tell

    def _tell(self):
        self.told += 1

    def say(self, message, seq, *, safe=True):
        """Whether it was handled."""
        envelope = Envelope(message, seq)
        if not self.admit(envelope):
            return False
        self.handled(envelope, safe=safe)
        return True

    def hears(self, frame):
        """Whether it was taken."""
        fresh = self.fresh(frame)
        if fresh:
            self.took(frame)
        return fresh

    @property
    def settled(self):
        return self.ack().client_seq

    @property
    def samples(self):
        return self.ack().samples


def frame(stream, offset, samples=320, *, last=False):
    return AudioFrame(FrameKind.MICROPHONE, stream, 0, offset, bytes(2 * samples), last)

"""What a client has of a session, so that nothing of it is told twice. PURE."""

from __future__ import annotations

from math import inf
from typing import Final

ACK_AFTER_S: Final = 0.25
"""What has come is acknowledged after this time at the latest."""
ACK_AFTER: Final = 32
"""… or when so many items have come."""


class Incoming:
    """The numbers of what the server has sent in one session.

    Attributes:
        epoch: Whose numbers they are; None before the session is there.
        seq: The largest that has come.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.seq = 0
        self._again: int | None = None
        self._unacknowledged = 0
        self._ack_at: float | None = None

    @property
    def whole(self) -> bool:
        """False while speech up to `seq` is on its way once more."""
        return self._again is None

    def begin(self, epoch: str, seq: int) -> None:
        """Other numbers than before: they begin above `seq`."""
        self.epoch = epoch
        self.seq = seq
        self._again = None
        self.resumed()

    def resumed(self) -> None:
        """The server knows what is here: nothing needs to be acknowledged."""
        self._unacknowledged, self._ack_at = 0, None

    def confirm(self) -> None:
        """The server wants to know that what it told of this session has come."""
        self._ack_at = -inf

    def expect_again(self) -> None:
        """Speech up to `seq` that was not played comes once more."""
        if self._again is None:
            self._again = 0

    def takes(self, seq: int, now: float, *, speech: bool) -> bool:
        """Whether an item is new; it counts as here from now on.

        Args:
            seq: Its number.
            now: Monotonic seconds.
            speech: Whether it is a frame of speech.
        """
        if seq <= self.seq:
            if not speech or self._again is None or seq <= self._again:
                return False
            self._again = seq
            return True
        self.seq = seq
        self._again = None
        self._unacknowledged += 1
        if self._unacknowledged >= ACK_AFTER:
            self._ack_at = now
        elif self._ack_at is None:
            self._ack_at = now + ACK_AFTER_S
        return True

    @property
    def ack_at(self) -> float | None:
        """When an acknowledgement is due; None if none is."""
        return self._ack_at

    def acknowledge(self) -> int:
        """The number to acknowledge now."""
        self.resumed()
        return self.seq

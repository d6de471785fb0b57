"""What a client has said in a session: what is new, what comes twice, and what is settled. PURE.

A client sends again what the server has not acknowledged before the network went, so the same
message or audio can come twice; and what the server has taken is settled only later, when it was
handled and is kept. Both are counted here, and nothing is held.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from typing import Final

MAX_CLIENTS: Final = 64
"""So many programs and pages are remembered, the newest; others say again what is in doubt."""


class Verdict(Enum):
    """What a number says about its message."""

    NEW = auto()  # to be handled
    AGAIN = auto()  # it was taken before
    GAP = auto()  # one before it is missing: the client is at fault


class Inbox:
    """The numbered messages of one session, from 1 and without holes, whoever says them.

    Args:
        taken: The last number that is known to be handled and kept from before.

    Attributes:
        taken: The last number that was taken.
    """

    def __init__(self, taken: int = 0) -> None:
        self.taken = taken
        self._begun = False
        self._client = ""
        self._own: OrderedDict[str, int] = OrderedDict()  # who has said something, and the last
        self._pending: OrderedDict[int, None] = OrderedDict()  # taken, not settled; they ascend

    @property
    def settled(self) -> int:
        """All up to this number are handled and kept."""
        return next(iter(self._pending), self.taken + 1) - 1

    def judge(self, seq: int) -> Verdict:
        """Say what is to be done with message `seq`; a new one is taken until `settle`."""
        if seq <= self.taken:
            return Verdict.AGAIN
        if seq > self.taken + 1:
            return Verdict.GAP
        self.taken = seq
        self._begun = True
        self._pending[seq] = None
        self._own[self._client] = seq
        self._own.move_to_end(self._client)
        if len(self._own) > MAX_CLIENTS:
            self._own.popitem(last=False)
        return Verdict.NEW

    def settle(self, seq: int) -> None:
        """Message `seq` is handled and kept; in any order, and harmless if it was so before.

        Raises:
            ValueError: It was never taken.
        """
        if seq > self.taken:
            raise ValueError(f"message {seq} was never taken")
        self._pending.pop(seq, None)

    @property
    def own(self) -> int:
        """The last number that was taken of what the present client has said; 0 if nothing was."""
        return self._own.get(self._client, 0)

    def comes(self, client: str) -> None:
        """What follows is said by this client."""
        self._client = client

    def skip(self, client_seq: int) -> None:
        """A client of before a restart had all before `client_seq` acknowledged.

        That can be more than was kept, which is only what is part of the conversation. But once
        something was taken anew, the numbers of before mean nothing, and there is nothing to skip.
        """
        if not self._begun:
            self.taken = max(self.taken, client_seq - 1)


class StreamPosition:
    """How far the newest microphone stream has come, in samples at its own rate.

    Args:
        stream: The stream that is known from before; None if there is none.
        settled: How much of it is settled.

    Attributes:
        stream: The newest one that was opened; None before the first.
        received: Audio up to here has come.
        settled: Audio up to here was no speech, or its words are kept; never beyond `received`.
    """

    def __init__(self, stream: int | None = None, settled: int = 0) -> None:
        self.stream = stream
        self.received = settled
        self.settled = settled

    def open(self, stream: int) -> None:
        """A stream begins; nothing happens if it is not newer than the one that is known."""
        if self.stream is None or stream > self.stream:
            self.stream = stream
            self.received = self.settled = 0

    def audio(self, stream: int, offset: int, samples: int) -> int:
        """Take audio of a stream.

        Args:
            stream: Which one.
            offset: Position of the first sample in it.
            samples: How many there are.

        Returns:
            How many of them, at the end, are new: 0 where all came before or the stream is not the
            newest. Fewer than `samples` where a client has cut its frames in another way since.
        """
        if stream != self.stream:
            return 0
        end = offset + samples
        new = min(samples, max(0, end - self.received))
        self.received = max(self.received, end if new else 0)
        return new

    def settle(self, stream: int, samples: int) -> None:
        """Audio of the newest stream is settled up to there; of an older one it is void."""
        if stream == self.stream:
            self.settled = max(self.settled, min(samples, self.received))

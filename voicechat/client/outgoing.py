"""What a client says in a session, numbered and kept until the server needs it no more. PURE.

Messages are numbered from 1 without holes. They and the microphone's audio leave in the order in
which they were said, and again in that order what the server has not got when a connection is back.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.client.ring import RING_S, Chunk, Microphone, Ring
from voicechat.errors import CapacityExceeded
from voicechat.protocol.frames import HEADER, MAX_FRAME_BYTES, AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, ListenMode
from voicechat.protocol.messages.conversation import Interrupt, UserMessage
from voicechat.protocol.messages.session import Speaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voicechat.protocol.messages.base import ClientMessage
    from voicechat.protocol.messages.session import HistoryEntry

MAX_KEPT: Final = 1_000
"""So many messages may wait for the server."""
_STREAMS: Final = (AudioOpen, AudioClose)
_FRAME_S: Final = 0.1
"""Longest frame; larger pieces of audio travel as several."""


@attrs.frozen
class Numbered:
    """A message with its number and its place in the order of all that was said."""

    order: int
    seq: int
    message: ClientMessage


class Outgoing:
    """All that a client has said in one session, as far as it may be needed again.

    Args:
        ring_s: Seconds of audio to keep.
    """

    def __init__(self, ring_s: float = RING_S) -> None:
        self._ring = Ring(ring_s)
        self._sent: deque[Numbered] = deque()
        self._waiting: deque[Numbered] = deque()
        self._next_seq = 1
        self._order = 0
        self._stream = 0
        self._open: Microphone | None = None
        self._last: Microphone | None = None

    @property
    def first_seq(self) -> int:
        """The first number that will be sent again or anew."""
        kept = self._sent or self._waiting
        return kept[0].seq if kept else self._next_seq

    @property
    def listening(self) -> bool:
        """Whether the microphone is open."""
        return self._open is not None

    # -- what is said --------------------------------------------------------------------------

    def add(self, message: ClientMessage) -> int:
        """Keep a message; its number.

        Raises:
            CapacityExceeded: Too many wait already.
        """
        if len(self._sent) + len(self._waiting) >= MAX_KEPT:
            raise CapacityExceeded(
                "Too much waits for the server already.",
                suggested_action="Wait until the connection is back.",
            )
        return self._number(message)

    def open_microphone(self, rate: int, mode: ListenMode) -> None:
        """Begin a stream of audio; one that is open ends."""
        self.close_microphone()
        self._begin(rate, mode, origin=0)

    def audio(self, pcm: bytes) -> None:
        """Add mono 16-bit samples to the open stream.

        Raises:
            ValueError: No microphone is open, or half a sample was given.
        """
        if self._open is None or len(pcm) % 2:
            raise ValueError("open the microphone first, and give whole 16-bit samples")
        self._put(self._open, pcm)

    def close_microphone(self) -> None:
        """End the open stream, if there is one."""
        if self._open is not None:
            self._number(AudioClose(self._open.stream))
            self._open = None

    def position(self, stream: int, at: int) -> int | None:
        """Where a sample is in all that was said since the microphone was opened.

        None for streams other than the last one.
        """
        if self._last is None or self._last.stream != stream:
            return None
        return self._last.origin + at

    # -- to and from the server ----------------------------------------------------------------

    def next(self) -> Numbered | AudioFrame | None:
        """What to send now; it counts as sent."""
        chunk = self._ring.waiting()
        if self._waiting and (chunk is None or self._waiting[0].order < chunk.order):
            self._sent.append(self._waiting.popleft())
            return self._sent[-1]
        return self._ring.take().frame if chunk is not None else None

    def settle(self, client_seq: int, stream: int | None, samples: int) -> None:
        """Forget what the server will not ask for again."""
        while self._sent and self._sent[0].seq <= client_seq:
            self._sent.popleft()
        if stream is not None:
            self._ring.settle(stream, samples)

    def take_lost_s(self) -> float:
        """Seconds of audio that were forgotten before they were sent, since this was asked last."""
        return self._ring.take_lost_s()

    def resend(self, client_seq: int, own_seq: int, stream: int | None, samples: int) -> None:
        """The server goes on with what it has.

        Args:
            client_seq: Its last number.
            own_seq: The last one of this client: up to it nothing is sent again, but kept until it
                is settled. The rest gets numbers above `client_seq`: those that it has may be of
                another client that drove the session meanwhile.
            stream: Its newest stream of the microphone.
            samples: How much it has of that.
        """
        kept = [*self._sent, *self._waiting]
        lacks = [each for each in kept if each.seq > own_seq]
        first = next(_opened(lacks), self._stream + 1)  # of the streams that it does not have
        theirs = stream is not None and stream >= first
        self._sent = deque(each for each in kept if each.seq <= own_seq)
        self._say_anew(lacks, client_seq, but=_STREAMS if theirs else ())
        if theirs:  # what was sent of the streams before that one was taken
            self._ring.forget_sent(before=first)
            self._reopen(self._ring.take_all(), stream)
        else:
            self._ring.rewind(stream, samples)

    def restart(
        self,
        client_seq: int,
        stream: int | None,
        samples: int,
        history: Iterable[HistoryEntry] = (),
    ) -> None:
        """The server was restarted: its streams are void, audio above `samples` begins new ones.

        Args:
            client_seq: The last number that was kept; it may be of another client.
            stream: The newest stream of which something was kept.
            samples: How much of that is settled.
            history: Tells which texts were kept; a text under another number is another one.
        """
        has = {(each.client_seq, each.text) for each in history if each.speaker is Speaker.USER}
        theirs = any(opened <= (stream or 0) for opened in _opened(self._waiting))
        lacks = []
        for each in (*self._sent, *self._waiting):
            if isinstance(each.message, UserMessage):
                if (each.seq, each.message.text) not in has:
                    lacks.append(each)
            elif each.seq > client_seq:
                lacks.append(each)
        self._sent.clear()
        self._say_anew(lacks, client_seq, but=_STREAMS)
        chunks = self._ring.take_all(*(() if theirs else (stream, samples)))
        self._reopen(chunks, stream)

    def renumber(self, client_seq: int = 0, stream: int | None = None) -> None:
        """All that is kept is for a session that has other numbers.

        Args:
            client_seq: The last number that this session knows.
            stream: Its last microphone stream.
        """
        kept = [*self._sent, *self._waiting]
        self._sent.clear()
        # What is said of the other session's turns and streams means nothing.
        self._say_anew(kept, client_seq, but=(*_STREAMS, Interrupt))
        self._stream = 0
        self._reopen(self._ring.take_all(), stream)

    # -- inside --------------------------------------------------------------------------------

    def _say_anew(
        self, kept: list[Numbered], client_seq: int, *, but: tuple[type[ClientMessage], ...]
    ) -> None:
        """Only these wait, except of some kinds, under the numbers above `client_seq`."""
        wanted = [each for each in kept if not isinstance(each.message, but)]
        self._waiting = deque(
            attrs.evolve(each, seq=seq) for seq, each in enumerate(wanted, client_seq + 1)
        )
        self._next_seq = client_seq + 1 + len(self._waiting)

    def _number(self, message: ClientMessage) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._waiting.append(Numbered(self._place(), seq, message))
        return seq

    def _place(self) -> int:
        self._order += 1
        return self._order

    def _begin(self, rate: int, mode: ListenMode, origin: int) -> Microphone:
        self._stream += 1
        self._open = self._last = Microphone(self._stream, rate, mode, origin)
        self._number(AudioOpen(self._stream, rate, mode))
        return self._open

    def _put(self, microphone: Microphone, pcm: bytes) -> None:
        size = 2 * min(int(_FRAME_S * microphone.rate), (MAX_FRAME_BYTES - HEADER.size) // 2)
        for start in range(0, len(pcm), size):
            frame = microphone.frame(pcm[start : start + size])
            self._ring.put(Chunk(self._place(), frame, microphone))

    def _reopen(self, chunks: list[Chunk], stream: int | None) -> None:
        """Say audio of void streams again, in new ones above `stream`."""
        self._stream = max(self._stream, stream or 0)
        was_open, self._open = self._open, None
        for old, group in groupby(chunks, key=lambda chunk: chunk.microphone):
            audio = [chunk.frame for chunk in group]
            new = self._begin(old.rate, old.mode, old.origin + audio[0].offset)
            for frame in audio:
                self._put(new, frame.pcm)
            if old is was_open:
                was_open = None
            else:
                self.close_microphone()
        if was_open is not None:
            self._begin(was_open.rate, was_open.mode, was_open.origin + was_open.samples)


def _opened(kept: Iterable[Numbered]) -> Iterator[int]:
    """The streams that these begin."""
    return (each.message.stream for each in kept if isinstance(each.message, AudioOpen))

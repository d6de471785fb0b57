"""What a session has said and its client may still lack: numbered, bounded, sent again. PURE.

What was sent need not have arrived: a network can go at any byte. All is kept until the client
acknowledges it, and speech until it was played as well: a page that is loaded again has lost what
was in its loudspeaker. All stands in the order of its numbers, and what was sent on the present
connection is the front part of it::

    _sent      5 speech   7 speech   8 text     <- `rewind` moves the end of it to `_unsent`
    _unsent    9 text    10 speech              <- `take` moves the front of it to `_sent`

Text goes only when the client has it. For lack of room speech can go, oldest first, when it is so
old that nobody waits for it; the client is then told.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

import attrs

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame
from voicechat.session.entry import Entry, Item, cost_of, end_of

__all__ = ["Entry", "Item", "Outbox", "Rewound"]


@attrs.frozen
class Rewound:
    """What a client that comes back has to know.

    Attributes:
        speech_lost: Whether speech was forgotten that it has not got and that was not played.
    """

    speech_lost: bool


@attrs.define(eq=False)
class _Speech:
    """Of one turn: its frames in order, and the sample up to which the client has heard it."""

    frames: OrderedDict[int, Entry] = attrs.Factory(OrderedDict)
    played: int = 0


class Outbox:
    """The items of one session in one epoch. Every call takes time for what it moves or drops.

    Args:
        max_bytes: What may be kept before `has_room` is False.
        speech_age_s: Speech that is older may be forgotten when there is no room.
        keeps: False for a client that does not acknowledge: what is taken is forgotten.
        reports: Whether the client tells what it has played; else speech counts as played when it
            is acknowledged.

    Attributes:
        seq: The last number given; 0 before the first.
        delivered: The largest number that was ever sent, or that a client was told to begin after.
        cost: Bytes of all that is kept.
    """

    def __init__(self, *, max_bytes: int, speech_age_s: float, keeps: bool, reports: bool) -> None:
        self._max_bytes: Final = max_bytes
        self._speech_age_s: Final = speech_age_s
        self._keeps: Final = keeps
        self._reports: Final = reports
        self.seq = 0
        self.delivered = 0
        self.cost = 0
        self._acked = 0
        self._sent: OrderedDict[int, Entry] = OrderedDict()
        self._unsent: OrderedDict[int, Entry] = OrderedDict()
        self._samples: OrderedDict[int, AudioFrame] = OrderedDict()  # the frames that have some
        self._turns: dict[int, _Speech] = {}  # those of which frames are kept
        self._lost: dict[int, AudioFrame] = {}  # by turn: the end of what was forgotten unplayed
        self._told: list[AudioFrame] = []  # of these, what the client was told, if it was reached

    @property
    def has_room(self) -> bool:
        """Whether speech should be put in now; text has to be in any case."""
        return self.cost < self._max_bytes

    @property
    def overfull(self) -> bool:
        """Whether so much text waits that the session had better end."""
        return self.cost > 2 * self._max_bytes

    # -- what the session says -----------------------------------------------------------------

    def put(self, item: Item, now: float) -> Entry:
        """Number an item and keep it; where there is no room, speech that is too old goes.

        Nothing may be put in of a turn that was silenced. `now` is in monotonic seconds.
        """
        self.seq += 1
        if isinstance(item, AudioFrame):
            item = AudioFrame(item.kind, item.stream, self.seq, item.offset, item.pcm, item.last)
        entry = self._unsent[self.seq] = Entry(self.seq, item, cost_of(item), now)
        self.cost += entry.cost
        if isinstance(item, AudioFrame):
            self._turns.setdefault(item.stream, _Speech()).frames[entry.seq] = entry
            if item.pcm:
                self._samples[entry.seq] = item
        self.make_room(now)
        return entry

    def silence(self, turn: int) -> None:
        """The speech of `turn` is wanted no more: it was interrupted, or is heard to the end."""
        self._lost.pop(turn, None)
        if speech := self._turns.get(turn):
            self._forget(list(speech.frames.values()))

    # -- room ----------------------------------------------------------------------------------

    def make_room(self, now: float) -> None:
        """Forget speech that was heard, or that is too old, until there is room; the oldest first.

        Of a frame that ends its turn only the samples go: the client waits for the end.
        """
        while self._samples and not self.has_room:
            number, frame = next(iter(self._samples.items()))
            speech, end = self._turns[frame.stream], end_of(frame)
            entry = speech.frames[number]
            mark = AudioFrame(frame.kind, frame.stream, number, end, b"", frame.last)
            if end > speech.played:
                if now < entry.at + self._speech_age_s:
                    return
                self._lost[frame.stream] = mark
            if frame.last:
                entry.item, entry.cost = mark, entry.cost - len(frame.pcm)
                self.cost -= len(frame.pcm)
                del self._samples[number]
            else:
                self._forget([entry])
            self._forget_heard(frame.stream)

    def room_at(self) -> float:
        """When `make_room` could forget more than now (monotonic seconds); infinity for never."""
        for number, frame in self._samples.items():
            return self._turns[frame.stream].frames[number].at + self._speech_age_s
        return math.inf

    # -- what goes out -------------------------------------------------------------------------

    def peek(self) -> Entry | None:
        """The first entry that was not sent; it may be another, or none, after any other call."""
        return next(iter(self._unsent.values()), None)

    def take(self) -> Entry:
        """The first entry that was not sent; it counts as sent from now on.

        Raises:
            LookupError: There is none.
        """
        number, entry = self._unsent.popitem(last=False)
        entry.sent = True
        self.delivered = max(self.delivered, number)
        self._sent[number] = entry
        if not self._keeps:
            self._acked = number
            self._forget([entry])
        elif isinstance(entry.item, AudioFrame):
            self._forget_heard(entry.item.stream)
        return entry

    # -- what the client says ------------------------------------------------------------------

    def ack(self, seq: int) -> None:
        """The client has everything up to `seq`; one that is behind the last changes nothing.

        Raises:
            ProtocolError: It was never sent; code `out_of_order`.
        """
        if seq > self.delivered:
            raise ProtocolError(
                f"Number {seq} was acknowledged, but only {self.delivered} have been sent.",
                suggested_action="Acknowledge the largest number that has come.",
                code=ErrorCode.OUT_OF_ORDER,
            )
        self._confirm()
        for number in range(self._acked + 1, seq + 1):
            self._acked = number
            entry = self._sent.get(number) or self._unsent.get(number)
            if entry and self._reports and isinstance(entry.item, AudioFrame):
                self._forget_heard(entry.item.stream)
            elif entry:
                self._forget([entry])

    def played(self, turn: int, samples: int) -> None:
        """The client has heard the speech of `turn` up to that sample; a late report is ignored.

        What it has heard and acknowledged is forgotten, the rest of it when it is acknowledged.
        """
        self._confirm()
        if (lost := self._lost.get(turn)) and lost.offset <= samples:
            del self._lost[turn]
        if (speech := self._turns.get(turn)) and samples > speech.played:
            speech.played = samples
            if self._reports:
                self._forget_heard(turn)

    def rewind(self, seq: int, *, buffered: bool) -> Rewound | None:
        """The client comes back with everything up to `seq`: the rest will be sent again.

        Args:
            seq: The largest number that it has.
            buffered: Whether the speech up to `seq` still waits in its loudspeaker; if not, what
                was not played of it is sent again too.

        Returns:
            None if this cannot be, because `seq` was never sent, or the client has said before that
            it has more; nothing has changed then, and `clear` helps.
        """
        if not self._acked <= seq <= self.delivered:
            return None
        self._told = []  # it may never have arrived
        self.ack(seq)
        while self._sent and (not buffered or next(reversed(self._sent)) > seq):
            self._unsend()
        if not self._reports:  # it has heard what it has got
            self._lost = {turn: lost for turn, lost in self._lost.items() if lost.seq > seq}
        self._told = [lost for lost in self._lost.values() if not buffered or lost.seq > seq]
        return Rewound(bool(self._told))

    def clear(self) -> Rewound:
        """The client has nothing and gets the history: what is left for it is unplayed speech.

        Numbers go on; it is told to begin after `seq`, which therefore counts as acknowledged. A
        client that does not report what it plays gets nothing again.
        """
        self.delivered = self._acked = self.seq
        kept = [*self._sent.values(), *self._unsent.values()]
        gone = [e for e in kept if not (self._reports and isinstance(e.item, AudioFrame))]
        lost = bool(self._lost) or any(entry.seq in self._samples for entry in gone)
        self._forget(gone)
        for turn in list(self._turns):
            self._forget_heard(turn)
        while self._sent:
            self._unsend()
        if not self._reports:
            self._lost.clear()
        self._told = list(self._lost.values())
        return Rewound(lost)

    # -- inside --------------------------------------------------------------------------------

    def _confirm(self) -> None:
        """The client says something: what it was told of lost speech has arrived."""
        self._lost = {turn: lost for turn, lost in self._lost.items() if lost not in self._told}
        self._told = []

    def _unsend(self) -> None:
        number, entry = self._sent.popitem()
        entry.sent = False
        self._unsent[number] = entry
        self._unsent.move_to_end(number, last=False)

    def _forget_heard(self, turn: int) -> None:
        """Of the speech of `turn`, what the client has and has heard; of a bare end, has."""
        if speech := self._turns.get(turn):
            heard: list[Entry] = []
            for number, entry in speech.frames.items():
                bare = number not in self._samples
                waits = not entry.sent if bare else end_of(entry.item) > speech.played
                if waits or number > self._acked:
                    break
                heard.append(entry)
            self._forget(heard)

    def _forget(self, entries: list[Entry]) -> None:
        for entry in entries:
            del (self._sent if entry.sent else self._unsent)[entry.seq]
            self.cost -= entry.cost
            if isinstance(entry.item, AudioFrame):
                self._samples.pop(entry.seq, None)
                speech = self._turns[entry.item.stream]
                del speech.frames[entry.seq]
                if not speech.frames:
                    del self._turns[entry.item.stream]

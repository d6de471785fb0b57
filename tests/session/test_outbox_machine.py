"""Any calls of the outbox at random, beside a list of everything that is scanned each time."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from voicechat.errors import ProtocolError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.conversation import TranscriptPartial
from voicechat.session.outbox import Outbox, Rewound

pytestmark = pytest.mark.requirement("S-2")

AGE_S = 10


def speech(turn: int, offset: int, samples: int, *, last: bool = False) -> AudioFrame:
    return AudioFrame(FrameKind.SPEECH, turn, 0, offset, bytes(2 * samples), last)


@attrs.define
class Kept:
    """An item of the naive model, which never forgets anything: it only knows what is void."""

    seq: int
    turn: int | None
    end: int
    samples: int
    last: bool
    cost: int
    at: int
    sent: bool = False
    void: bool = False


class Outboxes(RuleBasedStateMachine):
    """Beside a list of everything, scanned at each call."""

    @initialize(
        keeps=st.sampled_from([True, True, True, False]),
        reports=st.booleans(),
        max_bytes=st.sampled_from([500, 2000, 5000]),
    )
    def begin(self, keeps, reports, max_bytes):
        self.keeps, self.reports, self.max_bytes = keeps, reports, max_bytes
        self.box = Outbox(max_bytes=max_bytes, speech_age_s=AGE_S, keeps=keeps, reports=reports)
        self.all: list[Kept] = []
        self.acked = self.delivered = self.now = 0
        self.turn = 1
        self.over = set()  # turns that are silenced or have had their last frame
        self.ends, self.heard, self.lost = {}, {}, []
        self.told = []  # those of the lost that the client was told of, if that has arrived

    # -- the naive model -----------------------------------------------------------------------

    def is_kept(self, item):
        if item.void or (item.sent and not self.keeps):
            return False
        if item.seq > self.acked:
            return True
        if item.turn is None or not self.reports:
            return False
        if item.samples:
            return item.end > self.heard.get(item.turn, 0)
        # The bare end of a turn follows what is kept of it, and has to be sent.
        of_turn = (i for i in self.all if i.turn == item.turn and i.samples)
        return not item.sent or any(self.is_kept(i) for i in of_turn)

    @property
    def kept(self):
        return [item for item in self.all if self.is_kept(item)]

    @property
    def cost(self):
        return sum(item.cost for item in self.kept)

    def add(self, item, turn=None, end=0, samples=0, cost=0, *, last=False):
        entry = self.box.put(item, self.now)
        self.all.append(Kept(len(self.all) + 1, turn, end, samples, last, cost, self.now))
        assert entry.seq == len(self.all)
        while self.cost >= self.max_bytes:
            first = next((item for item in self.kept if item.samples), None)
            if first is None:
                break
            heard = first.end <= self.heard.get(first.turn, 0)
            if not heard and self.now < first.at + AGE_S:
                break
            if not heard:
                self.lost.append(first)
            first.cost -= 2 * first.samples
            first.samples = 0
            first.void = not first.last

    def is_lost(self, seq, buffered):
        return any(
            item.seq > seq
            or (self.reports and not buffered and item.end > self.heard.get(item.turn, 0))
            for item in self.lost
        )

    def newest_lost(self):
        return {item.turn: item for item in self.lost}.values()

    def confirm(self):
        known = {item.turn for item in self.newest_lost() if item in self.told}
        self.lost = [item for item in self.lost if item.turn not in known]
        self.told = []

    # -- calls ---------------------------------------------------------------------------------

    @rule(size=st.integers(0, 400))
    def put_text(self, size):
        self.add(TranscriptPartial("t" * size), cost=200 + size)

    @rule(samples=st.integers(1, 300), last=st.sampled_from([False, False, False, True]))
    def put_speech(self, samples, last):
        while self.turn in self.over:
            self.turn += 1
        start = self.ends.get(self.turn, 0)
        self.ends[self.turn] = start + samples
        frame = speech(self.turn, start, samples, last=last)
        self.add(frame, self.turn, start + samples, samples, 200 + 2 * samples, last=last)
        if last:
            self.over.add(self.turn)

    @rule()
    def put_the_end(self):
        if self.turn not in self.over:
            end = self.ends.get(self.turn, 0)
            frame = speech(self.turn, end, 0, last=True)
            self.add(frame, self.turn, end, cost=200, last=True)
            self.over.add(self.turn)

    @rule(most=st.integers(1, 8))
    def take(self, most):
        for item in [item for item in self.kept if not item.sent][:most]:
            assert self.box.take().seq == item.seq
            item.sent = True
            self.delivered = max(self.delivered, item.seq)
            if not self.keeps:
                self.acked = item.seq

    @rule(back=st.integers(-2, 8))
    def ack(self, back):
        seq = max(0, self.delivered - back)
        if seq > self.delivered:
            with pytest.raises(ProtocolError):
                self.box.ack(seq)
        else:
            self.box.ack(seq)
            self.confirm()
            self.acked = max(self.acked, seq)

    @precondition(lambda self: self.reports)
    @rule(back=st.integers(0, 1), part=st.sampled_from([0.0, 0.5, 0.99, 1.0, 1.0]))
    def played(self, back, part):
        turn = self.turn - back
        samples = int(part * max([i.end for i in self.all if i.turn == turn and i.sent], default=0))
        self.box.played(turn, samples)
        self.confirm()
        self.heard[turn] = max(samples, self.heard.get(turn, 0))
        self.lost = [i for i in self.lost if i.turn != turn or i.end > samples]

    @rule(back=st.integers(0, 2))
    def silence(self, back):
        turn = self.turn - back
        self.box.silence(turn)
        self.over.add(turn)
        self.lost = [item for item in self.lost if item.turn != turn]
        for item in self.all:
            item.void = item.void or item.turn == turn

    @rule(back=st.integers(-1, 8), buffered=st.booleans())
    def rewind(self, back, buffered):
        seq = max(0, self.delivered - back)
        rewound = self.box.rewind(seq, buffered=buffered)
        if not self.acked <= seq <= self.delivered:
            assert rewound is None
            return
        self.acked = seq
        for item in self.kept:
            if item.seq > seq or not buffered:
                item.sent = False
        assert rewound == Rewound(self.is_lost(seq, buffered))
        if not self.reports:
            self.lost = [item for item in self.lost if item.seq > seq]
        self.told = [item for item in self.newest_lost() if not buffered or item.seq > seq]

    @rule()
    def clear(self):
        gone = [i for i in self.kept if i.turn is None or not self.reports]
        rewound = self.box.clear()
        lost = any(item.samples for item in gone) or bool(self.lost)
        assert rewound == Rewound(lost)
        self.acked = self.delivered = len(self.all)
        for item in self.all:
            item.void = item.void or item in gone
            if not item.void and self.is_kept(item):
                item.sent = False
        if not self.reports:
            self.lost = []
        self.told = list(self.newest_lost())

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds):
        self.now += seconds

    # -- what always holds ---------------------------------------------------------------------

    @invariant()
    def it_keeps_what_the_list_keeps(self):
        box, kept = self.box, self.kept
        assert (box.seq, box.delivered, box.cost) == (len(self.all), self.delivered, self.cost)
        assert box.has_room == (self.cost < self.max_bytes)
        assert box.overfull == (self.cost > 2 * self.max_bytes)
        assert list(box._sent) == [item.seq for item in kept if item.sent]
        assert list(box._unsent) == [item.seq for item in kept if not item.sent]
        first = next((item.seq for item in kept if not item.sent), None)
        assert (entry.seq if (entry := box.peek()) else None) == first

    @invariant()
    def nothing_else_is_held(self):
        kept = {item.seq for item in self.kept}
        box = self.box
        assert set(box._samples) == {item.seq for item in self.kept if item.samples}
        assert {seq for turn in box._turns.values() for seq in turn.frames} <= kept
        assert all(turn.frames for turn in box._turns.values())
        assert set(box._lost) == {item.turn for item in self.lost}


TestOutboxes = Outboxes.TestCase
TestOutboxes.settings = settings(
    max_examples=300, stateful_step_count=50, report_multiple_bugs=False
)

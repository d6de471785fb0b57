"""What is kept for a client, in examples; `test_outbox_machine` tries the rest."""

from __future__ import annotations

import math
import time

import pytest

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.conversation import TranscriptPartial
from voicechat.protocol.messages.session import SessionState
from voicechat.protocol.messages.sessions import SessionInfo, SessionList
from voicechat.session.outbox import Outbox, Rewound

pytestmark = pytest.mark.requirement("S-2")

KEPT, LOST = Rewound(speech_lost=False), Rewound(speech_lost=True)


def outbox(*, max_bytes=100_000, age=60.0, keeps=True, reports=True) -> Outbox:
    return Outbox(max_bytes=max_bytes, speech_age_s=age, keeps=keeps, reports=reports)


def said(text: str = "words") -> TranscriptPartial:
    return TranscriptPartial(text)


def speech(turn: int, offset: int, samples: int, *, last: bool = False) -> AudioFrame:
    return AudioFrame(FrameKind.SPEECH, turn, 0, offset, bytes(2 * samples), last)


def filled(*items, **options) -> Outbox:
    box = outbox(**options)
    for item in items:
        box.put(item, 0)
    return box


def taken(box: Outbox) -> list[int]:
    numbers = []
    while box.peek() is not None:
        numbers.append(box.take().seq)
    return numbers


SPOKEN = (said(), speech(1, 0, 10), speech(1, 10, 10), said(), speech(1, 20, 10, last=True))


def test_text_and_speech_share_one_numbering():
    box = filled(*SPOKEN)
    assert box.seq == 5
    entries = [box.take() for _ in range(5)]
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert unpack(entries[1].item.pack(), FrameKind.SPEECH).seq == 2
    assert box.peek() is None
    with pytest.raises(LookupError):
        box.take()


def test_text_is_kept_until_it_is_acknowledged_and_speech_until_it_was_heard_as_well():
    box = filled(*SPOKEN)
    taken(box)
    box.ack(5)
    assert box.cost == 3 * (200 + 20)
    box.played(1, 19)
    assert box.cost == 2 * (200 + 20)
    box.played(1, 30)
    assert box.cost == 0


def test_speech_that_was_heard_is_forgotten_when_it_is_acknowledged():
    box = filled(*SPOKEN)
    taken(box)
    box.played(1, 20)
    box.ack(2)
    assert box.cost == 200 + 20 + 200 + 5 + 200 + 20
    box.ack(1)  # it is late
    box.ack(3)
    assert box.rewind(3, buffered=False) == KEPT
    assert taken(box) == [4, 5]


def test_a_late_report_takes_nothing_back():
    box = filled(*SPOKEN)
    taken(box)
    box.played(1, 30)
    box.played(1, 10)
    box.ack(5)
    assert box.cost == 0


def test_speech_of_a_client_that_does_not_report_is_forgotten_when_acknowledged():
    box = filled(*SPOKEN, reports=False)
    taken(box)
    box.ack(3)
    assert box.rewind(3, buffered=False) == KEPT
    assert taken(box) == [4, 5]


def test_nothing_is_kept_for_a_client_that_does_not_acknowledge():
    box = filled(*SPOKEN, keeps=False)
    assert taken(box) == [1, 2, 3, 4, 5]
    assert box.cost == 0
    assert box.rewind(4, buffered=True) is None


def test_a_number_that_was_never_sent_cannot_be_acknowledged():
    box = filled(*SPOKEN)
    box.take()
    with pytest.raises(ProtocolError, match="only 1 have been sent") as refused:
        box.ack(2)
    assert refused.value.code is ErrorCode.OUT_OF_ORDER
    assert taken(box) == [2, 3, 4, 5]


def test_a_client_that_comes_back_gets_what_it_lacks():
    box = filled(*SPOKEN)
    taken(box)
    assert box.rewind(3, buffered=True) == KEPT
    assert [box.take().seq, box.take().seq] == [4, 5]
    box.put(said(), 0)
    assert box.rewind(4, buffered=True) == KEPT
    assert taken(box) == [5, 6]


def test_a_client_that_lost_its_loudspeaker_gets_what_it_has_not_heard():
    box = filled(*SPOKEN)
    taken(box)
    box.played(1, 15)
    assert box.rewind(5, buffered=False) == KEPT
    assert taken(box) == [3, 5]
    box.played(1, 30)
    assert box.cost == 0


def test_a_client_cannot_come_back_with_what_it_never_got_or_has_given_up():
    box = filled(*SPOKEN)
    for _ in range(4):
        box.take()
    box.ack(3)
    for impossible in (2, 5):
        assert box.rewind(impossible, buffered=True) is None
    assert taken(box) == [5]
    assert box.rewind(3, buffered=True) == KEPT
    assert taken(box) == [4, 5]


def test_a_client_without_memory_gets_speech_that_was_not_heard():
    box = filled(*SPOKEN, speech(2, 0, 10))
    for _ in range(4):
        box.take()
    box.played(1, 10)
    assert box.clear() == KEPT
    assert box.delivered == 6  # where it is told to begin
    assert box.put(said(), 0).seq == 7
    assert taken(box) == [3, 5, 6, 7]
    box.ack(7)
    box.played(1, 30)
    box.silence(2)
    assert box.cost == 0


def test_a_client_without_memory_that_does_not_report_is_told_that_speech_is_gone():
    box = filled(said(), speech(1, 0, 10), reports=False)
    box.take()
    assert box.clear() == LOST
    assert box.cost == 0
    assert box.clear() == KEPT


def test_silence_drops_speech_that_is_kept_or_waits_and_no_text():
    box = filled(*SPOKEN, speech(2, 0, 10))
    for _ in range(2):
        box.take()
    box.silence(1)
    assert taken(box) == [4, 6]
    assert box.rewind(0, buffered=True) == KEPT
    assert taken(box) == [1, 4, 6]


def test_old_speech_makes_room_oldest_first_and_text_never_does():
    box = outbox(max_bytes=1000, age=10)
    box.put(said("t" * 100), 0)
    for at in range(4):
        box.put(speech(1, at * 100, 100), at)  # 400 bytes each
    assert not box.has_room
    box.put(said(), 9.9)  # nothing is 10 s old yet
    assert box.cost == 300 + 4 * 400 + 205
    box.put(said(), 12.5)
    assert taken(box) == [1, 5, 6, 7]
    assert box.rewind(0, buffered=True) == LOST
    assert box.rewind(7, buffered=True) == KEPT  # it knows by now
    assert box.rewind(7, buffered=False) == LOST  # and still could not hear it
    box.played(1, 300)
    assert box.rewind(7, buffered=False) == KEPT


def test_speech_that_nobody_wants_any_more_was_no_loss():
    box = outbox(max_bytes=500, age=10)
    box.put(speech(1, 0, 200), 0)
    box.put(said(), 60)
    box.silence(1)
    assert box.rewind(0, buffered=False) == KEPT


def test_it_tells_when_speech_will_be_old_enough_to_make_room():
    box = outbox(max_bytes=500, age=10)
    assert box.room_at() == math.inf
    box.put(said("t" * 300), 0)
    assert box.room_at() == math.inf, "text never makes any"
    box.put(speech(1, 0, 100), 0.1)
    box.put(speech(1, 100, 100), 7)
    assert box.room_at() == 10.1
    box.make_room(10.05)
    assert box.room_at() == 10.1
    box.make_room(box.room_at())
    assert box.room_at() == 17
    box.make_room(17)
    assert (box.room_at(), box.cost, box.has_room) == (math.inf, 500, False)


def test_room_is_made_only_as_far_as_it_is_needed():
    box = outbox(max_bytes=1200, age=10)
    for at in range(3):
        box.put(speech(1, at * 100, 100), 0)
    box.put(said(), 60)
    assert box.cost == 2 * 400 + 205
    assert taken(box) == [2, 3, 4]


def test_speech_that_was_heard_makes_room_at_any_age_and_is_no_loss():
    box = outbox(max_bytes=1000, age=10)
    for at in range(2):
        box.put(speech(1, at * 100, 100), 0)
    taken(box)
    box.played(1, 100)
    box.put(said("t" * 100), 1)
    assert box.cost == 400 + 300
    assert box.rewind(1, buffered=False) == KEPT
    assert taken(box) == [2, 3]


def test_the_end_of_a_turn_is_never_forgotten_for_lack_of_room():
    box = outbox(max_bytes=500, age=10)
    box.put(speech(1, 0, 100, last=True), 0)
    box.put(speech(2, 0, 0, last=True), 0)
    box.put(said(), 60)
    assert box.cost == 200 + 200 + 205
    first, second = box.take().item, box.take().item
    assert (first.seq, first.offset, first.pcm, first.last) == (1, 100, b"", True)
    assert (second.seq, second.offset, second.pcm, second.last) == (2, 0, b"", True)
    assert box.rewind(0, buffered=True) == LOST


def test_a_session_that_cannot_get_rid_of_its_text_is_overfull():
    box = outbox(max_bytes=1000)
    while not box.overfull:
        box.put(said("t" * 100), 0)
    assert box.cost == 2100
    assert not box.has_room
    taken(box)
    box.ack(box.seq)
    assert box.has_room
    assert not box.overfull


def test_what_is_inside_a_list_has_a_cost():
    info = SessionInfo("id", "title", SessionState.ACTIVE, "", "", 0)
    short, long = (filled(SessionList("", (info,) * n, None)).cost for n in (1, 50))
    assert long - short >= 49 * 50


def test_a_long_session_costs_no_more_a_call_than_a_short_one():
    """A hundred thousand items, a tenth of them kept: a list that is scanned would take minutes."""
    began = time.process_time()
    box = outbox(max_bytes=10**9)
    for number in range(100_000):
        box.put(speech(number // 100, number % 100, 1) if number % 2 else said(), 0)
        box.take()
        if number > 10_000:
            box.ack(number - 10_000)
            box.played((number - 10_000) // 100, (number - 10_000) % 100 + 1)
    for _ in range(20):
        box.rewind(box.seq - 5, buffered=False)
        taken(box)
    assert time.process_time() - began < 10

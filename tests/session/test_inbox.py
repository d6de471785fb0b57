"""Messages and audio that come twice, late, or with one missing; against naive models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.session.inbox import MAX_CLIENTS, Inbox, StreamPosition, Verdict

pytestmark = pytest.mark.requirement("S-3")

SMALL = st.integers(1, 12)
INBOX_CALLS = st.lists(
    st.tuples(st.just("judge"), SMALL)
    | st.tuples(st.just("settle"), SMALL)
    | st.tuples(st.just("skip"), SMALL),
    max_size=40,
)


@given(taken=st.integers(0, 3), calls=INBOX_CALLS)
def test_numbers_are_judged_as_a_list_of_them_would(taken, calls):
    inbox = Inbox(taken)
    seen, open_, begun = set(range(1, taken + 1)), set(), False
    for call, seq in calls:
        if call == "judge":
            verdict = inbox.judge(seq)
            if seq in seen:
                assert verdict is Verdict.AGAIN
            elif seq == len(seen) + 1:
                assert verdict is Verdict.NEW
                seen.add(seq)
                begun = True
                open_.add(seq)
            else:
                assert verdict is Verdict.GAP
        elif call == "settle":
            if seq in seen:
                inbox.settle(seq)
                open_.discard(seq)
            else:
                with pytest.raises(ValueError, match=f"message {seq} was never taken"):
                    inbox.settle(seq)
        else:
            inbox.skip(seq)
            seen |= set() if begun else set(range(1, seq))
        assert inbox.taken == len(seen)
        done = 0
        while done + 1 in seen and done + 1 not in open_:
            done += 1
        assert inbox.settled == done


def test_a_client_that_comes_back_after_a_restart_goes_on_with_its_numbers():
    inbox = Inbox(taken=5)  # the last words that are kept; 6 and 7 stopped an answer
    inbox.skip(8)
    assert (inbox.taken, inbox.settled) == (7, 7)
    assert inbox.judge(7) is Verdict.AGAIN
    assert inbox.judge(8) is Verdict.NEW
    assert inbox.settled == 7
    inbox.settle(8)
    assert inbox.settled == 8


def test_what_the_client_sends_again_is_still_known_after_it_came_back():
    inbox = Inbox()
    assert [inbox.judge(seq) for seq in (1, 2, 3)] == [Verdict.NEW] * 3
    inbox.settle(1)
    inbox.comes("a client that comes back")
    assert [inbox.judge(seq) for seq in (2, 3, 4)] == [Verdict.AGAIN, Verdict.AGAIN, Verdict.NEW]
    inbox.settle(3)
    assert inbox.settled == 1
    inbox.settle(2)
    assert inbox.settled == 3


def test_a_hole_is_never_taken_for_nothing():
    inbox = Inbox(taken=5)
    assert inbox.judge(6) is Verdict.NEW
    inbox.skip(9)  # of before the restart: 6 means something else by now
    assert inbox.taken == 6
    assert inbox.judge(9) is Verdict.GAP


def test_it_knows_who_has_said_what():
    inbox = Inbox(taken=2)
    inbox.comes("one")
    assert inbox.own == 0
    assert [inbox.judge(seq) for seq in (3, 4)] == [Verdict.NEW] * 2
    inbox.comes("two")
    assert inbox.own == 0
    assert [inbox.judge(seq) for seq in (4, 5)] == [Verdict.AGAIN, Verdict.NEW]
    inbox.comes("one")
    assert (inbox.taken, inbox.own) == (5, 4)


def test_of_those_who_said_something_the_newest_are_remembered():
    inbox = Inbox()
    for seq in range(1, MAX_CLIENTS + 2):
        inbox.comes(f"client {seq}")
        inbox.judge(seq)
    inbox.comes("client 1")
    assert inbox.own == 0
    inbox.comes("client 2")
    assert inbox.own == 2


AUDIO_CALLS = st.lists(
    st.tuples(st.just("open"), st.integers(1, 4), st.just(0), st.just(0))
    | st.tuples(st.just("audio"), st.integers(1, 4), st.integers(0, 12), st.integers(0, 6))
    | st.tuples(st.just("settle"), st.integers(1, 4), st.integers(0, 15), st.just(0)),
    max_size=40,
)


@given(calls=AUDIO_CALLS)
def test_positions_are_those_of_a_set_of_samples(calls):
    position = StreamPosition()
    stream, got, settled = None, set(), 0
    for call, which, at, samples in calls:
        if call == "open":
            position.open(which)
            if stream is None or which > stream:
                stream, got, settled = which, set(), 0
        elif call == "audio":
            frame = set(range(at, at + samples))
            # A hole is of the client's own making: what is missing is not waited for.
            new = {each for each in frame if not got or each > max(got)}
            assert position.audio(which, at, samples) == (len(new) if which == stream else 0)
            if which == stream:
                got |= new
        else:
            position.settle(which, at)
            if which == stream:
                settled = max(settled, min(at, max(got, default=-1) + 1))
        assert position.stream == stream
        assert position.received == max(got, default=-1) + 1
        assert position.settled == settled <= position.received


def test_a_position_that_was_kept_goes_on_where_it_was_settled():
    position = StreamPosition(3, settled=400)
    assert (position.stream, position.received, position.settled) == (3, 400, 400)
    assert position.audio(3, 320, 160) == 80
    position.open(3)  # sent again
    assert position.received == 480
    position.open(2)
    assert position.stream == 3
    position.settle(3, 390)
    assert position.settled == 400

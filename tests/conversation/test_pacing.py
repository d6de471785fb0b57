"""Both pacers against a client that plays in steps, and their bounds whatever the client says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.pacing import ClockPacer, ReportPacer

RATE = 1000
FRAMES = st.lists(st.tuples(st.integers(0, 4000), st.floats(0, 2)), max_size=50)

pytestmark = pytest.mark.requirement("V-6")


def size(pacer):
    return len(vars(pacer))


@given(frames=FRAMES, ahead=st.floats(0.05, 2), start=st.floats(0, 1e6))
def test_by_the_clock_audio_is_never_further_ahead_than_allowed(frames, ahead, start):
    pacer = ClockPacer(rate=RATE, ahead_s=ahead)
    now, sent, plays_until, heard_before = start, 0, -math.inf, 0
    for samples, idle in frames:
        now += idle
        wait = pacer.wait(samples, now)
        assert wait == pacer.wait(samples, now), "asking accounts for nothing"
        now += wait
        assert pacer.wait(samples, now) == 0, "one wait is enough"
        pacer.sent(samples, now)
        sent += samples
        plays_until = max(plays_until, now) + samples / RATE
        assert plays_until - now <= max(ahead, samples / RATE) + 1e-5
        assert pacer.left(now) == pytest.approx(plays_until - now, abs=1e-5)
        assert heard_before <= pacer.played(now) <= sent
        assert pacer.played(now) == pytest.approx(sent - (plays_until - now) * RATE, abs=1.1)
        heard_before = pacer.played(now)
        assert pacer.position(now) == heard_before
    assert pacer.left(now + pacer.left(now) + 1e-6) == 0
    assert pacer.played(now + pacer.left(now) + 0.001) == sent


def test_by_the_clock_the_first_frames_leave_at_once():
    pacer = ClockPacer(rate=RATE, ahead_s=0.5)
    waits = []
    for _ in range(8):
        waits.append(pacer.wait(100, 0.0))
        pacer.sent(100, 0.0)
    assert waits == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])


def test_a_wait_is_over_even_where_the_clock_is_too_coarse():
    pacer = ClockPacer(rate=RATE, ahead_s=0.1)
    pacer.sent(100, 1e9 / 3)
    now = 1e9 / 3 + 0.04
    assert pacer.wait(40, now) < 1e-6


@given(
    ahead=st.floats(0, 2),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 700)),
            st.tuples(st.just("report"), st.integers(-100, 10**6)),
            st.tuples(st.just("wait"), st.floats(0, 3)),
        ),
        max_size=60,
    ),
)
def test_by_reports_audio_is_never_further_ahead_than_allowed(ahead, steps):
    pacer = ReportPacer(rate=RATE, ahead_s=ahead)
    variables = size(pacer)
    now, sent, reported = 5.0, 0, 0
    for what, value in steps:
        if what == "wait":
            now += value
        elif what == "report":
            pacer.report(value, now)
            reported = max(reported, min(value, sent))
        else:
            wait = pacer.wait(value, now)
            assert wait in {0, math.inf}
            room = ahead * RATE - (sent - reported)
            assert (wait == 0) == (value <= room or sent == reported), "no later than needed either"
            if wait == 0:
                pacer.sent(value, now)
                sent += value
                assert sent - reported <= max(ahead * RATE, value)
        assert pacer.played(now) == reported, "nothing is assumed to be heard"
        assert reported <= pacer.position(now) <= sent
        assert 0 <= pacer.left(now) <= (sent - reported) / RATE + 1e-9
        assert pacer.left(now) == pytest.approx((sent - pacer.position(now)) / RATE, abs=0.0011)
    assert size(pacer) == variables


@given(
    frames=st.lists(st.integers(1, 900), min_size=1, max_size=40),
    ahead=st.floats(0, 2),
    delays=st.lists(st.floats(0, 5), min_size=1, max_size=5),
)
def test_a_client_that_reports_all_it_got_never_waits_for_ever(frames, ahead, delays):
    pacer = ReportPacer(rate=RATE, ahead_s=ahead)
    now, sent = 0.0, 0
    for i, samples in enumerate(frames):
        if pacer.wait(samples, now):
            now += delays[i % len(delays)]
            pacer.report(sent, now)
        assert pacer.wait(samples, now) == 0
        pacer.sent(samples, now)
        sent += samples


@pytest.mark.requirement("V-8")
@given(st.lists(st.integers(-10, 5000), max_size=20))
def test_reports_that_are_late_or_too_large_change_nothing_for_the_worse(reports):
    pacer = ReportPacer(rate=RATE, ahead_s=10)
    pacer.sent(2000, 0.0)
    before = 0
    for i, report in enumerate(reports):
        pacer.report(report, float(i))
        assert before <= pacer.played(float(i)) <= 2000
        before = pacer.played(float(i))


def test_between_reports_the_position_moves_evenly():
    pacer = ReportPacer(rate=RATE, ahead_s=0.5)
    assert (pacer.position(1.0), pacer.left(1.0)) == (0, 0)
    pacer.sent(500, 1.0)
    assert [pacer.position(at) for at in (1.0, 1.1, 1.5, 9.0)] == [0, 100, 500, 500]
    pacer.report(0, 1.2)  # it has not begun: the loudspeaker stands still
    assert [pacer.position(at) for at in (1.2, 1.3)] == [0, 100]
    assert pacer.left(1.3) == pytest.approx(0.4)
    pacer.report(100, 1.4)
    assert pacer.wait(100, 1.4) == 0
    assert pacer.wait(101, 1.4) == math.inf
    assert pacer.played(1.5) == 100
    assert pacer.position(1.5) == 200
    pacer.report(500, 2.0)  # it has run dry, and goes on when it gets something
    assert pacer.left(2.0) == 0
    pacer.sent(100, 3.0)
    assert [pacer.position(at) for at in (3.0, 3.0625, 4.0)] == [500, 562, 600]

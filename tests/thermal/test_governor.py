"""The governor against thermometers that are slow, broken or stuck, on a clock of its own."""

from __future__ import annotations

import itertools

import pytest
import trio
import trio.testing

from tests.thermal.governor_tools import (
    FAIL,
    HANG,
    NO_SPECULATION,
    NORMAL,
    PAUSED,
    SINGLE,
    UNKNOWN,
    Planned,
    Setup,
)
from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings import Band, Thermal
from voicechat.thermal.ports import Reading

DEFAULT_S = Thermal().check_interval_s


@pytest.mark.requirement("T-5")
@pytest.mark.parametrize("offset", [0.0, 0.01, 0.5, 0.99])
async def test_it_trips_within_10_s_and_resumes_within_30_s(autojump_clock, offset):
    hot, cool = 20 + offset, 60 + offset

    def day(now: float) -> float:
        return 85.0 if hot <= now < cool else 80.0 if now >= cool else 60.0

    setup = Setup(day, bands={PAUSED: Band(85, 80)}, interval_s=DEFAULT_S)
    await setup.run_until(100.5)
    (tripped, paused), (resumed, normal) = setup.gate.told
    assert (paused, normal) == (PAUSED, NORMAL)
    assert 0 <= tripped - hot <= DEFAULT_S < 10
    assert 0 <= resumed - cool <= DEFAULT_S < 30


@pytest.mark.requirement("T-5", "T-4")
async def test_it_keeps_both_times_with_every_other_read_failing(autojump_clock):
    def day(now: float) -> Planned:
        return FAIL if round(now) % 2 else 86.0 if 20 <= now < 60 else 60.0

    setup = Setup(day)
    await setup.run_until(100.5)
    assert [state for _, state in setup.gate.told] == [PAUSED, NORMAL]
    assert [at for at, _ in setup.gate.told] == pytest.approx([20, 60], abs=2)
    assert setup.governor.status.state is NORMAL


@pytest.mark.requirement("T-5", "T-4")
async def test_even_four_reads_of_five_may_hang(autojump_clock):
    def day(now: float) -> Planned:
        return HANG if round(now) % 5 else 86.0 if 20 <= now < 60 else 60.0

    setup = Setup(day)
    await setup.run_until(100.5)
    (tripped, paused), (resumed, normal) = setup.gate.told
    assert (paused, normal) == (PAUSED, NORMAL)
    assert tripped - 20 <= 10
    assert resumed - 60 <= 30


@pytest.mark.requirement("T-4")
async def test_it_keeps_its_times_over_a_thousand_polls(autojump_clock):
    setup = Setup(lambda _: 50.0, interval_s=0.7, takes_s=0.05)
    await setup.run_until(0.7 * 1000 + 0.2)
    assert setup.sensor.reads == pytest.approx([0.7 * n for n in range(1001)], abs=1e-6)


@pytest.mark.requirement("T-4")
@pytest.mark.parametrize("interval_s", [0.1, 1.0, 60.0])
@pytest.mark.parametrize(
    ("jumps", "polls"),
    [
        ((7.3, 0.1, 0.55, 0.1), [0, 7.3, 8.05]),
        ((7.7, 0.35, 0.9, 0.1), [0, 7.7, 9.05]),  # turn 8 would come too soon after it
    ],
)
async def test_a_poll_that_comes_late_is_left_out_and_not_made_up_for(
    mock_clock, interval_s, jumps, polls
):
    setup = Setup(lambda _: 50.0, interval_s=interval_s)
    async with setup.running():
        for turns in jumps:  # the machine slept, or another task was busy
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(interval_s * turns)
        await trio.testing.wait_all_tasks_blocked()
    assert [at / interval_s for at in setup.sensor.reads] == pytest.approx(polls)


@pytest.mark.requirement("T-4")
@pytest.mark.parametrize(("interval_s", "bound_s"), [(0.5, 0.5), (1.0, 1.0), (30.0, 5.0)])
async def test_a_thermometer_that_hangs_is_given_up_and_asked_again(
    autojump_clock, interval_s, bound_s
):
    setup = Setup(lambda now: HANG if now else 60.0, interval_s=interval_s)
    async with setup.running():
        await setup.until(5 * interval_s + bound_s - 0.01)
        assert setup.governor.status.state is NORMAL
        await setup.until(5 * interval_s + bound_s + 0.01)
        assert setup.governor.status.state is UNKNOWN
        assert setup.sensor.reads[:6] == pytest.approx([n * interval_s for n in range(6)])


@pytest.mark.requirement("T-4")
@pytest.mark.parametrize(
    ("last", "limited_to"),
    [
        (60.0, NORMAL),
        (71.0, NO_SPECULATION),
        (77.0, SINGLE),
        (81.0, PAUSED),
        (90.0, PAUSED),
        (None, NORMAL),
    ],
)
async def test_when_it_cannot_be_read_the_last_temperature_counts(autojump_clock, last, limited_to):
    setup = Setup(lambda now: last if now < 9.5 and last else FAIL if now < 19.5 else 60.0)
    fifth_failure = 14 if last else 4
    async with setup.running():
        await setup.until(fifth_failure - 0.5)
        status = setup.governor.status
        assert status.state is status.limited_to
        assert status.celsius == last
        await setup.until(fifth_failure + 0.5)
        status = setup.governor.status
        assert (status.state, status.limited_to, status.celsius) == (UNKNOWN, limited_to, None)
        assert status.since == pytest.approx(setup.began + fifth_failure)
        assert [NORMAL, *(state for _, state in setup.gate.told)][-1] is limited_to
        await setup.until(20.5)
        assert setup.governor.status.state is NORMAL
        assert [NORMAL, *(state for _, state in setup.gate.told)][-1] is NORMAL


@pytest.mark.requirement("T-4")
async def test_nonsense_is_a_failed_reading(autojump_clock):
    setup = Setup(lambda now: 60.0 if now < 0.5 else float("nan") if now < 2.5 else 1000.0)
    async with setup.running():
        await setup.until(4.5)
        assert setup.governor.status.celsius == 60.0
        await setup.until(5.5)
        assert setup.governor.status.state is UNKNOWN
        assert [sample.celsius for sample in setup.governor.history] == [60.0]


@pytest.mark.requirement("L-4")
async def test_any_other_error_ends_it(autojump_clock):
    setup = Setup(lambda now: 60.0 if now < 2.5 else ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await setup.governor.run()
    assert trio.current_time() - setup.began == pytest.approx(3)


async def test_it_has_started_when_the_first_reading_was_tried(autojump_clock):
    hot, broken = Setup(lambda _: 99.0, takes_s=0.5), Setup(lambda _: FAIL)
    async with hot.running():
        assert trio.current_time() - hot.began == pytest.approx(0.5)
        assert hot.governor.status.state is PAUSED
        assert [state for _, state in hot.gate.told] == [PAUSED]
    async with broken.running():
        assert len(broken.sensor.reads) == 1


@pytest.mark.requirement("T-3")
async def test_without_a_thermometer_nothing_is_limited(autojump_clock):
    setup = Setup(None)
    async with setup.running():
        await setup.until(3600)
        status = setup.governor.status
        assert (status.state, status.limited_to) == (ThermalState.UNSUPPORTED, NORMAL)
        assert (status.celsius, status.sensor, status.flags) == (None, None, ())
        assert setup.gate.told == []
        assert setup.governor.history == ()


async def test_flags_are_told_while_they_are_known(autojump_clock):
    flags = (ThrottleFlag.UNDER_VOLTAGE,)
    setup = Setup(lambda now: Reading(60.0, flags) if now < 0.5 else FAIL)
    async with setup.running():
        await setup.until(4.5)
        assert setup.governor.status.flags == flags
        await setup.until(5.5)
        assert setup.governor.status.flags == ()


@pytest.mark.parametrize(
    ("interval_s", "apart_s"), [(0.1, 2), (0.3, 2.1), (1, 2), (1.5, 3), (4, 4), (60, 60)]
)
async def test_ten_minutes_of_history_are_kept(autojump_clock, interval_s, apart_s):
    setup = Setup(lambda now: 50 + now % 7, interval_s=interval_s)
    async with setup.running():
        await setup.until(700.05)
        history = setup.governor.history
        now = trio.current_time()
    ages = [now - sample.at for sample in history]
    assert 600 - apart_s <= ages[0] <= 600
    assert ages[-1] <= apart_s
    gaps = [a - b for a, b in itertools.pairwise(ages)]
    assert gaps == pytest.approx([apart_s] * len(gaps), abs=1e-6)
    assert history[-1].celsius == pytest.approx(50 + (history[-1].at - setup.began) % 7)


async def test_history_grows_old_while_nothing_can_be_read(autojump_clock):
    setup = Setup(lambda now: 50.0 if now < 100 else FAIL)
    async with setup.running():
        await setup.until(650.5)
        assert len(setup.governor.history) == 24
        await setup.until(750.5)
        assert setup.governor.history == ()


@pytest.mark.requirement("T-6")
async def test_other_thresholds_are_in_force_at_once(autojump_clock):
    setup = Setup(lambda _: 82.0, bands={PAUSED: Band(85, 80)}, interval_s=60)
    async with setup.running():
        await setup.until(10)
        setup.governor.change({PAUSED: Band(82, 70)})
        setup.governor.change({PAUSED: Band(90, 75)})  # still within: nothing is released
        await setup.until(20)
        setup.governor.change({PAUSED: Band(90, 85)})
        assert setup.gate.told == [(10, PAUSED), (20, NORMAL)]
        assert setup.governor.status.bands == {PAUSED: Band(90, 85)}
        assert setup.governor.status.since == pytest.approx(setup.began + 20)


@pytest.mark.requirement("T-6", "T-4")
async def test_other_thresholds_release_while_nothing_can_be_read(autojump_clock):
    setup = Setup(lambda now: 81.0 if now < 1 else FAIL)
    async with setup.running():
        await setup.until(10.5)
        setup.governor.change({PAUSED: Band(90, 85)})
        assert setup.governor.status.state is UNKNOWN
        assert [state for _, state in setup.gate.told] == [SINGLE, PAUSED, NORMAL]


async def test_thresholds_out_of_order_leave_those_in_force(autojump_clock):
    setup = Setup(lambda _: 82.0, bands={PAUSED: Band(85, 80)})
    async with setup.running():
        with pytest.raises(ValueError, match="must be above"):
            setup.governor.change({SINGLE: Band(90, 80), PAUSED: Band(85, 80)})
        assert setup.governor.status.bands == {PAUSED: Band(85, 80)}
    with pytest.raises(ValueError, match="must be above"):
        Setup(lambda _: 82.0, bands={SINGLE: Band(90, 80), PAUSED: Band(85, 80)})

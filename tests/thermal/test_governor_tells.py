"""Whom the governor tells, how often, in which order, and what it writes to the log."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import structlog.testing
import trio

from tests.thermal.governor_tools import (
    FAIL,
    NO_SPECULATION,
    NORMAL,
    PAUSED,
    SINGLE,
    UNKNOWN,
    Setup,
)
from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings import Band
from voicechat.thermal import journal
from voicechat.thermal.ports import Reading

if TYPE_CHECKING:
    from voicechat.thermal.status import Status

pytestmark = pytest.mark.requirement("T-6")


@pytest.fixture
def logs() -> Any:
    with structlog.testing.capture_logs() as entries:
        yield entries


def named(logs: list[Any], event: str) -> list[dict[str, Any]]:
    return [entry for entry in logs if entry["event"] == event]


async def follow(setup: Setup, told: list[tuple[float, Status]]) -> None:
    with setup.governor.follow() as statuses:
        async for status in statuses:
            told.append((round(trio.current_time() - setup.began, 3), status))


async def test_a_follower_gets_the_present_and_each_change(autojump_clock):
    setup = Setup(lambda now: 86.0 if 3 < now < 6.5 else 76.0 if now > 6.5 else 60.0)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        await setup.until(1.5)
        nursery.start_soon(follow, setup, told)
        await setup.until(20.5)
        nursery.cancel_scope.cancel()
    assert [(at, status.state, status.celsius) for at, status in told] == [
        (1.5, NORMAL, 60.0),
        (4, PAUSED, 86.0),
        (7, NO_SPECULATION, 76.0),
    ]


async def test_the_temperature_alone_is_told_every_5_s_if_it_changed(autojump_clock):
    setup = Setup(lambda now: 50 + now / 100 if now < 20.5 else 50.2)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        await setup.until(60.5)
        nursery.cancel_scope.cancel()
    # It rises by a tenth in 10 s, rounded to the next one at 5, 15 and so on; later it is steady.
    assert [(at, round(status.celsius or 0, 2)) for at, status in told] == [
        (0, 50.0),
        (6, 50.06),
        (16, 50.16),
        (31, 50.2),
        (46, 50.2),
    ]


@pytest.mark.parametrize(
    ("interval_s", "every_s"), [(0.1, 15), (1, 15), (7, 14), (9.9, 19.8), (10, 10), (60, 60)]
)
async def test_what_does_not_change_is_told_every_15_s_or_so(autojump_clock, interval_s, every_s):
    setup = Setup(lambda _: 50.0, interval_s=interval_s)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        await setup.until(601)
        nursery.cancel_scope.cancel()
    times = [at for at, _ in told]
    assert times == pytest.approx([n * every_s for n in range(int(601 / every_s) + 1)], abs=0.01)


@pytest.mark.requirement("T-4")
async def test_that_nothing_can_be_read_is_told_again_as_well(autojump_clock):
    setup = Setup(lambda _: FAIL)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        await setup.until(40.5)
        nursery.cancel_scope.cancel()
    assert [(at, status.state) for at, status in told] == [
        (0, NORMAL),
        (4, UNKNOWN),
        (19, UNKNOWN),
        (34, UNKNOWN),
    ]


async def test_a_fast_change_is_told_every_5_s_as_well(autojump_clock):
    setup = Setup(lambda now: 30 + now)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        await setup.until(22.5)
        nursery.cancel_scope.cancel()
    assert [at for at, _ in told] == [0, 5, 10, 15, 20]


async def test_a_flag_is_told_like_a_temperature(autojump_clock):
    flags = (ThrottleFlag.SOFT_LIMIT,)
    setup = Setup(lambda now: Reading(60.0, flags if now > 10 else ()))
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        await setup.until(30.5)
        nursery.cancel_scope.cancel()
    assert [(at, status.flags) for at, status in told] == [(0, ()), (11, flags), (26, flags)]


async def test_other_thresholds_are_told_at_once(autojump_clock):
    setup = Setup(lambda _: 60.0, interval_s=60)
    async with setup.running():
        with setup.governor.follow() as statuses:
            statuses.receive_nowait()
            setup.governor.change({PAUSED: Band(90, 80)})
            assert statuses.receive_nowait().bands == {PAUSED: Band(90, 80)}


async def test_the_unknown_is_told_even_where_it_limits_nothing(autojump_clock):
    setup = Setup(lambda now: 60.0 if now < 1 else FAIL)
    async with setup.running():
        with setup.governor.follow() as statuses:
            await setup.until(10.5)
            assert statuses.receive_nowait().state is UNKNOWN


async def test_a_slow_follower_holds_up_nobody_and_finds_the_newest(autojump_clock):
    setup = Setup(lambda now: 86.0 if round(now) % 2 else 60.0)
    told: list[tuple[float, Status]] = []
    async with setup.running(), trio.open_nursery() as nursery:
        nursery.start_soon(follow, setup, told)
        with setup.governor.follow() as slow:
            await setup.until(100.5)
            assert slow.statistics().current_buffer_used == 1
            assert slow.receive_nowait().state is NORMAL
            with pytest.raises(trio.WouldBlock):
                slow.receive_nowait()
            await setup.until(101.5)
            assert slow.receive_nowait().state is PAUSED
        nursery.cancel_scope.cancel()
    assert setup.sensor.reads == pytest.approx(range(102))
    assert [at for at, _ in told] == pytest.approx(range(102))


async def test_who_leaves_is_told_no_more(autojump_clock):
    setup = Setup(lambda now: 86.0 if now > 10 else 60.0)
    async with setup.running():
        with setup.governor.follow() as gone:
            pass
        with pytest.raises(trio.ClosedResourceError):
            gone.receive_nowait()
        with setup.governor.follow() as careless:
            careless.close()  # within its context: its own mistake, and nobody else's trouble
            with setup.governor.follow() as statuses:
                await setup.until(20.5)
                assert statuses.receive_nowait().state is PAUSED
        assert setup.governor._followers == set()


async def test_the_gate_learns_first_then_the_followers_then_the_log(autojump_clock, monkeypatch):
    setup = Setup(lambda now: 86.0 if now > 5 else 60.0)
    order: list[str] = []

    class Log:
        def critical(self, *_: Any, **__: Any) -> None:
            order.append(f"log, told {statuses.statistics().current_buffer_used}")

    def limit(_: object) -> None:
        order.append(f"gate, told {statuses.statistics().current_buffer_used}")

    monkeypatch.setattr(journal, "log", Log())
    monkeypatch.setattr(setup.gate, "limit", limit)
    async with setup.running():
        with setup.governor.follow() as statuses:
            statuses.receive_nowait()
            await setup.until(6.5)
    assert order == ["gate, told 0", "log, told 1"]


async def test_each_trip_is_critical_and_each_resume_is_information(autojump_clock, logs):
    temperatures = [60, 76, 90, 82, 79.5, 60, 60]
    setup = Setup(lambda now: float(temperatures[round(now)]))
    await setup.run_until(6.5)
    moves = [
        (e["event"], e["log_level"], e["state"], e["temperature_c"], e["threshold_c"]) for e in logs
    ]
    assert moves == [
        ("too hot", "critical", "no_speculation", 76, 75),
        ("too hot", "critical", "paused", 90, 85),
        ("cooler again", "info", "phrases", 79.5, 80),
        ("cooler again", "info", "normal", 60, 70),
    ]
    assert [entry["reduced"] for entry in logs] == [
        "no answer is prepared before the user has finished",
        "no inference until it is cooler",
        "only agents that match phrases answer what is new, one at a time",
        "nothing",
    ]


@pytest.mark.requirement("T-4")
async def test_the_unknown_is_a_warning_once_and_its_end_information(autojump_clock, logs):
    setup = Setup(lambda now: 81.0 if now < 0.5 else FAIL if now < 20.5 else 86.0)
    await setup.run_until(30.5)
    events = [(entry["event"], entry["log_level"]) for entry in logs]
    assert events == [
        ("too hot", "critical"),
        ("temperature unknown", "warning"),
        ("temperature known again", "info"),
        ("too hot", "critical"),
    ]
    (warning,) = named(logs, "temperature unknown")
    assert warning["reason"] == "the file cannot be read"
    assert (warning["failures"], warning["last_temperature_c"]) == (5, 81.0)
    assert warning["reduced"] == "no inference until it is cooler"


@pytest.mark.requirement("T-4")
@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("hang", "it did not answer in time"),
        (1000.0, "it told a temperature that no chip can have"),
    ],
)
async def test_the_warning_says_why(autojump_clock, logs, plan, reason):
    await Setup(lambda _: plan).run_until(20.5)
    (warning,) = logs
    assert (warning["reason"], warning["reduced"]) == (reason, "nothing")


@pytest.mark.requirement("T-3")
async def test_no_thermometer_is_told_once(autojump_clock, logs):
    await Setup(None).run_until(3600)
    (entry,) = logs
    assert entry["log_level"] == "info"
    assert "there is no thermometer" in entry["event"]


async def test_each_appearance_of_a_flag_is_a_warning(autojump_clock, logs):
    voltage, throttled = ThrottleFlag.UNDER_VOLTAGE, ThrottleFlag.THROTTLED
    plan = [(), (voltage,), (voltage,), (voltage, throttled), (), (voltage,), FAIL, (voltage,)]
    setup = Setup(lambda now: each if (each := plan[round(now)]) is FAIL else Reading(60.0, each))
    await setup.run_until(7.5)
    warnings = named(logs, "firmware protects the chip")
    assert {entry["log_level"] for entry in warnings} == {"warning"}
    assert [entry["flag"] for entry in warnings] == ["under_voltage", "throttled", "under_voltage"]
    assert "power supply" in warnings[0]["meaning"]


async def test_a_change_of_thresholds_is_logged_before_what_comes_of_it(autojump_clock, logs):
    setup = Setup(lambda _: 84.0, bands={PAUSED: Band(85, 80)})
    async with setup.running():
        setup.governor.change({SINGLE: Band(80, 70), PAUSED: Band(84, 75)})
        setup.governor.change({})
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("thermal thresholds changed", "info"),
        ("too hot", "critical"),
        ("thermal thresholds changed", "info"),
        ("cooler again", "info"),
    ]
    assert logs[0]["thresholds"] == {"single": "80/70", "paused": "84/75"}
    assert logs[3]["threshold_c"] == 70  # of a step that is gone


@pytest.mark.requirement("T-7")
async def test_the_status_tells_since_when_by_both_clocks(autojump_clock):
    setup = Setup(lambda now: 86.0 if now > 5 else 60.0)
    async with setup.running():
        first = setup.governor.status
        await setup.until(20.5)
        hot = setup.governor.status
    assert (first.since, hot.since) == pytest.approx((setup.began, setup.began + 6))
    assert first.since_wall < hot.since_wall <= dt.datetime.now(dt.UTC)
    assert (hot.sensor, hot.celsius, hot.state) == ("fake", 86.0, ThermalState.PAUSED)

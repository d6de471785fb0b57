"""The simulated conversations behave at the gate as real ones do, and keep the machine busy."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Settings
from voicechat.thermal.crowd import Crowd
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.governor import Governor
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors.board import BARE
from voicechat.thermal.sensors.choose import simulate
from voicechat.thermal.slot import Kind, Owner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from voicechat.settings import Band
    from voicechat.thermal.scenarios import Scenario

LADDER = {ThermalState(step): band for step, band in Settings().thermal.bands.items()}


@asynccontextmanager
async def talking(gate: InferenceGate, size: int) -> AsyncIterator[Crowd]:
    crowd = Crowd(gate, size)
    async with trio.open_nursery() as nursery:
        await nursery.start(crowd.run)
        yield crowd
        nursery.cancel_scope.cancel()


async def day(
    scenario: Scenario, bands: Mapping[ThermalState, Band], seconds: float
) -> tuple[float, set[ThermalState], int]:
    """The highest temperature, the states there were, and how many turns were finished."""
    gate = InferenceGate(4)
    sensor = simulate(scenario, busy_s=lambda: gate.busy_s)
    governor = Governor(sensor, bands, gate, interval_s=1.0)
    states, peak = set(), 0.0
    async with trio.open_nursery() as nursery, talking(gate, scenario.crowd) as crowd:
        await nursery.start(governor.run)
        with governor.follow() as statuses, trio.move_on_after(seconds):
            async for status in statuses:
                states.add(status.state)
                peak = max(peak, status.celsius or 0.0)
        peak = max([peak, *(sample.celsius for sample in governor.history)])
        nursery.cancel_scope.cancel()
    assert (gate.occupied, gate.waiting) == (0, 0)
    return peak, states, crowd.turns


async def test_eight_conversations_keep_four_slots_busy(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = InferenceGate(4)
    async with talking(gate, 8) as crowd:
        await trio.sleep(120)
        assert gate.busy_s > 0.8 * 4 * 120
        assert crowd.turns > 40
    assert (gate.occupied, gate.waiting) == (0, 0)


async def test_nobody_needs_no_slot(autojump_clock: trio.testing.MockClock) -> None:
    gate = InferenceGate(4)
    async with talking(gate, 0) as crowd:
        await trio.sleep(60)
    assert gate.busy_s == 0
    assert crowd.turns == 0


@pytest.mark.requirement("T-2")
async def test_a_pause_stops_it_within_a_sentence_and_its_end_sets_it_going(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = InferenceGate(4)
    async with talking(gate, 8) as crowd:
        await trio.sleep(20)
        gate.limit(LIMITS[ThermalState.PAUSED])
        await trio.sleep(0.35)
        assert gate.occupied == 0
        turns, busy_s = crowd.turns, gate.busy_s
        await trio.sleep(60)
        assert gate.busy_s == busy_s
        assert crowd.turns <= turns + 8, "those whose last sentence was being played"
        gate.limit(LIMITS[ThermalState.NORMAL])
        assert gate.occupied == 4
        await trio.sleep(30)
        assert crowd.turns > turns + 8


async def test_it_matches_phrases_while_nothing_else_is_allowed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = InferenceGate(4)
    gate.limit(LIMITS[ThermalState.PHRASES])
    async with talking(gate, 1) as crowd:
        await trio.sleep(60)
        assert crowd.turns >= 10
        gate.limit(LIMITS[ThermalState.NORMAL])
        turns = crowd.turns
        await trio.sleep(60)
        assert crowd.turns < turns + 8, "it thinks again, which takes longer"


async def test_it_shares_the_gate_with_users(autojump_clock: trio.testing.MockClock) -> None:
    gate = InferenceGate(4)
    async with talking(gate, 8):
        await trio.sleep(30)
        for kind in (Kind.STT, Kind.TTS, Kind.AGENT):
            with trio.fail_after(3):
                async with Owner(gate, "user").slot(kind):
                    pass


@pytest.mark.requirement("T-5")
async def test_the_scenario_of_a_hot_day_goes_through_every_state(
    autojump_clock: trio.testing.MockClock,
) -> None:
    peak, states, turns = await day(SCENARIOS["hot-day"], LADDER, 600)
    assert peak <= 87
    assert states == {ThermalState.NORMAL, *LADDER}
    assert turns > 50


async def test_the_scenario_of_a_hot_day_is_too_hot_without_the_ladder(
    autojump_clock: trio.testing.MockClock,
) -> None:
    assert (await day(SCENARIOS["hot-day"], {}, 60))[0] > 90


async def test_the_scenario_with_a_fan_makes_nobody_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    peak, states, _ = await day(SCENARIOS["fan"], LADDER, 300)
    assert 70 < peak < 80
    assert states <= {ThermalState.NORMAL, ThermalState.NO_SPECULATION}


@pytest.mark.requirement("T-5")
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ambient=st.floats(20, 40),
    resistance=st.floats(8, 12),
    size=st.integers(1, 8),
)
@example(ambient=40.0, resistance=12.0, size=8)
async def test_no_room_and_no_board_gets_too_hot(
    autojump_clock: trio.testing.MockClock, ambient: float, resistance: float, size: int
) -> None:
    hot_day = SCENARIOS["hot-day"]
    board = attrs.evolve(hot_day.board or BARE, ambient=ambient, resistance=resistance)
    scenario = attrs.evolve(
        hot_day, board=board, start_celsius=min(board.settles_at(0), 84.0), crowd=size
    )
    peak, _, _ = await day(scenario, LADDER, 300)
    assert peak <= 87

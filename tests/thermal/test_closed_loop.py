"""Eight conversations on a hot day: how hot the machine gets, and that no word is lost.

The sessions, the gate, the governor and the model of the board are the real ones; the engines take
as long as on a Raspberry Pi 5. Time is virtual.
"""

from __future__ import annotations

import itertools

import attrs
import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.thermal.loop_house import LADDER, House
from voicechat.conversation.notice import WORDS
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings.thermal import Thermal
from voicechat.thermal.ladder import STEPS
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors.board import BARE

DAY_S = 600.0
COOL_DOWN_S = 300.0
"""How long the last answers may take, after the last question."""
HOTTEST = 87.0
YIELDS_S = 0.5
"""A pause stops work at the next token, sentence or piece of audio; none takes longer."""
RANKS = {state: rank for rank, state in enumerate((ThermalState.NORMAL, *STEPS))}


def bands(thermal: Thermal) -> dict[ThermalState, object]:
    return {ThermalState(step): band for step, band in thermal.bands.items()}


def check_nothing_is_lost(house: House) -> None:
    for client in house.clients:
        assert client.asked
        client.check()
    assert not any(session.failed for session in house.sessions)
    assert (house.gate.occupied, house.gate.waiting) == (0, 0)


def check_times(house: House) -> None:
    """Each pause began and ended in time, and found answers in the middle."""
    answers = [answer for client in house.clients for answer in client.answers.values()]
    assert len(house.course.crossings) > 1
    for hot, cool in house.course.crossings:
        assert house.course.idle_since(hot) - hot <= min(10, YIELDS_S)
        assert house.course.busy_since(cool) - cool <= 30
        assert any(answer.began_at < hot and cool < answer.ended_at for answer in answers)


def check_steps(house: House) -> None:
    """No step is skipped, up or down."""
    ranks = [RANKS[state] for state in house.course.states]
    assert all(abs(a - b) == 1 for a, b in itertools.pairwise(ranks))


@pytest.mark.requirement("T-2", "T-5", "T-8")
async def test_a_hot_day(autojump_clock: trio.testing.MockClock) -> None:
    house = House(phrases=False)
    with trio.fail_after(DAY_S + COOL_DOWN_S):
        await house.live(DAY_S)
    assert house.course.peak <= HOTTEST
    check_times(house)
    check_steps(house)
    check_nothing_is_lost(house)


@pytest.mark.requirement("T-2", "T-5", "T-8")
async def test_a_hot_day_with_phrases_to_fall_back_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """They cost so little that there is hardly a pause."""
    house = House(phrases=True)
    with trio.fail_after(DAY_S + COOL_DOWN_S):
        await house.live(DAY_S)
    assert house.course.peak <= HOTTEST
    assert ThermalState.PHRASES in house.course.states
    check_steps(house)
    check_nothing_is_lost(house)
    texts = [answer.text or "" for client in house.clients for answer in client.answers.values()]
    assert any(text.startswith("A phrase") for text in texts)
    assert any(text.startswith("To ") for text in texts)


@pytest.mark.requirement("T-2")
async def test_phrases_for_others_leave_no_answer_behind(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House(phrases=True)
    with trio.fail_after(DAY_S + COOL_DOWN_S):
        await house.live(DAY_S)
    waits = [
        answer.ended_at - answer.began_at
        for client in house.clients
        for answer in client.answers.values()
    ]
    assert max(waits) < 180


@pytest.mark.requirement("T-2")
async def test_who_waits_on_a_hot_day_is_told(autojump_clock: trio.testing.MockClock) -> None:
    house = House(phrases=False)
    await house.live(180)
    for client in house.clients:
        told = [message for message in client.thermal if message.message == WORDS]
        assert told
        assert all(message.waiting for message in told)
        assert not client.thermal[-1].waiting or client.thermal[-1].message != WORDS


async def test_a_hot_day_without_the_ladder_is_too_hot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House(bands={}, phrases=False)
    await house.live(60)
    assert house.course.peak > 90
    check_nothing_is_lost(house)


@pytest.mark.requirement("T-9")
async def test_two_thresholds_suffice(autojump_clock: trio.testing.MockClock) -> None:
    plain = Thermal(trigger_threshold=85.0, resume_threshold=80.0)
    house = House(bands=bands(plain), phrases=False)
    with trio.fail_after(DAY_S + COOL_DOWN_S):
        await house.live(DAY_S)
    assert house.course.peak <= HOTTEST
    assert set(house.course.states) == {ThermalState.NORMAL, ThermalState.PAUSED}
    check_times(house)
    check_nothing_is_lost(house)


@pytest.mark.requirement("T-8")
async def test_with_a_fan_nobody_ever_waits(autojump_clock: trio.testing.MockClock) -> None:
    house = House(SCENARIOS["fan"], phrases=True)
    await house.live(150)  # the board has a time constant of 43 s
    assert set(house.course.states) <= {ThermalState.NORMAL, ThermalState.NO_SPECULATION}
    check_nothing_is_lost(house)


@pytest.mark.requirement("T-5")
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ambient=st.floats(20, 40), resistance=st.floats(8, 12), users=st.integers(1, 8), alone=...)
@example(ambient=40.0, resistance=12.0, users=8, alone=True)
@example(ambient=40.0, resistance=8.0, users=8, alone=False)
async def test_other_rooms_and_boards(
    autojump_clock: trio.testing.MockClock,
    ambient: float,
    resistance: float,
    users: int,
    alone: bool,  # noqa: FBT001  (an example)
) -> None:
    """Where the idle board alone is too hot, the answers wait for a cooler day."""
    hot_day = SCENARIOS["hot-day"]
    board = attrs.evolve(hot_day.board or BARE, ambient=ambient, resistance=resistance)
    scenario = attrs.evolve(hot_day, board=board, start_celsius=board.settles_at(0))
    house = House(scenario, bands=LADDER, phrases=not alone, users=users)
    with trio.move_on_after(200):
        await house.live(120)
    assert house.course.peak <= HOTTEST

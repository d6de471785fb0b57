"""What the client of one session is told about the heat, and when it is said by voice."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from tests.fakes import Collector
from tests.session.heat_tools import Weather
from voicechat.conversation.notice import WORDS
from voicechat.protocol.messages.thermal import TemperatureSample, Thermal, ThermalState
from voicechat.session.heat import Heat

NORMAL, PAUSED, SINGLE = ThermalState.NORMAL, ThermalState.PAUSED, ThermalState.SINGLE
PHRASES, UNKNOWN = ThermalState.PHRASES, ThermalState.UNKNOWN


class Setup:
    def __init__(self, emit=None):
        self.emit = emit or Collector()
        self.weather = Weather()
        self.said = []
        self.given_up = 0
        self.speaks_s = 1.0
        self.heat = Heat(self.weather, self.emit, self._say)

    async def _say(self):
        self.said.append(trio.current_time())
        try:
            await trio.sleep(self.speaks_s)
        except trio.Cancelled:
            self.given_up += 1
            raise
        return True

    @property
    def told(self):
        return self.emit.of(Thermal)

    @property
    def waiting(self):
        return [message.waiting for message in self.told]

    async def wait(self, seconds):
        """Work of the session waits for so long."""
        self.heat.on_wait(True)
        await trio.sleep(seconds)
        self.heat.on_wait(False)


@asynccontextmanager
async def running(**how):
    setup = Setup(**how)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(setup.heat.run)
        await trio.sleep(0.01)
        yield setup
        nursery.cancel_scope.cancel()


@pytest.mark.requirement("T-6")
async def test_the_first_message_has_the_history_and_each_change_is_told(autojump_clock):
    async with running() as setup:
        await trio.sleep(3)
        setup.weather.become(PAUSED, celsius=85.26)
        await trio.sleep(2)
        setup.weather.become(NORMAL)
        await trio.sleep(1)
    first, hot, cool = setup.told
    assert first.history == (TemperatureSample(1.0, 50.0), TemperatureSample(0.0, 50.0))
    assert (first.state, first.message, first.waiting) == (NORMAL, "", False)
    assert (hot.state, hot.temperature_c, hot.for_s, hot.history) == (PAUSED, 85.3, 0.0, ())
    assert hot.message not in {"", WORDS}, "it is hot, and this user waits for nothing"
    assert (cool.state, cool.message) == (NORMAL, "")
    assert setup.said == []


@pytest.mark.requirement("T-2")
async def test_who_waits_is_told_and_then_that_it_is_over(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        await trio.sleep(1)
        at = trio.current_time()
        await setup.wait(5)
        await trio.sleep(2)
    assert setup.waiting == [False, False, True, False]
    assert setup.told[2].message == WORDS
    assert setup.said == [pytest.approx(at + 0.5)]


async def test_a_wait_below_half_a_second_is_not_worth_a_word(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        for _ in range(5):
            await setup.wait(0.45)
            await trio.sleep(0.1)
        await trio.sleep(2)
    assert setup.waiting == [False, False]
    assert setup.said == []


async def test_nor_is_a_gap_between_two_waits(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        for _ in range(5):
            await setup.wait(2)
            await trio.sleep(0.4)
        await trio.sleep(2)
    assert setup.waiting == [False, False, True, False]
    assert len(setup.said) == 1


async def test_what_was_told_in_a_gap_is_told_again_after_it(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        await setup.wait(2)
        await trio.sleep(0.2)
        setup.weather.become(PAUSED, celsius=84)
        await trio.sleep(0.2)
        setup.heat.on_wait(True)
        await trio.sleep(0.1)
        assert setup.waiting[-1] is True
        assert setup.told[-1].temperature_c == 84.0
        setup.heat.on_wait(False)
    assert len(setup.said) == 1


async def test_waits_that_overlap_are_one(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(setup.wait, 3)
            await trio.sleep(2)
            nursery.start_soon(setup.wait, 3)
        await trio.sleep(2)
    assert setup.waiting == [False, False, True, False]


@pytest.mark.requirement("T-2")
async def test_it_is_said_once_a_pause(autojump_clock):
    async with running() as setup:
        for _ in range(2):
            setup.weather.become(PAUSED)
            await setup.wait(5)
            await trio.sleep(5)
            await setup.wait(5)
            setup.weather.become(NORMAL)
            await trio.sleep(1)
    assert len(setup.said) == 2


@pytest.mark.requirement("T-4")
async def test_a_thermometer_that_fails_in_a_pause_begins_no_other_pause(autojump_clock):
    async with running() as setup:
        setup.weather.become(PAUSED)
        await setup.wait(5)
        setup.weather.become(UNKNOWN, limited_to=PAUSED)
        await setup.wait(5)
        setup.weather.become(PAUSED)
        await setup.wait(5)
    assert len(setup.said) == 1


@pytest.mark.requirement("T-2")
async def test_a_pause_that_begins_in_the_middle_of_a_wait_is_spoken_of(autojump_clock):
    """An agent that waits while only phrases are allowed waits on when all is paused."""
    async with running() as setup:
        setup.weather.become(PHRASES)
        setup.heat.on_wait(True)
        await trio.sleep(5)
        assert setup.said == []
        setup.weather.become(PAUSED)
        await trio.sleep(5)
        assert len(setup.said) == 1
        setup.weather.become(PHRASES)
        await trio.sleep(5)
        setup.weather.become(PAUSED)
        await trio.sleep(5)
        assert len(setup.said) == 2, "of each pause"
        setup.heat.on_wait(False)
        await trio.sleep(1)
    assert setup.waiting[-1] is False


@pytest.mark.parametrize("state", [SINGLE, PHRASES])
async def test_nothing_is_said_while_some_work_goes_on(state, autojump_clock):
    async with running() as setup:
        setup.weather.become(state)
        await setup.wait(5)
        await trio.sleep(1)
    assert setup.waiting == [False, False, True, False]
    assert WORDS not in {message.message for message in setup.told}
    assert setup.said == []


@pytest.mark.requirement("T-2")
async def test_what_could_not_be_said_in_the_wait_is_not_said_after_it(autojump_clock):
    async with running() as setup:
        setup.speaks_s = 60.0
        setup.weather.become(PAUSED)
        await setup.wait(5)
        await trio.sleep(1)
        assert setup.given_up == 1


class SlowClient(Collector):
    """Takes a message each 10 s."""

    async def __call__(self, item):
        await trio.sleep(10)
        await super().__call__(item)


@pytest.mark.requirement("T-6")
async def test_a_slow_client_gets_the_newest(autojump_clock):
    async with running(emit=SlowClient()) as setup:
        for n in range(100):
            setup.weather.become(PAUSED if n % 2 else NORMAL, celsius=50 + n / 10)
            await trio.sleep(0.1)
        await trio.sleep(25)
    assert [message.temperature_c for message in setup.told] == [50.0, 59.9]
    assert [bool(message.history) for message in setup.told] == [True, False]

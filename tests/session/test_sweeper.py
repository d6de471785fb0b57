"""What is due in a session is done in time, and nothing else."""

from __future__ import annotations

import attrs
import pytest
import trio

from tests.fakes import EchoAgent
from tests.session.session_tools import RATE, TIMERS, Client, asked, house, make
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import MessageReceived, ResponseComplete
from voicechat.protocol.messages.session import (
    EndReason,
    SessionRestarting,
    SessionState,
)
from voicechat.session.sweeper import Sweeper

QUIET = Hello(1, output_rate=RATE, acknowledges=True, speak=False)
SHORT = attrs.evolve(TIMERS, max_duration_s=1000, idle_s=1_000_000)

ACTIVE, IDLE = SessionState.ACTIVE, SessionState.IDLE
DISCONNECTED, EXPIRED = SessionState.DISCONNECTED, SessionState.EXPIRED


@pytest.fixture
def sweeps(monkeypatch):
    """How often sessions were looked at; not without end."""
    looked = []
    sweep = Sweeper._sweep

    def counted(self, alive):
        looked.append(alive.id)
        assert len(looked) < 1000, "the sweeper never sleeps"
        sweep(self, alive)

    monkeypatch.setattr(Sweeper, "_sweep", counted)
    return looked


# -- nobody comes back -----------------------------------------------------------------------------


@pytest.mark.requirement("S-2", "S-5")
async def test_a_session_waits_for_its_client_as_long_as_it_was_told_to(autojump_clock, sweeps):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        await trio.sleep(1000)
        await kept.manager.leave(alive, client)
        await trio.sleep(299.9)
        assert not alive.session.ended.is_set()
        await trio.sleep(0.2)
        assert alive.session.ended.is_set()
        found = await kept.kept(alive)
        assert (found.state, found.terminated_reason) == (EXPIRED, EndReason.EXPIRED)
        assert found.is_resumable
        assert kept.manager.statistics()["expired"] == 1


async def test_a_client_that_comes_back_in_time_stops_the_clock(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        for _ in range(5):
            await kept.manager.leave(alive, client)
            await trio.sleep(290)
            kept.manager.drive(alive, client, client.point())
            await trio.sleep(100)
        assert not alive.session.ended.is_set()


async def test_a_session_that_nobody_ever_drove_expires(autojump_clock):
    async with house() as kept:
        await trio.sleep(10)  # the sweeper sleeps
        alive = kept.create()
        await trio.sleep(301)
        assert alive.session.ended.is_set()
        assert await kept.kept(alive) is None


async def test_an_answer_in_flight_may_be_finished_first(autojump_clock):
    async with house(agent=EchoAgent(pause=104)) as kept:
        client = Client()
        alive = kept.create(client, QUIET)
        client.types("x")  # 312 s
        await client.until_has(MessageReceived)
        await kept.manager.leave(alive, client)
        await trio.sleep(311)
        assert not alive.session.ended.is_set()
        await trio.sleep(2)
        assert alive.session.ended.is_set(), "as soon as it is there"
        assert (await kept.said(alive))[1] == ("assistant", "You said: x. ", "complete")


async def test_an_answer_in_flight_is_not_waited_for_without_end(autojump_clock):
    async with house(agent=EchoAgent(pause=1000)) as kept:
        client = Client()
        alive = kept.create(client, QUIET)
        client.types("x")
        await client.until_has(MessageReceived)
        await kept.manager.leave(alive, client)
        await trio.sleep(329)
        assert not alive.session.ended.is_set()
        await trio.sleep(2)
        assert alive.session.ended.is_set()
        assert (await kept.said(alive))[1] == ("assistant", "", "lost")


# -- nobody says anything --------------------------------------------------------------------------


class Idle:
    """A house whose agents are counted."""

    def __init__(self):
        self.running = 0
        self.made = 0

    def agent(self):
        house = self
        self.made += 1

        class Counted(EchoAgent):
            async def run(self, announce):
                house.running += 1
                try:
                    await super().run(announce)
                finally:
                    house.running -= 1

        return Counted()

    def session(self, *args, **how):
        how.setdefault("agent", self.agent())
        return make(*args, again=lambda: (self.agent(), None), **how)


@pytest.mark.requirement("S-5")
async def test_the_agent_of_a_session_without_words_is_released(autojump_clock, sweeps):
    idle = Idle()
    async with house(idle.session) as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        await trio.sleep(1795)
        assert (alive.life.state, idle.running) == (ACTIVE, 1)
        await trio.sleep(6)
        assert (alive.life.state, idle.running) == (IDLE, 0)
        assert (await kept.kept(alive)).state is IDLE
        assert client.of(SessionRestarting) == []
        await trio.sleep(50_000)
        assert not alive.session.ended.is_set()

        await asked(client, "again")
        assert [each.reason for each in client.of(SessionRestarting)] == ["idle"]
        assert client.of(ResponseComplete)[1].text == "You said: again. "
        assert (alive.life.state, idle.running, idle.made) == (ACTIVE, 1, 2)
        assert (await kept.kept(alive)).state is ACTIVE
        await trio.sleep(1801)
        assert (alive.life.state, idle.running) == (IDLE, 0), "and so on"


@pytest.mark.requirement("S-5")
async def test_an_agent_that_was_woken_for_nothing_is_released_again(autojump_clock):
    idle = Idle()
    async with house(idle.session) as kept:
        client = Client()
        alive = kept.create(client)
        await trio.sleep(1801)
        assert (alive.life.state, idle.running) == (IDLE, 0)
        alive.session.conversation.speculate("was that a question")
        await trio.sleep(1)
        alive.session.conversation.withdraw()
        await trio.sleep(1)
        assert (alive.life.state, idle.running) == (ACTIVE, 1)
        await trio.sleep(1801)
        assert (alive.life.state, idle.running) == (IDLE, 0)
        assert not alive.words


@pytest.mark.requirement("S-5")
async def test_each_word_begins_the_wait_anew(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        for _ in range(5):
            await trio.sleep(1700)
            assert alive.life.state is ACTIVE
            await asked(client)


@pytest.mark.requirement("S-5")
async def test_a_microphone_in_a_quiet_room_says_nothing(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        client.say(AudioOpen(1, RATE))
        at = 0
        for _ in range(190):
            at = client.speaks(1, at, bytes(2 * RATE))
            await trio.sleep(10)
        assert alive.life.state is IDLE


@pytest.mark.requirement("S-5")
async def test_a_turn_in_flight_never_idles(autojump_clock):
    async with house(agent=EchoAgent(pause=1500)) as kept:
        client = Client()
        alive = kept.create(client, QUIET)
        client.types("x")  # 4500 s
        for _ in range(44):
            await trio.sleep(100)
            assert alive.life.state is ACTIVE
        await client.until_has(ResponseComplete)
        await trio.sleep(1700)
        assert alive.life.state is ACTIVE, "the wait begins when it has ended"
        await trio.sleep(200)
        assert alive.life.state is IDLE


@pytest.mark.requirement("S-5")
async def test_an_agent_that_has_something_to_do_is_not_released(autojump_clock):
    class Timer(EchoAgent):
        busy = False

        def __init__(self):
            super().__init__()
            self.wanted = trio.Event()

        async def run(self, announce):
            await self.wanted.wait()
            await trio.sleep(7200)
            self.busy = False
            await announce("Ding!")
            await trio.sleep_forever()

        async def respond(self, question, say):
            self.busy = True
            self.wanted.set()
            await super().respond(question, say)

    async with house(lambda *args, **how: Idle().session(*args, agent=Timer(), **how)) as kept:
        clients = [Client() for _ in range(8)]  # the order of tasks is left to chance
        for client in clients:
            kept.create(client, QUIET)
            await asked(client, "set a timer")
        await trio.sleep(7100)
        assert kept.manager.statistics()["active"] == 8
        for client in clients:
            answer = await client.until_has(ResponseComplete, 2)
            assert answer.text == "Ding!"
        await trio.sleep(1700)
        assert kept.manager.statistics()["active"] == 8
        await trio.sleep(200)
        assert kept.manager.statistics()["idle"] == 8


async def test_a_session_without_a_client_does_not_rest(autojump_clock):
    """It expires, or its client finds it as it was."""
    timers = attrs.evolve(TIMERS, resume_window_s=5000)
    async with house(timers=timers) as kept:
        client = Client()
        alive = kept.create(client)
        await kept.manager.leave(alive, client)
        await trio.sleep(2000)
        assert alive.life.state is DISCONNECTED
        kept.manager.drive(alive, client)
        await trio.sleep(1)
        assert alive.life.state is IDLE, "nothing was said for long"

"""Sessions last as long as they may, and what is kept of them as long as was wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
import trio

from tests.fakes import EchoAgent
from tests.session.session_tools import HELLO, RATE, TIMERS, Client, SlowStore, asked, house
from tests.session.store.making import put, record, said
from voicechat.errors import StoreFailed
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.session import EndReason, SessionState, SessionWarning
from voicechat.protocol.messages.sessions import SwitchSession
from voicechat.session.store.ports import Begin
from voicechat.session.sweeper import Sweeper
from voicechat.session.tap import NoTap

QUIET = Hello(1, output_rate=RATE, acknowledges=True, speak=False)
SHORT = attrs.evolve(TIMERS, max_duration_s=1000, idle_s=1_000_000)

ACTIVE, IDLE = SessionState.ACTIVE, SessionState.IDLE
DISCONNECTED, EXPIRED = SessionState.DISCONNECTED, SessionState.EXPIRED


class Slow(NoTap):
    """Takes a second to end: so does its session."""

    async def run(self):
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)


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


# -- as long as a session may last -----------------------------------------------------------------


@pytest.mark.requirement("S-6")
async def test_the_end_is_announced_and_comes(autojump_clock, sweeps):
    async with house(timers=SHORT) as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        began = trio.current_time()
        warning = await client.until_has(SessionWarning)
        assert trio.current_time() - began == pytest.approx(900, abs=5)
        assert warning.remaining_seconds == 100
        await trio.sleep(99)
        assert not alive.session.ended.is_set()
        await trio.sleep(2)
        assert alive.session.ended.is_set()
        client.take_all()
        assert len(client.of(SessionWarning)) == 1
        found = await kept.kept(alive)
        assert (found.state, found.terminated_reason) == (
            SessionState.TERMINATED,
            EndReason.MAX_DURATION,
        )
        again = await kept.finder.switch(SwitchSession(session_id=alive.id), HELLO, "u")
        assert again.session.driver.attach(client, client.point()).history[0].text == "hello"


@pytest.mark.requirement("S-6")
@pytest.mark.parametrize(("answer_s", "ends_at"), [(15, 1015), (300, 1030)])
async def test_a_turn_in_flight_has_some_time_left(answer_s, ends_at, autojump_clock, sweeps):
    async with house(timers=SHORT, agent=EchoAgent(pause=(answer_s + 10) / 3)) as kept:
        client, began = Client(), trio.current_time()
        alive = kept.create(client, QUIET)
        await trio.sleep(990)
        client.types("x")
        await alive.session.ended.wait()
        assert trio.current_time() - began == pytest.approx(ends_at, abs=0.1)
        status = "complete" if answer_s < 30 else "lost"
        assert (await kept.said(alive))[1][2] == status


@pytest.mark.requirement("S-6")
async def test_a_session_without_a_client_ends_as_well(autojump_clock):
    timers = attrs.evolve(SHORT, resume_window_s=5000)
    async with house(timers=timers) as kept:
        alive = kept.create()
        await trio.sleep(1001)
        assert alive.session.ended.is_set()
        assert alive.reason is EndReason.MAX_DURATION


async def test_a_session_that_takes_time_to_end_keeps_nobody_busy(autojump_clock, sweeps):
    async with house(timers=SHORT, tap=Slow()) as kept:
        alive = kept.create(Client())
        await trio.sleep(1000.5)
        assert alive.reason is EndReason.MAX_DURATION
        assert not alive.session.ended.is_set()
        await trio.sleep(1)
        assert alive.session.ended.is_set()


async def test_a_session_that_ends_by_itself_can_be_told_nothing(autojump_clock, sweeps):
    """And hurts nobody: others are looked after as before."""
    async with house(timers=SHORT, tap=Slow()) as kept:
        bad = kept.create(Client())
        await trio.sleep(0.1)
        good = kept.create(Client())
        await trio.sleep(899.4)
        bad.session.end()  # as by a fault: 900 s come while it is ending
        await trio.sleep(200)
        assert bad.session.ended.is_set()
        assert good.session.ended.is_set()
        assert good.reason is EndReason.MAX_DURATION


async def test_sessions_are_looked_at_when_something_is_due_only(autojump_clock, sweeps):
    async with house(timers=SHORT) as kept:
        for _ in range(10):
            kept.create(Client())
            await trio.sleep(1)
        sweeps.clear()
        await trio.sleep(800)
        assert sweeps == []


# -- what is kept for long -------------------------------------------------------------------------


def ended(session_id, days_ago, state=SessionState.TERMINATED):
    at = datetime.now(UTC) - timedelta(days=days_ago)
    message = attrs.evolve(said(1, "words"), at=at)
    begun = record(session_id, state=state, created_at=at, last_active_at=at)
    return [Begin(begun), put(message, session_id)]


async def kept_of(kept):
    await kept.scribe.flush()
    return {each.session_id for each in await kept.store.of_user("u1", limit=99)}


@pytest.mark.requirement("S-10")
async def test_old_sessions_are_deleted(autojump_clock):
    store = SlowStore()
    await store.apply([*ended("old", 31), *ended("new", 29)])
    async with house(store=store, keep_days=30) as kept:
        await trio.sleep(1)
        assert await kept_of(kept) == {"new"}
        kept.scribe.write([*ended("older", 40, SessionState.EXPIRED)])
        kept.scribe.write([*ended("alive", 40, SessionState.ACTIVE)])
        await trio.sleep(6 * 3600)
        assert await kept_of(kept) == {"new", "alive"}


async def test_sessions_are_kept_for_ever_where_that_is_wanted(autojump_clock):
    store = SlowStore()
    await store.apply(ended("old", 3000))
    async with house(store=store, keep_days=None) as kept:
        await trio.sleep(50_000)
        assert await kept_of(kept) == {"old"}


async def test_a_disk_that_cannot_be_read_is_tried_again(autojump_clock):
    class Unreadable(SlowStore):
        broken = True

        async def older_than(self, moment):
            if self.broken:
                await trio.lowlevel.checkpoint()
                raise StoreFailed("It cannot be read.")
            return await super().older_than(moment)

    store = Unreadable()
    await store.apply(ended("old", 31))
    async with house(store=store, keep_days=30) as kept:
        await trio.sleep(1)
        assert await kept_of(kept) == {"old"}
        store.broken = False
        await trio.sleep(6 * 3600)
        assert await kept_of(kept) == set()

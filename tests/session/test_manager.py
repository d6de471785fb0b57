"""Sessions begin where there is room, and all about them is known and counted."""

from __future__ import annotations

import pytest
import trio

from tests.session.session_tools import (
    HELLO,
    RATE,
    Client,
    asked,
    expired,
    house,
)
from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.session import EndReason, Resume, SessionState
from voicechat.protocol.messages.sessions import SwitchSession
from voicechat.session.kept import KeptSessions

QUIET = Hello(1, output_rate=RATE, acknowledges=True, reports_playback=True, speak=False)


# -- begin -----------------------------------------------------------------------------------------


@pytest.mark.requirement("S-7")
async def test_no_more_sessions_than_allowed(autojump_clock):
    async with house(limit=2) as kept:
        alive, client = await expired(kept)
        first, _ = kept.create(Client()), kept.create(Client())
        for _ in range(3):
            with pytest.raises(CapacityExceeded):
                kept.create()
        with pytest.raises(CapacityExceeded):
            await kept.finder.resume(client.point(reopen=True), HELLO)
        with pytest.raises(CapacityExceeded):
            await kept.finder.switch(SwitchSession(session_id=alive.id), HELLO, "u")
        assert len(kept.manager) == 2
        assert (
            await kept.finder.resume(Resume(session_id=first.id, secret=first.secret), HELLO)
            is first
        ), "it is there"
        kept.manager.end(first, EndReason.CLOSED)
        await first.session.ended.wait()
        await kept.finder.resume(client.point(reopen=True), HELLO)
        assert len(kept.manager) == 2


@pytest.mark.requirement("S-1")
async def test_the_store_knows_where_each_session_is(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        record = await kept.kept(alive)
        assert (record.state, record.user_id) == (SessionState.ACTIVE, "u")
        await asked(client)
        await kept.manager.leave(alive, client)
        assert (await kept.kept(alive)).state is SessionState.DISCONNECTED
        kept.manager.drive(alive, client, client.point())
        assert (await kept.kept(alive)).state is SessionState.ACTIVE
        kept.manager.rest(alive)
        assert (await kept.kept(alive)).state is SessionState.IDLE
        client.types("hello")
        assert (await kept.kept(alive)).state is SessionState.ACTIVE
        kept.manager.end(alive, EndReason.MAX_DURATION)
        await alive.session.ended.wait()
        record = await kept.kept(alive)
        assert record.state is SessionState.TERMINATED
        assert (record.terminated_reason, record.is_resumable) == (EndReason.MAX_DURATION, True)


async def test_what_happened_is_counted(autojump_clock):
    async with house() as kept:
        _, client = await expired(kept)
        other = Client()
        one, _ = kept.create(other), kept.create(Client())
        kept.manager.drive(one, other, other.point())
        again = await kept.finder.resume(client.point(reopen=True), HELLO)
        kept.manager.drive(again, client, client.point())
        await kept.manager.leave(one, other)
        assert kept.manager.statistics() == {
            "alive": 3,
            "active": 2,
            "idle": 0,
            "disconnected": 1,
            "created": 3,
            "resumed": 1,
            "restored": 1,
            "expired": 1,
        }
        assert [each.id for each in kept.manager] == [each.id for each in kept.manager]
        assert kept.manager.get(one.id) is one
        assert kept.manager.turns(one.id) == ()
        assert (kept.manager.get("x"), kept.manager.turns("x")) == (None, None)


async def test_a_session_that_cannot_be_made_takes_no_room(autojump_clock):
    def broken(*_, **__):
        raise CapacityExceeded("No engine is free.")

    async with house(broken, limit=1) as kept:
        for _ in range(2):
            with pytest.raises(CapacityExceeded, match="engine"):
                kept.create()
        assert len(kept.manager) == 0


@pytest.mark.requirement("S-7")
async def test_who_has_gone_makes_room(autojump_clock):
    async with house(limit=2) as kept:
        talked, client = Client(), Client()
        first, empty = kept.create(talked), kept.create(client)
        await asked(talked)
        await kept.manager.leave(first, talked)
        with pytest.raises(CapacityExceeded):
            kept.create()  # it may come back in a moment
        await kept.manager.leave(empty, client)
        kept.create(Client())
        assert empty.reason is EndReason.EXPIRED, "nothing is lost with it"
        assert first.reason is None
        await trio.sleep(31)
        kept.create(Client())
        assert first.reason is EndReason.EXPIRED
        await first.session.ended.wait()
        with pytest.raises(CapacityExceeded):
            kept.create()


@pytest.mark.requirement("S-2")
async def test_after_a_restart_the_window_counts_from_the_start(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        kept.manager.end(alive, EndReason.SHUTDOWN)
        await alive.session.ended.wait()
        finder = KeptSessions(kept.manager, kept.store, kept.scribe, window_s=300)
        await trio.sleep(299)
        again = await finder.resume(client.point(), HELLO)
        kept.manager.end(again, EndReason.SHUTDOWN)
        await again.session.ended.wait()
        await trio.sleep(2)
        with pytest.raises(ProtocolError) as caught:
            await finder.resume(client.point(), HELLO)
        assert caught.value.code is ErrorCode.SESSION_EXPIRED
        assert await finder.resume(client.point(reopen=True), HELLO)

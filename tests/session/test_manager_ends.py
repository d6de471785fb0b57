"""How sessions end: by a fault, with the server, at their user's wish; and what is left of them."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes import EchoAgent
from tests.session.session_tools import (
    HELLO,
    RATE,
    Client,
    SlowStore,
    asked,
    expired,
    house,
    make,
    refused,
)
from voicechat.errors import ErrorCode
from voicechat.observability.tasks import tasks_of
from voicechat.protocol.messages.connection import Hello, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamInterrupted,
)
from voicechat.protocol.messages.session import EndReason, SessionState
from voicechat.protocol.messages.sessions import SwitchSession
from voicechat.session.store.ports import Delete

QUIET = Hello(1, output_rate=RATE, acknowledges=True, speak=False)


# -- what is left ----------------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
async def test_a_session_without_words_leaves_nothing(autojump_clock):
    async with house() as kept:
        alive = kept.create(Client())
        assert await kept.kept(alive) is not None
        kept.manager.end(alive, EndReason.CLOSED)
        await alive.session.ended.wait()
        assert await kept.kept(alive) is None
        await refused(
            ErrorCode.SESSION_NOT_FOUND,
            kept.finder.switch,
            SwitchSession(session_id=alive.id),
            HELLO,
            "u",
        )


async def test_what_the_server_says_of_itself_are_no_words(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client, QUIET)
        alive.session.conversation.speak = True
        told = []

        async def warn():
            told.append(await alive.session.conversation.notice("It is hot.", bytes(3200)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(warn)
            await client.until_has(ResponseComplete)
        assert told == [True]
        await trio.sleep(5)
        kept.manager.end(alive, EndReason.CLOSED)
        await alive.session.ended.wait()
        assert await kept.kept(alive) is None


async def test_a_session_that_is_brought_back_and_left_keeps_its_words(autojump_clock):
    async with house() as kept:
        alive, client = await expired(kept)
        again = await kept.finder.resume(client.point(reopen=True), HELLO)
        kept.manager.end(again, EndReason.CLOSED)
        await again.session.ended.wait()
        assert len(await kept.said(alive)) == 2


@pytest.mark.requirement("S-10")
@pytest.mark.parametrize("is_alive", [True, False])
async def test_what_is_destroyed_is_gone(is_alive, autojump_clock):
    async with house() as kept:
        alive, client = await expired(kept)
        if is_alive:
            alive = await kept.finder.resume(client.point(reopen=True), HELLO)
            kept.manager.drive(alive, client, client.point())
        await kept.finder.destroy(alive.id, "u")
        assert alive.session.ended.is_set()
        assert await kept.store.get(alive.id) is None
        assert await kept.said(alive) == []
        assert len(kept.manager) == 0
        if is_alive:
            assert alive.reason is EndReason.DESTROYED
        await refused(
            ErrorCode.SESSION_NOT_FOUND, kept.finder.resume, client.point(reopen=True), HELLO
        )


async def test_nobody_brings_back_what_is_being_destroyed(autojump_clock):
    class Reading(SlowStore):
        slow = False

        async def messages(self, session_id, *, limit):
            if self.slow:
                await trio.sleep(1)
            return await super().messages(session_id, limit=limit)

    async with house(store=Reading()) as kept:
        alive, client = await expired(kept)
        kept.store.slow = True
        async with trio.open_nursery() as nursery:
            resume, point = kept.finder.resume, client.point(reopen=True)
            nursery.start_soon(refused, ErrorCode.SESSION_NOT_FOUND, resume, point, HELLO)
            await trio.sleep(0.5)
            await kept.finder.destroy(alive.id, "u")
        assert await kept.kept(alive) is None
        assert len(kept.manager) == 0, "nobody has a session that is not kept"


async def test_one_that_ends_while_it_is_wanted_is_brought_back(autojump_clock):
    async with house() as kept:
        client, found = Client(), []
        alive = kept.create(client)
        await asked(client)

        async def want():
            found.append(await kept.finder.resume(client.point(), HELLO))

        async with trio.open_nursery() as nursery, kept.finder._bringing_back(alive.id):
            nursery.start_soon(want)  # somebody else is being served
            await wait_all_tasks_blocked()
            kept.manager.end(alive, EndReason.CLOSED)
        assert found != [alive]
        assert not found[0].session.ended.is_set()


# -- a fault ---------------------------------------------------------------------------------------


@pytest.mark.requirement("L-4")
async def test_a_fault_ends_a_session_that_can_be_resumed(autojump_clock):
    class Faulty(EchoAgent):
        async def run(self, announce):  # noqa: ARG002  (the port's)
            await trio.sleep(11)
            raise ValueError("planted")

    agents = [Faulty(pause=2), EchoAgent(), EchoAgent()]
    async with house(lambda *a, **how: make(*a, agent=agents.pop(0), **how)) as kept:
        client, other = Client(), Client()
        bad, good = kept.create(client), kept.create(other)
        await asked(client)
        client.types("a longer question in flight")
        await bad.session.ended.wait()
        assert bad.session.failed
        assert tasks_of(bad.id) == []
        client.take_all()
        record = await kept.kept(bad)
        assert record.state is SessionState.TERMINATED
        assert (record.terminated_reason, record.is_resumable) == (EndReason.FAILED, True)
        assert bad.reason is EndReason.FAILED
        await asked(other)
        assert not good.session.ended.is_set()
        point = client.point()
        again = await kept.finder.resume(point, HELLO)
        attached = kept.manager.drive(again, client, point)
        assert [(each.text, each.status.value) for each in attached.history[2:]] == [
            ("a longer question in flight", "complete"),
            ("You said: ", "lost"),
        ]


# -- the server ends -------------------------------------------------------------------------------


@pytest.mark.requirement("L-3")
async def test_turns_in_flight_end_in_time_detached_ones_too(autojump_clock):
    async with house(agent=EchoAgent(pause=1)) as kept:
        here, away, nobody = Client(), Client(), Client()
        sessions = [kept.create(client, QUIET) for client in (here, away, nobody)]
        for client in (here, away):
            client.types("one two")
            await client.until_has(StreamDelta)
        await kept.manager.leave(sessions[1], away)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.manager.drain, 10)
            nursery.start_soon(here.until_has, ResponseComplete)
        assert trio.current_time() - began == pytest.approx(3, abs=0.1)
        (told,) = here.of(ServerShuttingDown)
        assert told.grace_s == 10
        assert len(kept.manager) == 0
        for alive in sessions[:2]:
            assert (await kept.said(alive))[1] == ("assistant", "You said: one two. ", "complete")
            record = await kept.kept(alive)
            assert (record.terminated_reason, record.is_resumable) == (EndReason.SHUTDOWN, True)
        assert await kept.kept(sessions[2]) is None


@pytest.mark.requirement("L-3")
async def test_turns_that_take_too_long_are_cut_and_say_so(autojump_clock):
    """Also that of a client that is away, whose speech finds no more room."""
    async with house(agent=EchoAgent(pause=100)) as kept:
        slow, away = Client(), Client()
        first, second = kept.create(slow), kept.create(away)
        for client in (slow, away):
            client.types("a question that takes long")
            await client.until_has(StreamDelta, 2, plays=True)
        await kept.manager.leave(second, away)
        began = trio.current_time()
        await kept.manager.drain(10)
        assert trio.current_time() - began == pytest.approx(10, abs=2)
        slow.take_all()
        assert [each.reason for each in slow.of(StreamInterrupted)] == [StopReason.SHUTDOWN]
        for alive in (first, second):
            _, text, status = (await kept.said(alive))[1]
            assert text.startswith("You said: ")
            assert status == "interrupted"
            assert tasks_of(alive.id) == []


@pytest.mark.requirement("L-3")
@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_nobody_waits_for_a_client_that_is_away(when, autojump_clock):
    """Nobody plays its answer: the text of it is kept, whole."""
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        client.types("a question with an answer that takes some seconds to say")
        await client.until(client.speech, plays=True)
        if when == "before":
            await kept.manager.leave(alive, client)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.manager.drain, 60)
            await trio.sleep(1)
            if when == "meanwhile":
                assert not alive.session.ended.is_set()
                await kept.manager.leave(alive, client)
        assert trio.current_time() - began < 12
        assert [status for _, _, status in await kept.said(alive)] == ["complete"] * 2


@pytest.mark.requirement("L-3")
async def test_nothing_begins_while_the_server_ends(autojump_clock):
    shutting = ErrorCode.SERVER_SHUTTING_DOWN
    async with house(agent=EchoAgent(pause=1)) as kept:
        gone, before = await expired(kept)
        client = Client()
        alive = kept.create(client, QUIET)
        client.types("one two")
        await client.until_has(MessageReceived)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.manager.drain, 10)
            await trio.sleep(1)

            async def create():
                await trio.lowlevel.checkpoint()
                kept.create()

            await refused(shutting, create)
            point = before.point(reopen=True)
            await refused(shutting, kept.finder.resume, point, HELLO)
            switch = SwitchSession(session_id=gone.id)
            await refused(shutting, kept.finder.switch, switch, HELLO, "u")
            assert await kept.finder.resume(client.point(), QUIET) is alive, "to hear the end"
        assert len(kept.manager) == 0


async def test_many_sessions_end_together(autojump_clock):
    async with house(agent=EchoAgent(pause=100), limit=300) as kept:
        sessions = [kept.create(Client(), QUIET) for _ in range(300)]
        for alive in sessions[:50]:
            alive.session.conversation.user_text("in flight")
        began = trio.current_time()
        await kept.manager.drain(10)
        assert trio.current_time() - began < 12
        assert len(kept.manager) == 0
        assert all(alive.session.ended.is_set() for alive in sessions)


async def test_the_end_of_the_server_is_kept_without_a_drain(autojump_clock):
    store = SlowStore()
    async with house(store=store) as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
    record = await store.get(alive.id)
    assert (record.state, record.terminated_reason) == (
        SessionState.TERMINATED,
        EndReason.SHUTDOWN,
    )
    assert not any(isinstance(change, Delete) for batch in store.applied for change in batch)

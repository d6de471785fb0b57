"""Sessions that are destroyed, for which there is no room, and whose server ends."""

from __future__ import annotations

import io
import json

import pytest
import trio

from tests.gateway.session_client import SessionClient
from tests.gateway.session_server import running, use_instant_engines
from voicechat.gateway import connection
from voicechat.observability.logs import configure
from voicechat.settings import Log


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


# -- destroy -----------------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
async def test_the_own_session_can_be_destroyed(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            gone = await who.begin_with("the sesame is in the garden")
            await who.send("destroy_session", session_id=gone)
            ended = await who.until("session_terminated")
            assert (ended["session_id"], ended["reason"]) == (gone, "destroyed")
            assert not ended["resumable"]
            answer = await who.until("session_list")
            assert (answer["sessions"], answer["current"]) == ([], None)
            await who.send("user_message", text="hello", seq=2)
            assert await who.error() == "session_required"
            await who.send("switch_session", session_id=gone)
            assert await who.error() == "session_not_found"
            await who.created()
            await who.ask("hello")
            await who.until("response_complete")
    assert b"sesame" not in (tmp_path / "sessions.db").read_bytes()


async def test_a_session_is_destroyed_in_the_middle_of_an_answer(tmp_path, agents):
    agents.pause = 0.05
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket, hello={"speak": True})
        async with who.connected():
            await who.create()
            await who.ask("a long story about nothing")
            await who.until("turn_started")
            await who.send("destroy_session", session_id=who.session_id)
            assert (await who.until("session_terminated"))["reason"] == "destroyed"
            await who.begin_with("hello")


@pytest.mark.requirement("S-10")
async def test_one_that_another_connection_drives_is_ended_there(tmp_path):
    async with running(tmp_path) as server:
        first = SessionClient(url=server.websocket)
        async with first.connected():
            gone = await first.begin_with("hello")
            second = SessionClient(url=server.websocket, user_key=first.user_key)
            async with second.connected():
                await second.send("destroy_session", session_id=gone)
                assert (await second.until("session_list"))["sessions"] == []
            ended = await first.until("session_terminated")
            assert (ended["session_id"], ended["reason"]) == (gone, "destroyed")
            await first.begin_with("hello again")


# -- capacity ----------------------------------------------------------------------------------


@pytest.mark.requirement("S-7")
async def test_too_many_sessions_are_refused_at_once(tmp_path):
    async with running(tmp_path, sessions={"max": 1}) as server:
        first = SessionClient(url=server.websocket)
        async with first.connected():
            await first.begin_with("hello")
            second = SessionClient(url=server.websocket)
            async with second.connected():
                start = trio.current_time()
                await second.send("create_session")
                assert await second.error() == "capacity_exceeded"
                assert await second.closed() == 1013
                assert trio.current_time() - start < 2
            for kind in ("resume", "switch_session"):  # of one that is alive: no further one
                async with first.connected():
                    secret = {"secret": first.secret} if kind == "resume" else {}
                    await first.send(kind, **first.point, **secret)
                    await first.restored(buffered=True)
            async with first.connected():
                await first.resume()
                await first.send("create_session")
                assert await first.error() == "capacity_exceeded"
                await first.ask("the old one goes on")
                await first.until("response_complete")


@pytest.mark.requirement("S-7")
async def test_one_that_would_have_to_be_brought_back_is_refused_as_well(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.begin_with("hello")
    async with running(tmp_path, sessions={"max": 1}) as server:
        other = SessionClient(url=server.websocket)
        async with other.connected():
            await other.create()
            async with who.connected(server.websocket):
                await who.send("resume", **who.point, secret=who.secret)
                assert await who.error() == "capacity_exceeded"
                assert await who.closed() == 1013
            await other.send("destroy_session", session_id=other.session_id)
            await other.until("session_terminated")
            async with who.connected():
                assert len((await who.resume())["history"]) == 2


# -- the end of the server ---------------------------------------------------------------------


@pytest.mark.requirement("C-10")
async def test_a_connection_without_a_session_is_told_that_the_server_ends(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected(), trio.open_nursery() as nursery:
            start = trio.current_time()
            nursery.start_soon(server.stop)
            assert await who.closed() == 1001
            assert trio.current_time() - start < 2


@pytest.mark.requirement("L-3")
@pytest.mark.parametrize("plays", [False, True])
async def test_an_answer_ends_for_who_is_away_and_can_be_read_later(tmp_path, agents, plays):
    agents.pause = 0.05
    async with running(tmp_path, server={"grace_s": 4}) as server:
        who = SessionClient(url=server.websocket, plays=plays, hello={"speak": True})
        async with who.connected():
            await who.create()
            await who.ask("one two three four five six seven eight nine ten")
            await who.until("stream_delta")
            who.cut()
        start = trio.current_time()
        await server.stop()
        assert trio.current_time() - start < 4, "nobody can come back, so nobody is waited for"
    async with running(tmp_path) as server, who.connected(server.websocket):
        _, answer = (await who.resume())["history"]
        assert answer["text"].endswith("nine ten. ")
        assert answer["status"] == "complete"


@pytest.mark.requirement("L-3")
async def test_a_client_that_switches_while_the_server_ends_hears_the_other_answer_out(
    tmp_path, agents, monkeypatch
):
    monkeypatch.setattr(connection, "_LAST_WRITE_S", 0.3)
    agents.pause = 0.1
    async with running(tmp_path) as server:
        short, long = SessionClient(url=server.websocket), SessionClient(url=server.websocket)
        async with short.connected():
            long._ws, long.user_key = short.ws, short.user_key
            await long.create()
            await long.ask(" ".join(["word"] * 20))
            await long.until("turn_started")
            await short.create()
            await short.ask("one two three")
            await short.until("turn_started")
            server.shutdown.set()
            await long.switch(short)
            answer = await long.until("response_complete")
            assert answer["text"].count("word") == 20
            assert await long.closed() == 1001


# -- who drives what ---------------------------------------------------------------------------


async def test_what_is_logged_after_a_session_is_not_of_it(tmp_path):
    out = io.StringIO()
    configure(Log(level="info", format="json"), stream=out)
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            gone = await who.begin_with("hello")
            await who.send("sing")
            await who.until("error")
            await who.send("destroy_session", session_id=gone)
            await who.until("session_terminated")
            await who.send("dance")
            await who.until("error")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    refused = [line.get("session_id") for line in lines if line["event"] == "refused"]
    assert refused == [gone, None]

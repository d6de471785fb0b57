"""Sessions that change their connection, and connections that change their session."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import pytest
import trio
import trio.testing

from tests.gateway.raw_client import TEXT, frame
from tests.gateway.session_client import PATIENCE_S, RATE, SessionClient, close_code
from tests.gateway.session_server import raw_session, running, use_instant_engines


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


# -- switch ------------------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
@pytest.mark.parametrize("speak", [False, True])
@pytest.mark.parametrize("plays", [False, True])
async def test_switching_in_the_middle_of_answers_loses_and_doubles_nothing(
    tmp_path, agents, speak, plays
):
    agents.pause = 0.01
    words = "one two three four five six seven eight nine ten"
    async with running(tmp_path) as server:
        one = SessionClient(url=server.websocket, plays=plays, hello={"speak": speak})
        two = SessionClient(url=server.websocket, plays=plays, hello={"speak": speak})
        async with one.connected():
            await one.create()
            await one.ask(words)
            two.user_key, two._ws = one.user_key, one.ws
            one.quiet = True
            await two.send("create_session")
            two_ready = await one.until("session_ready")
            two.begins(two_ready)
            one.quiet = False
            await two.ask(words)
            here, there = two, one
            for count in range(60):
                for _ in range(count % 7):
                    if not here.of("turn_trace"):
                        await here.receive()
                await there.switch(here)
                here, there = there, here
            for _ in range(2):
                while not here.of("turn_trace"):
                    await here.receive()
                await there.switch(here)
                here, there = there, here
        for each in (one, two):
            assert each.doubled == []
            assert each.holes() == []
            (answer,) = each.of("response_complete")
            assert answer["text"].split() == f"You said: {words}.".split()
            assert "".join(delta["text"] for delta in each.of("stream_delta")) == answer["text"]
            assert bool(each.pcm(1)) is speak
        assert one.pcm(1) == two.pcm(1)


async def test_switching_to_the_session_that_is_driven_changes_nothing(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.begin_with("hello")
            await who.switch(who)
            await who.ask("hello again")
            await who.until_it_has("turn_trace", 2)
            assert who.holes() == []
            assert len(who.of("response_complete")) == 2
            assert all(each in who.texts for each in who.doubled), "at most what was on its way"


# -- take-over ---------------------------------------------------------------------------------


@pytest.mark.requirement("S-8")
async def test_a_second_connection_takes_over(tmp_path):
    async with running(tmp_path) as server:
        first = SessionClient(url=server.websocket)
        async with first.connected():
            await first.begin_with("hello")
            second = SessionClient(
                url=server.websocket, user_key=first.user_key, session_id=first.session_id
            )
            async with second.connected():
                restored = await second.resume(secret=first.secret)
                assert [entry["text"] for entry in restored["history"]] == [
                    "hello",
                    "You said: hello. ",
                ]
                assert await first.closed() == 4500
                await second.ask("who is there")
                await second.until("response_complete")
                assert (await second.listed())["sessions"][0]["state"] == "active"


@pytest.mark.requirement("S-8")
async def test_a_take_over_in_the_middle_of_an_answer_loses_and_doubles_nothing(tmp_path, agents):
    agents.pause = 0.02
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket, hello={"speak": True})
        async with AsyncExitStack() as connections:
            await connections.enter_async_context(who.connected())
            await who.create()
            await who.ask("one two three four five six seven eight")
            for _ in range(6):
                await who.until("stream_delta")
                before = who.ws
                await connections.enter_async_context(who.connected())
                await who.resume()
                assert await close_code(before) == 4500
            await who.until("turn_trace")
        assert who.doubled == who.holes() == []
        assert len(who.of("response_complete")) == 1


@pytest.mark.requirement("S-8")
async def test_a_connection_that_does_not_read_is_taken_over_at_once(tmp_path):
    """More is on its way to the first one than sockets hold, so its writer is in the middle."""
    async with (
        running(tmp_path, sessions={"replay_kb": 65_536}) as server,
        raw_session(server, output_rate=RATE) as (deaf, _, told),
    ):
        for seq in range(1, 121):
            said = {"type": "user_message", "text": "x" * 30_000, "seq": seq}
            await deaf.send(frame(json.dumps(said).encode(), opcode=TEXT))
            await trio.testing.wait_all_tasks_blocked()  # it was answered
        second = SessionClient(url=server.websocket, session_id=told["session_id"])
        async with second.connected():
            with trio.fail_after(10):
                second.epoch, second.client_seq = told["epoch"], 120
                await second.resume(secret=told["secret"])
                await second.ask("who is there")
                while (await second.until("message_received"))["client_seq"] != 121:
                    pass
            seq = second.seq
            await second.until("response_complete")
            assert second.holes() == []
        last = 0
        with trio.fail_after(PATIENCE_S):
            while (got := await deaf.frame())[0] == TEXT:
                last = json.loads(got[1]).get("seq", last)
        assert last < seq - 1, "its writer was waiting"
        assert int.from_bytes(got[1][:2], "big") == 4500

"""Clients that come back too late, or never: what becomes of their sessions."""

from __future__ import annotations

import json

import pytest
import trio

from tests.gateway.raw_client import TEXT, frame
from tests.gateway.session_client import PATIENCE_S, SessionClient
from tests.gateway.session_server import Running, raw_session, running, use_instant_engines
from voicechat.gateway.websocket import Closed


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


def client(server: Running) -> SessionClient:
    return SessionClient(url=server.websocket)


# -- when it is too late -----------------------------------------------------------------------


@pytest.mark.requirement("S-2")
async def test_after_the_window_there_is_a_new_session_in_the_same_connection(tmp_path):
    async with running(tmp_path, sessions={"resume_window_s": 0}) as server:
        who = client(server)
        async with who.connected():
            before = await who.begin_with("the sesame is in the garden")
        await gone(server, who)
        async with who.connected():
            await who.send("resume", **who.point, secret=who.secret)
            assert await who.error() == "session_expired"
            await who.created()
            assert who.session_id != before
            await who.ask("hello")
            await who.until("response_complete")
            states = {s["session_id"]: s["state"] for s in (await who.listed())["sessions"]}
            assert states == {before: "expired", who.session_id: "active"}


@pytest.mark.requirement("S-2")
async def test_one_that_has_expired_can_be_reopened(tmp_path):
    async with running(tmp_path, sessions={"resume_window_s": 0}) as server:
        who = client(server)
        async with who.connected():
            before = await who.begin_with("the sesame is in the garden")
            epoch = who.epoch
        await gone(server, who)
        async with who.connected():
            restored = await who.resume(reopen=True)
            assert (restored["session_id"], restored["client_seq"]) == (before, 1)
            assert restored["epoch"] != epoch
            assert [each["text"] for each in restored["history"]] == [
                "the sesame is in the garden",
                "You said: the sesame is in the garden. ",
            ]
            await who.ask("and the pepper")
            assert (await who.until("response_complete"))["turn"] == 2


async def gone(server: Running, who: SessionClient) -> None:
    """Wait until the server has let its session expire."""
    watcher = SessionClient(url=server.websocket, user_key=who.user_key)
    with trio.fail_after(PATIENCE_S):
        async with watcher.connected():
            await seen_as(watcher, "expired")


async def seen_as(watcher: SessionClient, state: str) -> None:
    """Wait until the only session of a user is in this state."""
    seen: list[str] = []
    while seen != [state]:
        seen = [each["state"] for each in (await watcher.listed())["sessions"]]


@pytest.mark.requirement("S-2")
async def test_the_session_of_a_client_that_does_not_acknowledge_ends_with_it(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket, hello={"acknowledges": False, "speak": False})
        async with who.connected():
            await who.begin_with("hello")
            who.ws.drop()
        watcher = SessionClient(url=server.websocket, user_key=who.user_key)
        async with watcher.connected():
            with trio.fail_after(PATIENCE_S):
                await seen_as(watcher, "terminated")


@pytest.mark.requirement("S-8")
async def test_of_two_that_bring_it_back_at_once_one_drives_it(tmp_path):
    async with running(tmp_path) as server:
        one = client(server)
        async with one.connected():
            await one.begin_with("hello")
            two = SessionClient(url=server.websocket, session_id=one.session_id, secret=one.secret)
    async with (
        running(tmp_path) as server,
        one.connected(server.websocket),
        two.connected(server.websocket),
    ):
        for who in (one, two):
            await who.send("resume", **who.point, secret=who.secret)
        for who in (one, two):
            assert len((await who.restored(buffered=False))["history"]) == 2
        assert one.epoch == two.epoch, "it was brought back once"
        codes = []

        async def goes_on(who):
            try:
                await who.ask("who drives it")
                await who.until("response_complete")
            except Closed as closed:
                codes.append(closed.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(goes_on, one)
            nursery.start_soon(goes_on, two)
        assert codes == [4500]


# -- silence -----------------------------------------------------------------------------------


@pytest.mark.requirement("C-2")
async def test_who_says_nothing_for_long_is_sent_away_and_not_its_session(tmp_path):
    async with running(tmp_path, server={"idle_timeout_s": 1}) as server:
        who = client(server)
        async with who.connected():
            await who.begin_with("hello")
            assert await who.closed() == 4501
        async with who.connected():
            assert (await who.resume())["history"] is None


@pytest.mark.requirement("C-2")
@pytest.mark.parametrize(("acknowledges", "state"), [(True, "disconnected"), (False, "terminated")])
async def test_a_client_that_vanishes_is_noticed(tmp_path, acknowledges, state):
    said = json.dumps({"type": "user_message", "text": "hello", "seq": 1}).encode()
    async with (
        running(tmp_path, server={"heartbeat_s": 0.2}) as server,
        raw_session(server, acknowledges=acknowledges) as (mute, welcome, _),
    ):
        start = trio.current_time()
        await mute.send(frame(said, opcode=TEXT))
        watcher = SessionClient(url=server.websocket, user_key=welcome["user_key"])
        async with watcher.connected():
            await seen_as(watcher, state)
        assert trio.current_time() - start < 3
        await mute.rest()  # the server has dropped it

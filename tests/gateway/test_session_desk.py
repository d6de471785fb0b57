"""What a client can ask about sessions on its connection, right and wrong, over real sockets."""

from __future__ import annotations

import json

import pytest
import trio

from tests.gateway.raw_client import TEXT, Client, frame, handshake
from tests.gateway.session_client import NUMBERED, PATIENCE_S, SessionClient
from tests.gateway.session_server import running, use_instant_engines
from voicechat.protocol.frames import AudioFrame, FrameKind

SILENCE = AudioFrame(FrameKind.MICROPHONE, 1, 0, 0, bytes(640)).pack()


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


def ids(answer: dict) -> list[str]:
    return [each["session_id"] for each in answer["sessions"]]


# -- before there is a session ------------------------------------------------------------------


@pytest.mark.requirement("P-2")
async def test_what_belongs_to_a_session_needs_one(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            for kind, fields in (
                ("user_message", {"text": "hello", "seq": 1}),
                ("interrupt", {"seq": 2}),
                ("audio_open", {"stream": 1, "rate": 16_000, "seq": 3}),
                ("audio_close", {"stream": 1, "seq": 4}),
                ("settings", {"speak": True, "seq": 5}),
                ("playback", {"turn": 1, "played": 1}),
                ("ack", {"seq": 0}),
            ):
                await who.send(kind, **fields)
                error = await who.until("error")
                assert error["code"] == "session_required"
                assert error["suggested_action"]
                assert error["client_seq"] == (fields.get("seq") if kind in NUMBERED else None)
                assert "seq" not in error, "it is of the connection"
            await who.ws.send(SILENCE)  # of the session that it has just left
            await who.send("ping", nonce="x")
            assert (await who.receive())["nonce"] == "x"
            await who.begin_with("hello")


async def test_a_second_hello_is_refused(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            for _ in range(2):
                await who.send("hello", protocol=1)
                assert await who.error() == "invalid_message"
                await who.create()


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("switch_session", {"session_id": "0" * 16}, "session_not_found"),
        ("rename_session", {"session_id": "0" * 16, "title": "x"}, "session_not_found"),
        ("destroy_session", {"session_id": "0" * 16}, "session_not_found"),
        ("resume", {"session_id": "0" * 16, "secret": "x"}, "session_not_found"),
        ("resume", {"session_id": "x" * 65, "secret": "x"}, "invalid_message"),
        ("resume", {"session_id": "0" * 16}, "invalid_message"),
        ("resume", {"session_id": "0" * 16, "secret": ""}, "invalid_message"),
        ("switch_session", {"session_id": ""}, "invalid_message"),
        ("switch_session", {"session_id": "0" * 16, "seq": -1}, "invalid_message"),
        ("rename_session", {"session_id": "0" * 16, "title": ""}, "invalid_message"),
        ("rename_session", {"session_id": "0" * 16, "title": "x" * 121}, "invalid_message"),
        ("list_sessions", {"query": "x" * 201}, "invalid_message"),
    ],
)
async def test_what_is_not_there_is_an_error_and_the_session_goes_on(tmp_path, kind, fields, code):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.begin_with("hello")
            await who.send(kind, **fields)
            assert await who.error() == code
            await who.ask("are you there")
            await who.until("response_complete")
            assert (await who.listed())["current"] == who.session_id


@pytest.mark.requirement("S-2")
@pytest.mark.parametrize("kind", ["resume", "switch_session"])
async def test_a_first_resume_of_nothing_gives_a_new_session(tmp_path, kind):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            secret = {"secret": "x"} if kind == "resume" else {}
            await who.send(kind, session_id="0" * 16, **secret)
            assert await who.error() == "session_not_found"
            await who.created()
            await who.ask("hello")
            await who.until("response_complete")


@pytest.mark.requirement("P-2")
@pytest.mark.parametrize("kind", ["create_session", "resume"])
async def test_what_comes_in_one_segment_with_the_hello_is_done(tmp_path, kind):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.begin_with("hello")
            who.cut()
        hello = {"type": "hello", "protocol": 1, "start": False, "acknowledges": True}
        wanted = {"type": kind}
        if kind == "resume":
            wanted |= who.point | {"secret": who.secret}
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            raw = Client(stream)
            parts = [handshake(host=f"127.0.0.1:{server.port}")]
            parts += [frame(json.dumps(each).encode(), opcode=TEXT) for each in (hello, wanted)]
            await raw.send(b"".join(parts))
            with trio.fail_after(PATIENCE_S):
                seen = await raw.until(b"session_restored" if kind == "resume" else b"_ready")
        assert seen.index(b'"welcome"') < seen.index(b'"session_creating"')


# -- whose they are ----------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
async def test_somebody_elses_sessions_are_not_there(tmp_path):
    async with running(tmp_path) as server:
        mine, other = SessionClient(url=server.websocket), SessionClient(url=server.websocket)
        async with mine.connected(), other.connected():
            mine_id = await mine.begin_with("the sesame is in the garden")
            assert (await other.listed())["sessions"] == []
            assert (await other.listed("sesame"))["sessions"] == []
            await other.begin_with("hello")
            for kind, fields in (
                ("switch_session", {}),
                ("rename_session", {"title": "mine"}),
                ("destroy_session", {}),
                ("resume", {"secret": other.secret}),
                ("resume", {"secret": mine.secret[:-1]}),
            ):
                await other.send(kind, session_id=mine_id, **fields)
                assert await other.error() == "session_not_found"
            assert ids(await other.listed()) == [other.session_id]
            assert ids(await mine.listed("sesame")) == [mine_id]
            await mine.ask("still here")
            await mine.until("response_complete")


async def test_without_its_key_a_user_is_another_one(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected() as welcome:
            first = welcome["user_key"]
            await who.begin_with("hello")
        async with who.connected() as welcome:
            assert welcome["user_key"] == first
            assert len((await who.listed())["sessions"]) == 1
        who.user_key = ""
        async with who.connected() as welcome:
            assert welcome["user_key"] != first
            assert (await who.listed())["sessions"] == []


@pytest.mark.requirement("S-2")
@pytest.mark.parametrize("key", ["x", "x" * 31])
async def test_a_key_that_could_be_guessed_is_replaced(tmp_path, key):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket, user_key=key)
        async with who.connected() as welcome:
            made = welcome["user_key"]
            assert len(made) >= 32
            assert made != key
            await who.begin_with("hello")
            assert len((await who.listed())["sessions"]) == 1
        who.user_key = key
        async with who.connected() as welcome:
            assert welcome["user_key"] not in {key, made}
            assert (await who.listed())["sessions"] == []


# -- lists -------------------------------------------------------------------------------------


@pytest.mark.requirement("S-10")
async def test_lists_searches_and_titles(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            garden = await who.begin_with("the sesame is in the garden")
            kitchen = await who.begin_with("the pepper is in the kitchen")
            answer = await who.listed()
            assert (answer["query"], answer["current"]) == ("", kitchen)
            assert ids(answer) == [kitchen, garden], "the newest first"
            assert [each["state"] for each in answer["sessions"]] == ["active", "disconnected"]
            assert [each["message_count"] for each in answer["sessions"]] == [2, 2]
            assert answer["sessions"][1]["title"] == "the sesame is in the garden"

            found = await who.listed("sesame")
            assert ids(found) == [garden]
            assert "[sesame]" in found["sessions"][0]["snippet"]
            assert ids(await who.listed("nothing of that")) == []

            await who.send("rename_session", session_id=garden, title="Spices")
            renamed = await who.until("session_list")
            assert [each["title"] for each in renamed["sessions"]][1] == "Spices"
            assert ids(await who.listed("spices")) == [garden]
            await who.send("switch_session", session_id=garden)
            assert (await who.restored(buffered=False))["title"] == "Spices"


async def test_a_session_in_which_nothing_was_said_is_in_no_list(tmp_path):
    async with running(tmp_path) as server:
        who = SessionClient(url=server.websocket)
        async with who.connected():
            await who.create()
            assert (await who.listed())["sessions"] == []

"""The whole server in this process: what clients can do to it, right and wrong."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from voicechat.gateway.websocket import Closed, connect
from voicechat.observability.tasks import owner, tasks_of
from voicechat.protocol.frames import MAX_FRAME_BYTES, AudioFrame, FrameKind
from voicechat.server import serve
from voicechat.session.manager import SessionManager
from voicechat.settings import Server, Settings
from voicechat.wiring import parts as wiring

HELLO = '{"type":"hello","protocol":1,"speak":false}'


@asynccontextmanager
async def running(**server):
    links, link = trio.open_memory_channel[list[str]](1)
    settings = Settings(server=Server(port=0, **server))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve, settings, on_ready=links.send_nowait))
        yield (await link.receive())[0]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def client(link, *, hello=HELLO):
    async with connect(link.replace("http", "ws", 1) + "/ws") as ws:
        if hello is not None:
            await ws.send(hello)
            assert (await read(ws))["type"] == "welcome"
        yield ws


async def read(ws):
    with trio.fail_after(30):
        return json.loads(await ws.receive())


async def read_until(ws, kind):
    while (message := await read(ws))["type"] != kind:
        pass
    return message


async def still_works(ws):
    await ws.send('{"type":"ping","nonce":"x"}')
    assert (await read_until(ws, "pong"))["nonce"] == "x"


@pytest.mark.requirement("P-1")
async def test_bad_input_is_answered_and_the_connection_lives():
    microphone = AudioFrame(FrameKind.MICROPHONE, 9, 0, 0, bytes(640)).pack()
    async with running() as link, client(link) as ws:
        for data, code in (
            ("not json", "invalid_json"),
            ("[1]", "invalid_json"),
            ('{"type":"sing"}', "unknown_type"),
            ('{"type":"settings","speak":"no","seq":7}', "invalid_message"),
            (HELLO, "invalid_message"),
            (b"", "invalid_audio"),
            (microphone, "invalid_audio"),
            (AudioFrame(FrameKind.MICROPHONE, 9, 0, 2**64 - 1, b"").pack(), "invalid_audio"),
            (AudioFrame(FrameKind.SPEECH, 9, 0, 0, b"").pack(), "invalid_audio"),
            (b"\x01" + bytes(MAX_FRAME_BYTES), "message_too_large"),
            ('{"type":"audio_open","stream":1,"rate":1}', "invalid_message"),
        ):
            await ws.send(data)
            error = await read_until(ws, "error")
            assert error["code"] == code, data
            assert error["message"]
            assert error["correlation_id"]
        await still_works(ws)


async def test_an_error_names_the_message_that_caused_it():
    async with running() as link, client(link) as ws:
        await ws.send('{"type":"interrupt","turn":0,"seq":41}')
        assert (await read_until(ws, "error"))["client_seq"] == 41
        await ws.send('{"type":"user_message","text":"hello","seq":42}')
        assert (await read_until(ws, "message_received"))["client_seq"] == 42


async def test_hello_comes_first_and_once():
    async with running() as link, client(link, hello=None) as ws:
        await ws.send('{"type":"ping"}')
        assert (await read(ws))["code"] == "hello_required"
        await ws.send(b"\x01")
        assert (await read(ws))["code"] == "hello_required"
        await ws.send('{"type":"hello","protocol":2}')
        assert (await read(ws))["code"] == "unsupported_protocol"
        await ws.send(HELLO)
        welcome = await read(ws)
        assert (welcome["type"], welcome["input_rate"]) == ("welcome", 16_000)
        assert "seq" not in welcome, "it is of the connection, not of the session"
        assert welcome["recognizer"]["kind"] == "commands"
        assert [(await read(ws))["type"] for _ in range(2)] == ["session_creating", "session_ready"]
        assert (await read(ws))["seq"] == 1
        assert len(welcome["recognizer"]["examples"]) >= 5


@pytest.mark.requirement("V-10")
async def test_text_in_text_out():
    async with running() as link, client(link) as ws:
        await ws.send('{"type":"user_message","text":"what is two plus two"}')
        assert "4" in (await read_until(ws, "response_complete"))["text"]


async def test_as_many_sessions_as_allowed():
    async with running(max_connections=1) as link, client(link) as ws:
        async with client(link, hello=None) as second:
            await second.send(HELLO)
            assert (await read(second))["code"] == "capacity_exceeded"
            with pytest.raises(Closed) as closed:
                await read(second)
            assert closed.value.code == 1013
        await still_works(ws)


async def test_messages_have_a_greatest_size():
    async with running(max_message_bytes=131_072) as link:
        async with client(link) as ws:
            await ws.send('{"type":"user_message","text":"' + "x" * 131_072 + '"}')
            with pytest.raises(Closed) as closed:
                await read_until(ws, "pong")
            assert closed.value.code == 1009
        async with client(link) as ws:
            await still_works(ws)


@pytest.mark.requirement("L-1")
async def test_nothing_of_a_session_outlives_its_connection():
    async with running() as link:
        async with client(link) as ws:
            await ws.send('{"type":"audio_open","stream":1,"rate":48000}')
            await still_works(ws)
            (session_id,) = set(owners())
            assert tasks_of(session_id)
        with trio.fail_after(5):
            while tasks_of(session_id):
                await trio.lowlevel.checkpoint()


def owners():
    """Who the tasks of this run belong to."""
    stack = [trio.lowlevel.current_root_task()]
    while stack:
        task = stack.pop()
        stack.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
        if (who := task.context.get(owner)) is not None:
            yield who


@pytest.mark.requirement("L-4")
async def test_a_fault_in_a_connection_ends_that_connection_only(monkeypatch):
    real = wiring.ConnectionHandler.__call__
    broken = []

    async def faulty(self, ws):
        if not broken:
            broken.append(ws)
            raise ValueError("planted")
        await real(self, ws)

    monkeypatch.setattr(wiring.ConnectionHandler, "__call__", faulty)
    async with running() as link:
        async with client(link, hello=None) as ws:
            with pytest.raises(Closed) as closed:
                await read(ws)
            assert closed.value.code == 1011
        async with client(link) as ws:
            await still_works(ws)


@pytest.mark.requirement("L-4")
async def test_a_fault_in_a_service_ends_the_server(monkeypatch):
    async def faulty(self, *, task_status=trio.TASK_STATUS_IGNORED):
        task_status.started()
        await trio.sleep(0.1)
        raise ValueError("planted")

    monkeypatch.setattr(SessionManager, "run", faulty)
    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        async with running():
            await trio.sleep(30)


@pytest.mark.requirement("P-4")
async def test_http_on_the_same_port():
    async with running() as link, httpx.AsyncClient(base_url=link) as http, client(link) as ws:
        health = (await http.get("/health")).json()
        assert (health["status"], health["sessions"]) == ("ok", 1)
        for path in ("/api/v1/health/live", "/api/v1/health/ready"):
            assert (await http.get(path)).status_code == 200
        missing = await http.get("/api/v1/nonsense")
        assert missing.status_code == 404
        assert missing.json()["error"] == "not_found"
        await still_works(ws)


@pytest.mark.requirement("L-1")
async def test_the_task_tree_shows_who_owns_what():
    async with running() as link, httpx.AsyncClient(base_url=link) as http, client(link):
        tree = (await http.get("/api/v1/debug/tasks")).text
        for part in ("_signals", "Conversation.run", "SessionManager.run", "session ", "owner="):
            assert part in tree
        assert "/" not in tree.replace("voicechat/", ""), "no path of this machine"


@pytest.mark.requirement("C-5")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1"}, 200),
    ],
)
async def test_foreign_hosts_are_refused(headers, status):
    async with running() as link, httpx.AsyncClient(base_url=link) as http:
        assert (await http.get("/health", headers=headers)).status_code == status

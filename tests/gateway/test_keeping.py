"""What is on disk when a client is told that it is, what a crash leaves, and what is nowhere."""

from __future__ import annotations

import io
import json
from base64 import b64encode, urlsafe_b64encode

import httpx
import pytest
import trio

from tests.gateway.session_client import PATIENCE_S, SessionClient
from tests.gateway.session_server import Running, image, kept, running, use_instant_engines
from voicechat.gateway.websocket import WebSocket
from voicechat.observability.logs import configure
from voicechat.session.store.sqlite import SqliteStore
from voicechat.settings import Log, Recording


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


def client(server: Running, **rest) -> SessionClient:
    return SessionClient(url=server.websocket, **rest)


# -- before its acknowledgement ----------------------------------------------------------------


@pytest.mark.requirement("S-4")
async def test_what_a_client_was_told_to_be_taken_survives_a_crash(tmp_path, monkeypatch):
    """The disk is looked at in the moment in which the server sends, before anything leaves."""
    checked: list[str] = []
    send = WebSocket.send

    async def look_and_send(self, data):
        message = json.loads(data) if isinstance(data, str) else {"type": ""}
        if (kind := message["type"]) in {"message_received", "input_ack", "response_complete"}:
            found = kept(image(tmp_path / "data", tmp_path / f"look {len(checked)}"))
            if kind == "message_received":
                assert ("user", f"question {message['client_seq']}", "complete") in found
            elif kind == "response_complete":
                assert ("assistant", message["text"], "complete") in found
            else:
                assert len([said for said in found if said[0] == "user"]) >= message["client_seq"]
            checked.append(kind)
        await send(self, data)

    apply = SqliteStore.apply

    async def slowly(self, changes):
        await trio.sleep(0.3)  # a slow disk: longer than from one input_ack to the next
        await apply(self, changes)

    monkeypatch.setattr(WebSocket, "send", look_and_send)
    monkeypatch.setattr(SqliteStore, "apply", slowly)
    async with running(tmp_path / "data") as server:
        who = client(server)
        async with who.connected():
            await who.create()
            for number in range(1, 7):
                await who.ask(f"question {number}")
                await who.until("response_complete")
            await who.taken()
    assert checked.count("message_received") == checked.count("response_complete") == 6
    assert checked.count("input_ack") >= 2


@pytest.mark.slow
@pytest.mark.requirement("S-4")
async def test_a_message_that_was_received_is_there_after_the_end_of_everything(tmp_path, agents):
    agents.pause = 10  # no answer comes
    for number in range(20):
        data = tmp_path / f"data {number}"
        async with running(data) as server:
            who = client(server)
            async with who.connected():
                await who.create()
                await who.ask(f"question {number}")
                await who.until("message_received")
                crashed = image(data, tmp_path / f"crash {number}")
                await server.kill()
                who.cut()
        for folder in (data, crashed):
            assert ("user", f"question {number}", "complete") in kept(folder)


# -- after a restart ---------------------------------------------------------------------------


@pytest.mark.requirement("S-3")
@pytest.mark.requirement("S-4")
@pytest.mark.parametrize("crash", [False, True])
async def test_after_a_restart_each_message_is_answered_once(tmp_path, agents, crash):
    data = tmp_path / "data"
    async with running(data) as server:
        who = client(server)
        async with who.connected():
            await who.begin_with("one")
            await who.taken()
            epoch = who.epoch
            await who.ask("two")  # is stored, and the client will not know
            with trio.fail_after(PATIENCE_S):
                while ("assistant", "You said: two. ", "complete") not in kept(data):
                    await trio.lowlevel.checkpoint()
            who.cut()
            who.client_seq = 3  # is not even sent
            who.outstanding[3] = {"kind": "user_message", "seq": 3, "text": "three"}
            if crash:
                data = image(data, tmp_path / "crash")
        await server.kill()
    asked = len(agents.asked)
    async with running(data) as server, who.connected(server.websocket):
        assert min(who.outstanding) == 2
        restored = await who.resume(again=True)
        assert restored["epoch"] != epoch
        assert restored["client_seq"] == 2
        said = [(each["text"], each["status"], each["client_seq"]) for each in restored["history"]]
        assert said == [
            ("one", "complete", 1),
            ("You said: one. ", "complete", None),
            ("two", "complete", 2),
            ("You said: two. ", "complete", None),
        ]
        assert (await who.until("response_complete"))["text"] == "You said: three. "
        await who.taken()
        assert (await who.ask("four")) == 4
        assert (await who.until("response_complete"))["turn"] == 4
        assert who.doubled == who.holes() == []
    assert agents.asked[asked:] == ["three", "four"]


@pytest.mark.requirement("S-4")
@pytest.mark.parametrize("crash", [False, True])
async def test_an_answer_that_the_end_cut_off_is_marked(tmp_path, agents, crash):
    agents.pause = 0.05
    data = tmp_path / "data"
    async with running(data) as server:
        who = client(server)
        async with who.connected():
            await who.create()
            await who.ask("one two three four five six seven eight nine ten")
            await who.until("stream_delta", 3)
            if crash:
                data = image(data, tmp_path / "crash")
            who.cut()
        await server.kill()
    agents.pause = 0
    async with running(data) as server, who.connected(server.websocket):
        question, answer = (await who.resume())["history"]
        assert (question["speaker"], question["status"]) == ("user", "complete")
        assert answer["speaker"] == "assistant"
        assert answer["status"] == "lost"
        await who.ask("again")
        await who.until("response_complete")


@pytest.mark.requirement("S-4")
async def test_a_long_history_can_be_taken_up_again(tmp_path):
    """No message of it is longer than a client takes, however long the conversation was."""
    async with running(tmp_path) as server:
        who = client(server)
        async with who.connected():
            await who.create()
            for number in range(40):
                await who.ask("é" * 8_000 + f" {number}")
                await who.until("response_complete")
    async with running(tmp_path) as server, who.connected(server.websocket):
        history = (await who.resume())["history"]
        assert history[-2]["text"].endswith(" 39"), "the newest is there"
        assert [each["turn"] for each in history] == sorted(each["turn"] for each in history)
        await who.ask("go on")
        assert (await who.until("response_complete"))["turn"] == 41


# -- what is nowhere ---------------------------------------------------------------------------


@pytest.mark.requirement("S-2")
async def test_secrets_are_nowhere_but_with_their_client(tmp_path):
    out, answers = io.StringIO(), []
    configure(Log(level="debug", format="json", transcripts=True), stream=out)
    recordings = Recording(dir=tmp_path / "recordings")
    async with running(tmp_path / "data", recording=recordings) as server:
        who = client(server, hello={"speak": True, "client": "test"})
        async with who.connected():
            await who.begin_with("the sesame is in the garden")
            who.cut()
        async with who.connected():
            await who.resume()
            await who.send("resume", **who.point, secret=who.secret[:-1])
            assert await who.error() == "session_not_found"
            await who.send("resume", **who.point, secret=who.secret, no="such field")
            await who.receive()
            await who.send("rename_session", session_id=who.session_id, title="Spices")
            await who.until("session_list")
            async with httpx.AsyncClient(base_url=server.link) as http:
                for path in ("/health", "/api/v1/debug/tasks"):
                    answers.append((await http.get(path)).text)
                one = f"/api/v1/sessions/{who.session_id}"
                for path in ("/api/v1/sessions", one, f"{one}/messages", f"{one}/export"):
                    for key in (who.user_key, who.secret):
                        bearer = {"Authorization": f"Bearer {key}"}
                        answers.append((await http.get(path, headers=bearer)).text)
            await who.begin_with("and the pepper")
        await server.stop()
    key = (tmp_path / "data" / "sessions.key").read_bytes()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "sessions.key"]
    places = {path.name: path.read_bytes() for path in files}
    places |= {"log": out.getvalue().encode(), "answers": "\n".join(answers).encode()}
    assert places["log"].count(who.session_id.encode()) > 2, "it is a log of everything"
    assert b"sesame" in places["answers"]
    assert b"sesame" in places["sessions.db"]
    assert len(list((tmp_path / "recordings").iterdir())) == 2
    hidden = {
        "user key": who.user_key.encode(),
        "secret": who.secret.encode(),
        "key": key,
        "key in hex": key.hex().encode(),
        "key in base64": b64encode(key).rstrip(b"="),
        "key for addresses": urlsafe_b64encode(key).rstrip(b"="),
    }
    for place, data in places.items():
        for what, value in hidden.items():
            assert value not in data, f"the {what} is in {place}"

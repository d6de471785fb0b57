"""Connections that are cut at any point: nothing of a session is lost, and nothing comes twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.gateway.session_client import SessionClient
from tests.gateway.session_server import running, use_instant_engines
from voicechat.settings import Conversation

if TYPE_CHECKING:
    from tests.gateway.session_server import Running

WORDS = "one two three. four five six. seven eight nine. ten eleven twelve."
AHEAD = {"conversation": Conversation(audio_ahead_ms=__import__("random").choice([500, 10_000]))}  # so that tests need not listen


@pytest.fixture(autouse=True)
def agents(monkeypatch):
    return use_instant_engines(monkeypatch)


def client(server: Running, *, plays: bool = False, speak: bool = True, **rest) -> SessionClient:
    return SessionClient(url=server.websocket, plays=plays, hello={"speak": speak}, **rest)


async def uncut(server: Running, *, plays: bool) -> SessionClient:
    """How it is when nothing happens."""
    who = client(server, plays=plays)
    async with who.connected():
        await who.create()
        await who.ask(WORDS)
        await who.until_it_has("turn_trace", 1)
    assert who.doubled == who.holes() == []
    return who


def said(who: SessionClient) -> list[tuple[str, str]]:
    """What the session said in words, in order."""
    kinds = {"message_received", "turn_started", "stream_delta", "response_complete", "turn_trace"}
    return [(m["type"], m.get("text", "")) for m in who.texts if m["type"] in kinds]


# -- what the server says ----------------------------------------------------------------------


@pytest.mark.requirement("S-2")
@pytest.mark.requirement("S-3")
@pytest.mark.parametrize("acks", [True, False])
@pytest.mark.parametrize("plays", [False, True])
async def test_cut_at_random_points_everything_comes_once_in_order(tmp_path, agents, plays, acks):
    agents.pause = 0.003
    chance = random.Random()
    cuts = 0
    async with running(tmp_path, **AHEAD) as server:
        whole = await uncut(server, plays=plays)
        while cuts < 250:
            who = client(server, plays=plays, acks=acks)
            async with who.connected():
                await who.create()
                await who.ask(WORDS)
                await read_some(who, chance)
            while not who.of("turn_trace"):
                cuts += 1
                async with who.connected():
                    restored = await who.resume(
                        buffered=chance.random() < 0.5, again=chance.random() < 0.5
                    )
                    assert restored["history"] is None
                    assert not restored["speech_lost"]
                    await read_some(who, chance)
            assert who.doubled == who.holes() == []
            assert said(who) == said(whole)
            assert who.pcm(1) == whole.pcm(1) != b""
        assert len(agents.asked) == len(agents.made), "each question was answered once"


async def read_some(who: SessionClient, chance: random.Random) -> None:
    """Read up to some point, then the network is gone, perhaps in the middle of a message."""
    for _ in range(chance.randint(0, 12)):
        if who.of("turn_trace"):
            return
        await who.receive()
    if chance.random() < 0.3:
        await trio.sleep(chance.random() * 0.05)  # the server goes on sending
    who.cut()


@pytest.mark.requirement("S-2")
@pytest.mark.parametrize("plays", [False, True])
async def test_an_answer_goes_on_while_nobody_is_there(tmp_path, agents, plays):
    async with running(tmp_path, **AHEAD) as server:
        whole = await uncut(server, plays=plays)
        who = client(server, plays=plays)
        async with who.connected():
            await who.create()
            await who.ask(WORDS)
            await who.until("message_received")
            who.cut()
        while not agents.made[-1].asked:
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        async with who.connected():
            await who.resume()
            await who.until_it_has("turn_trace", 1)
        assert who.doubled == who.holes() == []
        assert said(who) == said(whole)
        assert who.pcm(1) == whole.pcm(1)


@pytest.mark.requirement("S-2")
async def test_a_page_that_is_loaded_again_gets_the_history_and_the_unplayed_speech(
    tmp_path, agents
):
    agents.pause = 0.01
    async with running(tmp_path, **AHEAD) as server:
        who = client(server, plays=True)
        async with who.connected():
            await who.create()
            await who.ask("hello")
            await who.until_it_has("turn_trace", 1)
            who.quiet = True  # it plays nothing more
            await who.ask(WORDS)
            while len([frame for frame in who.frames if frame.stream == 2]) < 3:
                await who.receive()
        key, secret, session_id = who.user_key, who.secret, who.session_id
        page = client(server, plays=True, user_key=key, session_id=session_id, secret=secret)
        async with page.connected():
            restored = await page.resume(buffered=False)
            texts = [(each["turn"], each["speaker"], each["text"]) for each in restored["history"]]
            assert texts[:3] == [
                (1, "user", "hello"),
                (1, "assistant", "You said: hello. "),
                (2, "user", WORDS),
            ]
            assert restored["history"][3]["status"] == "open"
            so_far = texts[3][2]
            while not page.of("turn_trace"):
                await page.receive()
            (whole,) = page.of("response_complete")
            rest = "".join(delta["text"] for delta in page.of("stream_delta"))
            assert so_far + rest == whole["text"]
            assert page.pcm(2), "from its first sample on"


# -- what the client says ----------------------------------------------------------------------


@pytest.mark.requirement("S-3")
async def test_what_is_said_right_before_a_cut_is_answered_once(tmp_path, agents):
    """Half of it never leaves, the other half is said twice; after a while all is answered."""
    chance = random.Random(5)
    async with running(tmp_path) as server:
        who = client(server, speak=False)
        async with who.connected():
            await who.create()
        for round_ in range(30):
            async with who.connected():
                await who.resume(again=round_ % 2 == 0)
                who.client_seq += 1
                said = {"kind": "user_message", "seq": who.client_seq, "text": f"this is {round_}"}
                who.outstanding[who.client_seq] = said
                if chance.random() < 0.5:
                    await who.send(**said)
                    if chance.random() < 0.5:
                        await who.send(**said)
                who.cut()
        async with who.connected():
            await who.resume()
            await who.taken()
            await who.until_it_has("message_received", 30)
            await who.ask("the end")
            await who.until_it_has("message_received", 31)
        assert who.doubled == who.holes() == []
        assert [each["client_seq"] for each in who.of("message_received")] == list(range(1, 32))
        assert len({each["turn"] for each in who.of("message_received")}) == 31


@pytest.mark.requirement("S-3")
@pytest.mark.parametrize("start", [1, 3])
async def test_a_gap_ends_the_connection_and_not_the_session(tmp_path, start):
    async with running(tmp_path) as server:
        who = client(server, speak=False)
        async with who.connected():
            await who.create()
            for _ in range(1, start):
                await who.ask("hello")
            await who.taken()
            await who.send("user_message", text="lost its neighbour", seq=start + 1)
            error = await who.until("error")
            assert (error["code"], error["client_seq"]) == ("out_of_order", start + 1)
            assert await who.closed() == 4002
        async with who.connected():
            restored = await who.resume()
            assert restored["client_seq"] == start - 1
            await who.ask("hello again")
            await who.taken()
            assert len(who.of("message_received")) == start


async def test_a_numbered_message_without_number_is_refused(tmp_path):
    async with running(tmp_path) as server:
        who = client(server, speak=False)
        async with who.connected():
            await who.create()
            await who.send("user_message", text="hello")
            assert await who.error() == "invalid_message"
            await who.send("ack", seq=1000)
            assert await who.error() == "out_of_order"
            await who.ask("hello")
            await who.until("response_complete")

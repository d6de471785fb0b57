"""A server with a thousand live sessions and fifty answers in flight is asked to end."""

from __future__ import annotations

import resource
import signal
import sqlite3
from contextlib import closing

import attrs
import httpx
import psutil
import pytest
import trio

from tests.gateway.session_client import RATE, SessionClient
from voicechat.gateway.websocket import Closed
from voicechat.protocol.frames import AudioFrame

SESSIONS, ATTACHED, TALKING = 1_000, 300, 50
LIMITS = ("sessions.max=1000", "server.max_connections=1000", "server.grace_s=30")
QUESTION = "what can you do"
DESCRIPTORS = 4_096


@pytest.fixture(autouse=True)
def many_descriptors():
    """For the sockets of both sides; the server inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"this user may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@attrs.define
class Crowd:
    """Clients that stay until the server closes."""

    url: str
    clients: list[SessionClient] = attrs.field(factory=list)
    codes: list[int] = attrs.field(factory=list)
    told: int = 0
    answering: int = 0
    answered: int = 0
    changed: trio.Event = attrs.field(factory=trio.Event)

    async def stay(
        self, *, asks: bool, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """One client, until the server closes."""
        who = SessionClient(url=self.url, hello={"speak": True})
        self.clients.append(who)
        async with who.connected():
            await who.create()
            if asks:
                await who.ask(QUESTION)
            task_status.started()
            while True:
                try:
                    item = await who.receive()
                except Closed as closed:
                    self.codes.append(closed.code)
                    return
                if isinstance(item, AudioFrame):
                    self.answering += item.offset == 0
                else:
                    self.answered += item["type"] == "response_complete"
                    self.told += item["type"] == "server_shutting_down"
                self.changed.set()
                self.changed = trio.Event()

    async def until_all_answer(self) -> None:
        while self.answering < TALKING:
            await self.changed.wait()


async def make_detached(url: str, number: int) -> None:
    """Sessions that wait for a client: one connection makes them all, one after the other."""
    who = SessionClient(url=url)
    async with who.connected():
        for _ in range(number):
            await who.create()


@pytest.mark.slow
@pytest.mark.requirement("L-3")
@pytest.mark.requirement("C-10")
@pytest.mark.requirement("S-7")
async def test_a_thousand_sessions_end_in_time_and_answers_are_whole(
    start_server, tmp_path, record_property
):
    flags = [f"--set={each}" for each in (*LIMITS, f"server.data_dir={tmp_path / 'kept'}")]
    async with start_server(*flags) as server, trio.open_nursery() as nursery:
        crowd = Crowd(server.websocket)
        for _ in range(ATTACHED - TALKING):
            await nursery.start(lambda **status: crowd.stay(asks=False, **status))
        await make_detached(server.websocket, SESSIONS - ATTACHED)
        for _ in range(TALKING):
            await nursery.start(lambda **status: crowd.stay(asks=True, **status))
        await crowd.until_all_answer()

        async with httpx.AsyncClient(base_url=server.link, timeout=30) as http:
            health = (await http.get("/health")).json()
        assert health["sessions"] == SESSIONS
        assert health["session_states"]["disconnected"] == SESSIONS - ATTACHED
        one_more = SessionClient(url=server.websocket)
        async with one_more.connected():
            await one_more.create()  # one in which nothing was said makes room

        process = psutil.Process(server.process.pid)
        record_property("rss_mb", process.memory_info().rss >> 20)
        assert crowd.answered == 0, "all are in flight"
        begin = trio.current_time()
        assert await server.end(signal.SIGTERM) == 0
        took = trio.current_time() - begin
        record_property("shutdown_s", round(took, 2))
        print(f"{took:.2f} s, {dict(health['session_states'])}")

    assert took < 30
    assert crowd.answered == TALKING
    assert crowd.told == ATTACHED
    assert crowd.codes == [1001] * ATTACHED
    heard = [who for who in crowd.clients if who.of("response_complete")]
    assert len({who.of("response_complete")[0]["text"] for who in heard}) == 1
    lengths = [len(who.pcm(1)) for who in heard]
    # A synthesiser's voice is never twice quite the same; `pcm` has seen that no frame is missing.
    assert min(lengths) > 0.99 * max(lengths) > 5 * 2 * RATE
    assert all(who.doubled == who.holes() == [] for who in crowd.clients)
    events = server.log_lines()
    assert not [event for event in events if event["level"] in {"error", "critical"}]
    assert len([event for event in events if event["event"] == "session ended"]) == SESSIONS + 1
    with closing(sqlite3.connect(tmp_path / "kept" / "sessions.db")) as db:
        (kept,) = db.execute(
            "SELECT count(*) FROM message WHERE speaker = 'assistant' AND status = 'complete'"
        ).fetchone()
        sessions = db.execute("SELECT status, count(*) FROM session GROUP BY status").fetchall()
    assert kept == TALKING
    assert sessions == [("terminated", TALKING)], "those in which nothing was said are forgotten"

"""A whole server in this process with instant engines, that keeps what it has to keep."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import trio

from tests.fakes import EchoAgent, LoudnessVoiceActivity, ScriptedRecognizer, ToneSynthesizer
from tests.gateway.raw_client import TEXT, Client, frame
from voicechat import engines
from voicechat import server as server_module
from voicechat.server import serve
from voicechat.settings import Server, Sessions, Settings
from voicechat.speech.ports import SpeechChunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest


class CountingSynthesizer(ToneSynthesizer):
    """Each sample tells of which text it is and where in it; 10 ms of them for a character."""

    async def _chunks(self, text: str) -> AsyncIterator[SpeechChunk]:
        first = zlib.crc32(text.encode())
        size = self.sample_rate // 100
        for at in range(len(text)):
            await trio.lowlevel.checkpoint()
            samples = (np.arange(at * size, (at + 1) * size) + first) % 30_000
            yield SpeechChunk(samples.astype("<i2").tobytes())


@attrs.define
class Agents:
    """Makes agents that repeat what they are told; `pause` seconds before each word."""

    pause: float = 0.0
    made: list[EchoAgent] = attrs.field(factory=list)

    def create(self, _session_id: str, **_: object) -> EchoAgent:
        self.made.append(EchoAgent(pause=self.pause))
        return self.made[-1]

    @property
    def asked(self) -> list[str]:
        return [text for agent in self.made for text in agent.asked]


def use_instant_engines(monkeypatch: pytest.MonkeyPatch) -> Agents:
    """No server that is started from now on has engines that take time."""
    agents = Agents()
    real = engines.make
    made: dict[str, Callable[[], object]] = {
        "agent.kind": lambda: agents,
        "speech.vad": LoudnessVoiceActivity,
        "speech.stt": lambda: _Deaf([]),
        "speech.tts": CountingSynthesizer,
    }

    def make(key: str, *rest: Any) -> Any:
        return made[key]() if key in made else real(key, *rest)

    monkeypatch.setattr(engines, "make", make)
    return agents


class _Deaf(ScriptedRecognizer):
    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()


@attrs.define
class Running:
    """A server; `kill` ends it without a word, `stop` as a signal does."""

    link: str
    scope: trio.CancelScope
    shutdown: trio.Event
    ended: trio.Event

    @property
    def websocket(self) -> str:
        return self.link.replace("http", "ws", 1) + "/ws"

    @property
    def port(self) -> int:
        return int(self.link.rpartition(":")[2])

    async def kill(self) -> None:
        self.scope.cancel()
        await self.ended.wait()

    async def stop(self) -> None:
        self.shutdown.set()
        await self.ended.wait()


@asynccontextmanager
async def running(
    data: Path,
    *,
    server: dict[str, Any] | None = None,
    sessions: dict[str, Any] | None = None,
    **sections: Any,
) -> AsyncIterator[Running]:
    """Run a server that keeps what it has to keep in the folder `data`."""
    settings = Settings(
        server=Server(port=0, data_dir=data, **(server or {})),
        sessions=Sessions(**(sessions or {})),
        **sections,
    )
    links, link = trio.open_memory_channel[list[str]](1)
    shutdowns: list[trio.Event] = []
    build, ended, scope = server_module.wiring.build, trio.Event(), trio.CancelScope()

    def remember(settings: Settings, shutdown: trio.Event) -> Any:
        shutdowns.append(shutdown)
        return build(settings, shutdown)

    async def run() -> None:
        try:
            with scope:
                await partial(serve, settings, on_ready=links.send_nowait, signals=False)()
        finally:
            ended.set()

    server_module.wiring.build = remember
    async with trio.open_nursery() as nursery:
        try:
            nursery.start_soon(run)
            url = (await link.receive())[0]
        finally:
            server_module.wiring.build = build
        yield Running(url, scope, shutdowns[0], ended)
        scope.cancel()


@asynccontextmanager
async def raw_session(server: Running, **hello: Any) -> AsyncIterator[tuple[Client, dict, dict]]:
    """A client that says only what it is told to, not even pong, in a session of its own.

    It yields the client, its welcome and its session_ready.
    """
    said = {"type": "hello", "protocol": 1, "acknowledges": True, "speak": False} | hello
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        client = Client(stream)
        await client.upgrade(host=f"127.0.0.1:{server.port}")
        await client.send(frame(json.dumps(said).encode(), opcode=TEXT))
        welcome, _, ready = [json.loads((await client.frame())[1]) for _ in range(3)]
        yield client, welcome, ready


def image(data: Path, to: Path) -> Path:
    """What would be left of a data folder if the server died now."""
    to.mkdir()
    for name in ("sessions.db", "sessions.db-wal", "sessions.key"):
        if (data / name).exists():
            shutil.copy(data / name, to / name)
    return to


def kept(folder: Path) -> list[tuple[str, str, str]]:
    """Speaker, words and status of everything that is kept."""
    with closing(sqlite3.connect(folder / "sessions.db")) as db:
        return db.execute(
            "SELECT speaker, text, message.status FROM message"
            " JOIN words ON words.id = message.words ORDER BY turn, speaker DESC"
        ).fetchall()

"""A whole server in this process with instant engines, and a raw client whose sessions go on.

The client keeps the protocol's rules by hand, so that a test can break each of them: it numbers
what it says, drops what comes twice, and counts what should not have come.
"""

from __future__ import annotations

import json
import zlib
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import trio

from tests.fakes import EchoAgent, LoudnessVoiceActivity, ScriptedRecognizer, ToneSynthesizer
from voicechat import engines
from voicechat import server as server_module
from voicechat.gateway.websocket import WebSocket, connect
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.server import serve
from voicechat.settings import Server, Sessions, Settings
from voicechat.speech.ports import SpeechChunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

PATIENCE_S = 30
"""Until a test that waits for something is stuck."""
RATE = 16_000
NUMBERED = {"user_message", "interrupt", "audio_open", "audio_close", "settings"}
UNNUMBERED = {
    "welcome",
    "session_list",
    "session_creating",
    "session_ready",
    "session_restored",
    "session_terminated",
    "pong",
    "input_ack",
}


class CountingSynthesizer(ToneSynthesizer):
    """Each sample tells of which text it is and where in it, so that none can be mistaken."""

    async def _chunks(self, text: str) -> AsyncIterator[SpeechChunk]:
        first = zlib.crc32(text.encode())
        size = self.sample_rate // 20
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
    made = {
        "agent.kind": lambda: agents,
        "speech.vad": LoudnessVoiceActivity,
        "speech.stt": lambda: _Deaf([]),
        "speech.tts": CountingSynthesizer,
    }
    monkeypatch.setattr(engines, "make", lambda key, *_: made[key]())
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


@attrs.define(kw_only=True)
class SessionClient:
    """One client, over all its connections.

    Attributes:
        hello: Fields of its hellos.
        texts: Messages of the session, each once.
        frames: Speech of the session, each frame once.
        seq: The largest number that it has.
        doubled: What came twice without having been asked for.
        outstanding: What it has said that was not acknowledged, by number.
        acked: The newest `input_ack`.
    """

    url: str
    hello: dict[str, Any] = attrs.field(factory=dict)
    plays: bool = False
    acks: bool = True
    user_key: str = ""
    session_id: str = ""
    secret: str = ""
    epoch: str | None = None
    seq: int = 0
    client_seq: int = 0
    texts: list[dict[str, Any]] = attrs.field(factory=list)
    frames: list[AudioFrame] = attrs.field(factory=list)
    numbers: list[int] = attrs.field(factory=list)
    doubled: list[Any] = attrs.field(factory=list)
    outstanding: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    acked: dict[str, Any] = attrs.field(factory=dict)
    resent_below: int = 0
    _ws: WebSocket | None = None

    @property
    def ws(self) -> WebSocket:
        assert self._ws is not None
        return self._ws

    @asynccontextmanager
    async def connected(self, url: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """A connection with its hello said, until the end of the block; the welcome."""
        self.url = url or self.url
        async with connect(self.url) as ws:
            self._ws = ws
            fields: dict[str, Any] = {
                "protocol": 1,
                "start": False,
                "acknowledges": True,
                "speak": False,
                "output_rate": RATE,
                "reports_playback": self.plays,
            }
            await self.send("hello", **(fields | {"user_key": self.user_key} | self.hello))
            welcome = await self.until("welcome")
            self.user_key = welcome["user_key"]
            yield welcome
            ws.drop()

    async def send(self, kind: str, **fields: Any) -> None:
        """Any message, as it is."""
        await self.ws.send(json.dumps({"type": kind, **fields}))

    async def say(self, kind: str, **fields: Any) -> int:
        """A numbered message, kept until it is acknowledged; its number."""
        assert kind in NUMBERED
        self.client_seq += 1
        self.outstanding[self.client_seq] = {"kind": kind, "seq": self.client_seq, **fields}
        await self.send(**self.outstanding[self.client_seq])
        return self.client_seq

    async def ask(self, text: str) -> int:
        return await self.say("user_message", text=text)

    async def create(self) -> dict[str, Any]:
        await self.send("create_session")
        return await self.created()

    async def created(self) -> dict[str, Any]:
        ready = await self.until("session_ready")
        self.forget()
        self.session_id, self.secret = ready["session_id"], ready["secret"]
        self.epoch = ready["epoch"]
        return ready

    def forget(self) -> None:
        """As a page that is loaded again: nothing of the session is left but its secret."""
        self.epoch, self.seq, self.client_seq, self.resent_below = None, 0, 0, 0
        for each in (self.texts, self.frames, self.numbers, self.doubled, self.outstanding):
            each.clear()

    @property
    def point(self) -> dict[str, Any]:
        """Where it goes on."""
        return {
            "session_id": self.session_id,
            "epoch": self.epoch,
            "seq": None if self.epoch is None else self.seq,
            "client_seq": min(self.outstanding, default=self.client_seq + 1),
        }

    async def resume(
        self, *, buffered: bool = True, again: bool = False, **fields: Any
    ) -> dict[str, Any]:
        """Resume, and say again what the server lacks; with `again` what it has, too."""
        point = self.point | {"secret": self.secret, "buffered": buffered} | fields
        await self.send("resume", **point)
        return await self.restored(buffered=buffered, again=again)

    async def restored(self, *, buffered: bool, again: bool = False) -> dict[str, Any]:
        restored = await self.until("session_restored")
        self.session_id, self.secret = restored["session_id"], restored["secret"]
        if restored["epoch"] != self.epoch:
            self.epoch, self.seq = restored["epoch"], restored["seq"]
        self.resent_below = 0 if buffered else restored["seq"]
        self.client_seq = max(self.client_seq, restored["client_seq"])
        for seq, message in list(self.outstanding.items()):
            if again or seq > restored["client_seq"]:
                await self.send(**message)
        return restored

    async def receive(self) -> dict[str, Any] | AudioFrame:
        """The next that comes, as it is; what is of the session is kept once."""
        with trio.fail_after(PATIENCE_S):
            data = await self.ws.receive()
        if isinstance(data, bytes):
            frame = unpack(data, FrameKind.SPEECH)
            await self._take_frame(frame)
            return frame
        message: dict[str, Any] = json.loads(data)
        if message["type"] == "input_ack":
            self.acked = message
            for seq in [seq for seq in self.outstanding if seq <= message["client_seq"]]:
                del self.outstanding[seq]
        elif message["type"] not in UNNUMBERED and "seq" in message:
            if message["seq"] <= self.seq:
                self.doubled.append(message)
            else:
                self._number(message["seq"])
                self.texts.append(message)
            await self._ack()
        return message

    async def until(self, kind: str, times: int = 1) -> dict[str, Any]:
        """Read until a message of this type has come so often."""
        while True:
            item = await self.receive()
            if isinstance(item, dict) and item["type"] == kind:
                times -= 1
                if times == 0:
                    return item

    async def error(self) -> str:
        """The code of the next error."""
        code: str = (await self.until("error"))["code"]
        return code

    async def taken(self) -> None:
        """Read until everything that it has said was acknowledged."""
        while self.outstanding:
            await self.receive()

    def cut(self) -> None:
        """The network is gone."""
        self.ws.drop()

    # -- what has come -------------------------------------------------------------------------

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.texts if message["type"] == kind]

    def pcm(self, turn: int) -> bytes:
        """The speech of a turn; every sample must be there once."""
        frames = [frame for frame in self.frames if frame.stream == turn]
        at = 0
        for frame in frames:
            assert frame.offset == at, f"turn {turn} goes on at {frame.offset}, not at {at}"
            at += frame.samples
        assert [frame.last for frame in frames[-1:]] in ([], [True])
        return b"".join(frame.pcm for frame in frames)

    def holes(self) -> list[int]:
        """Numbers that never came."""
        return sorted(set(range(1, self.seq + 1)) - set(self.numbers))

    # -- inside --------------------------------------------------------------------------------

    def _number(self, seq: int) -> None:
        assert seq not in self.numbers
        self.numbers.append(seq)
        self.seq = seq

    async def _take_frame(self, frame: AudioFrame) -> None:
        if frame.seq > self.seq:
            self._number(frame.seq)
            self.frames.append(frame)
        elif frame.seq > self.resent_below or frame not in self.frames:
            self.doubled.append(frame)
        if self.plays:
            played = frame.offset + frame.samples
            await self.send("playback", turn=frame.stream, played=played, done=frame.last)
        await self._ack()

    async def _ack(self) -> None:
        if self.acks and self.seq % 16 == 0:
            await self.send("ack", seq=self.seq)

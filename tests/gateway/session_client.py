"""A raw client whose sessions go on when its connections do not.

It keeps the protocol's rules by hand, so that a test can break each of them: it numbers what it
says, drops what comes twice, and counts what should not have come.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio

from voicechat.gateway.websocket import Closed, WebSocket, connect
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE_S = 30
"""Until a test that waits for something is stuck."""
RATE = 16_000
NUMBERED = {"user_message", "interrupt", "audio_open", "audio_close", "settings"}
OF_THE_CONNECTION = {"session_restored", "input_ack"}
"""Their `seq`, where they have one, is about the numbers of others."""


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
    first: int = 0
    played: dict[str, Any] = attrs.field(factory=dict)
    quiet: bool = False
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
        self.begins(ready)
        return ready

    def begins(self, ready: dict[str, Any]) -> None:
        """It drives a new session."""
        self.forget()
        self.session_id, self.secret = ready["session_id"], ready["secret"]
        self.epoch = ready["epoch"]

    def forget(self) -> None:
        """As a page that is loaded again: nothing of the session is left but its secret."""
        self.epoch, self.seq, self.first, self.client_seq, self.resent_below = None, 0, 0, 0, 0
        for each in (self.texts, self.frames, self.numbers, self.doubled, self.outstanding):
            each.clear()
        self.played = {}

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

    async def switch(self, left: SessionClient, *, buffered: bool = True) -> dict[str, Any]:
        """Drive its session on the connection of another client, which leaves its own."""
        self._ws, self.user_key = left.ws, left.user_key
        left.quiet = True  # what it would say now is of this session
        await self.send("switch_session", **self.point, buffered=buffered)
        restored = await left.until("session_restored")
        left.quiet = False
        await self.goes_on(restored, buffered=buffered)
        return restored

    async def restored(self, *, buffered: bool, again: bool = False) -> dict[str, Any]:
        """Read on until it drives a session again."""
        restored = await self.until("session_restored")
        await self.goes_on(restored, buffered=buffered, again=again)
        return restored

    async def goes_on(
        self, restored: dict[str, Any], *, buffered: bool, again: bool = False
    ) -> None:
        """Go on from there; with `again` it says also what the server has, as nobody should."""
        self.session_id, self.secret = restored["session_id"], restored["secret"]
        if restored["epoch"] != self.epoch or restored["history"] is not None:
            for each in (self.texts, self.frames, self.numbers):
                each.clear()
            self.epoch, self.seq, self.first = restored["epoch"], restored["seq"], restored["seq"]
        self.resent_below = 0 if buffered else restored["seq"]
        self.client_seq = max(self.client_seq, restored["client_seq"])
        for seq, message in list(self.outstanding.items()):
            if again or seq > restored["client_seq"]:
                await self.send(**message)
        if self.played:
            await self.send("playback", **self.played)

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
        elif message["type"] not in OF_THE_CONNECTION and "seq" in message:
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

    async def until_it_has(self, kind: str, times: int) -> None:
        """Read until so many messages of this type are there, however often each one came."""
        while len(self.of(kind)) < times:
            await self.receive()

    async def error(self) -> str:
        """The code of the next error."""
        return str((await self.until("error"))["code"])

    async def closed(self) -> int:
        """Read until the server closes; its close code."""
        return await close_code(self.ws)

    async def listed(self, query: str = "") -> dict[str, Any]:
        """Its list of sessions."""
        await self.send("list_sessions", query=query)
        return await self.until("session_list")

    async def begin_with(self, text: str) -> str:
        """Drive a new session, in which this was said and answered; its id."""
        await self.create()
        await self.ask(text)
        await self.until("response_complete")
        return self.session_id

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
        return sorted(set(range(self.first + 1, self.seq + 1)) - set(self.numbers))

    # -- inside --------------------------------------------------------------------------------

    def _number(self, seq: int) -> None:
        assert seq not in self.numbers
        self.numbers.append(seq)
        self.seq = seq

    async def _take_frame(self, frame: AudioFrame) -> None:
        if frame.seq > self.seq:
            self._number(frame.seq)
            self.frames.append(frame)
        elif frame.seq > self.resent_below:
            self.doubled.append(frame)
        elif frame not in self.frames:  # it had come to the page that was there before
            self.frames.append(frame)
        if self.plays:
            played = frame.offset + frame.samples
            self.played = {"turn": frame.stream, "played": played, "done": frame.last}
            if not self.quiet:
                await self.send("playback", **self.played)
        await self._ack()

    async def _ack(self) -> None:
        if self.acks and not self.quiet and self.seq % 16 == 0:
            await self.send("ack", seq=self.seq)


async def close_code(ws: WebSocket) -> int:
    """What the server closes with, whatever it has still to say."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                await ws.receive()
            except Closed as closed:
                return closed.code

"""A client that speaks to a real server at the pace of real time, and models its loudspeaker."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.gateway.websocket import Closed, connect
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioOpen, Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import StreamInterrupted
from voicechat.protocol.messages.trace import TurnTrace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicechat.gateway.websocket import WebSocket
    from voicechat.protocol.messages.base import ClientMessage

RATE = 16_000
TICK_S = 0.02
REPORT_S = 0.2
LATENCY_S = 0.04


@attrs.define
class Loudspeaker:
    """Plays without a gap what has arrived; knows the newest turn only."""

    turn: int = 0
    received: int = 0
    played: float = 0.0
    begins: float = 0.0
    whole: bool = False
    done: bool = True

    def put(self, frame: AudioFrame, now: float) -> None:
        if frame.stream != self.turn:
            self.turn, self.received, self.played = frame.stream, 0, 0.0
            self.whole = self.done = False
            self.begins = now + LATENCY_S
        self.received += frame.samples
        self.whole |= frame.last

    def play(self, now: float, seconds: float) -> None:
        if now >= self.begins and not self.done:
            self.played = min(self.received, self.played + seconds * RATE)

    def report(self) -> Playback:
        self.done = self.done or (self.whole and self.played >= self.received)
        return Playback(self.turn, int(self.played), done=self.done)


async def converse(
    url: str, pcm: bytes, messages: Sequence[tuple[float, ClientMessage]] = (), *, turns: int = 0
) -> None:
    """Speak `pcm` (16 kHz) and send messages at their seconds, then hang up.

    Not before `turns` turns have ended: a busy machine takes its time.
    """
    async with connect(url) as ws, trio.open_nursery() as nursery:
        user = _User(ws)
        await user.say(Hello(1, "recorder", output_rate=RATE, reports_playback=True))
        nursery.start_soon(user.listen)
        nursery.start_soon(user.report)
        nursery.start_soon(user.type, messages)
        await user.speak(pcm, turns)
        nursery.cancel_scope.cancel()


class _User:
    def __init__(self, ws: WebSocket) -> None:
        self._ws = ws
        self._codec = Codec()
        self._seq = itertools.count()
        self._loudspeaker = Loudspeaker()
        self._ended = 0
        self._sending = trio.Lock()

    async def say(self, message: ClientMessage) -> None:
        await self._send(self._codec.encode(message, next(self._seq)))

    async def _send(self, data: str | bytes) -> None:
        async with self._sending:
            await self._ws.send(data)

    async def speak(self, pcm: bytes, turns: int) -> None:
        await self.say(AudioOpen(stream=1, rate=RATE))
        size = round(TICK_S * RATE) * 2
        began = trio.current_time()
        for seq in itertools.count():
            at = seq * size
            if at >= len(pcm) and self._ended >= turns:
                return
            await trio.sleep_until(began + (at + size) / 2 / RATE)
            piece = pcm[at : at + size] or bytes(size)
            await self._send(AudioFrame(FrameKind.MICROPHONE, 1, seq, at // 2, piece).pack())

    async def type(self, messages: Sequence[tuple[float, ClientMessage]]) -> None:
        began = trio.current_time()
        for at, message in messages:
            await trio.sleep_until(began + at)
            await self.say(message)

    async def listen(self) -> None:
        speaker = self._loudspeaker
        while True:
            try:
                data = await self._ws.receive()
            except Closed:
                return
            if isinstance(data, bytes):
                speaker.put(unpack(data, FrameKind.SPEECH), trio.current_time())
                continue
            message, _ = self._codec.decode_server(data)
            self._ended += isinstance(message, TurnTrace)
            stopped = isinstance(message, StreamInterrupted) and message.turn == speaker.turn
            if stopped and not speaker.done:
                speaker.done = True
                await self.say(speaker.report())

    async def report(self) -> None:
        speaker = self._loudspeaker
        last, reported_at = trio.current_time(), 0.0
        while True:
            await trio.sleep(TICK_S)
            now = trio.current_time()
            speaker.play(now, now - last)
            last = now
            if speaker.done:
                continue
            ends = speaker.whole and speaker.played >= speaker.received
            if ends or (speaker.played and now - reported_at >= REPORT_S):
                reported_at = now
                await self.say(speaker.report())

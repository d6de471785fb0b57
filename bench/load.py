"""Many microphones at the pace of real time on one core, and when each hears its answers begin.

Both servers of `bench/turns.py` get the same audio from the same program; only the few bytes around
it differ (`Dialect`). Sockets are written directly, one loop for all microphones, so that the load
costs a fraction of what it measures. Its frames are masked with zeros, as the standard allows: that
is no less work for a server, which looks at the mask and not at its value.
"""

from __future__ import annotations

import base64
import os
import random
import socket
import struct
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np
import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RATE: Final = 16_000
FRAME: Final = 320
"""Samples that a client sends at a time: 20 ms."""
FRAME_S: Final = FRAME / RATE
LOOP_UNIT: Final = 2_560
"""Samples in which both the client's frames and those of voice activity (512) fit whole."""
GAP_S: Final = 0.3
"""Audio after so long without any begins a new answer."""
LATEST_S: Final = 3.0
"""An answer that comes later counts as missed."""
EARLIEST_S: Final = -0.1
"""A detector that keeps wall time may decide a few frames before it did in the calibration."""

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


@attrs.frozen
class Dialect:
    """What one server wants around the audio.

    Attributes:
        path: Of its WebSocket.
        greeting: Text messages to send first.
        wrap: A binary message from the number of the frame and its PCM.
        audio: First byte of the binary messages that are audio.
    """

    path: str
    greeting: tuple[str, ...]
    wrap: Callable[[int, bytes], bytes]
    audio: int


def loop_of(clips: Sequence[bytes], tail_s: float = 3.2) -> list[bytes]:
    """Frames of a recording that can be repeated: each clip between faint noise.

    The time behind a clip is longer than an answer of two seconds, so that nobody is interrupted.
    """
    rng = np.random.default_rng(7)
    parts = []
    for clip in clips:
        speech = np.frombuffer(clip, "<i2").astype(np.float64)
        length = round(0.3 * RATE) + len(speech) + round(tail_s * RATE)
        part = rng.normal(0, 15, length + -length % LOOP_UNIT)
        part[round(0.3 * RATE) :][: len(speech)] += speech
        parts.append(part)
    pcm = np.clip(np.concatenate(parts), -32768, 32767).astype("<i2").tobytes()
    return [pcm[at : at + 2 * FRAME] for at in range(0, len(pcm), 2 * FRAME)]


def websocket_frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + bytes(4) + payload


class Microphone:
    """One session.

    Attributes:
        sent_at: When each frame was sent.
        answered_at: When the first audio of each answer came.
        lost: Whether the server has closed the connection.
    """

    def __init__(self, dialect: Dialect, frames: list[bytes]) -> None:
        self._dialect = dialect
        self._frames = frames
        self._socket = socket.socket()
        self._unsent = b""
        self._first = 0
        self._last_audio = -GAP_S
        self.sent_at = array("d")
        self.answered_at: list[float] = []
        self.lost = False

    def skip(self, frames: int) -> None:
        """Begin about so many frames into the recording."""
        # Voice activity must cut it into the same frames, or another one decides.
        unit = LOOP_UNIT // FRAME
        self._first = frames // unit * unit

    async def open(self, port: int) -> bytes:
        """Connect and greet; what came behind the server's handshake."""
        self._socket.connect(("127.0.0.1", port))  # loopback: it answers at once
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {self._dialect.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self._socket.send(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            await trio.lowlevel.wait_readable(self._socket)
            if not (data := self._socket.recv(65_536)):
                raise ConnectionError("the server closed instead of a handshake")
            answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(head.decode("latin-1"))
        for text in self._dialect.greeting:
            self._socket.send(websocket_frame(_TEXT, text.encode()))
        return rest

    def send(self) -> None:
        """Send the next frame; what the kernel does not take waits for the next turn."""
        number = len(self.sent_at)
        payload = self._dialect.wrap(number, self._frames[self._place(number)])
        self._unsent += websocket_frame(_BINARY, payload)
        self.sent_at.append(trio.current_time())
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.lost = True

    async def receive(self, buffer: bytes) -> None:
        """Note when answers begin, until the connection ends."""
        while True:
            buffer = self._follow(buffer)
            await trio.lowlevel.wait_readable(self._socket)
            try:
                data = self._socket.recv(262_144)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.lost = True
                return
            buffer += data

    def _follow(self, buffer: bytes) -> bytes:
        """Take whole frames off the buffer; the rest."""
        at = 0
        while len(buffer) - at >= 4:
            size, head = buffer[at + 1] & 127, 2
            if size == 126:
                size, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head + size:
                break
            opcode = buffer[at] & 15
            if opcode == _PING:
                self._unsent += websocket_frame(_PONG, buffer[at + head : at + head + size])
            elif opcode == _BINARY and buffer[at + head] == self._dialect.audio:
                now = trio.current_time()
                if now - self._last_audio > GAP_S:
                    self.answered_at.append(now)
                self._last_audio = now
            at += head + size
        return buffer[at:]

    def close(self) -> None:
        """Say goodbye and disconnect."""
        with suppress(OSError):
            self._socket.send(websocket_frame(_CLOSE, b"\x03\xe8"))
        self._socket.close()

    def _place(self, number: int) -> int:
        return (self._first + number) % len(self._frames)

    def overheads(self, deciding: Sequence[int], begin: float, end: float) -> list[float | None]:
        """Seconds from each deciding frame of that time to its answer; None where none came."""
        found: list[float | None] = []
        for number, sent in enumerate(self.sent_at):
            if self._place(number) in deciding and begin <= sent < end - LATEST_S:
                waits = (at - sent for at in self.answered_at)
                found.append(next((w for w in waits if EARLIEST_S < w < LATEST_S), None))
        return found


async def pace(microphones: Sequence[Microphone], until: float) -> list[float]:
    """Send every microphone's frames when they are due; how late each was sent, in seconds."""
    rng = random.Random(3)
    begin = trio.current_time() + 0.1
    # Phases are spread evenly with a little chance, as people are.
    phases = sorted(
        (index + rng.random()) / len(microphones) * FRAME_S for index in range(len(microphones))
    )
    late: list[float] = []
    number = 0
    while True:
        number += 1
        for microphone, phase in zip(microphones, phases, strict=True):
            due = begin + phase + number * FRAME_S
            if due > until:
                return late
            if trio.current_time() < due:
                await trio.sleep_until(due)
            microphone.send()
            late.append(trio.current_time() - due)


async def calibrate(
    port: int, dialect: Dialect, frames: list[bytes], *, passes: int, patience_s: float
) -> list[list[int]]:
    """Which frames of the loop make the server answer, in each pass after the first.

    Frames go at the pace of real time while there is speech; behind it one at a time, and the next
    only after the server had `patience_s` to answer, so that the one that decided is known.
    """
    loud = [np.abs(np.frombuffer(frame, "<i2").astype(int)).max() > 200 for frame in frames]
    behind = _frames_behind(loud, round(1.0 / FRAME_S))
    microphone = Microphone(dialect, frames)
    found: list[list[int]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(microphone.receive, await microphone.open(port))
        for _ in range(passes + 1):
            found.append([])
            for index in range(len(frames)):
                answers = len(microphone.answered_at)
                due = trio.current_time() + (patience_s if index in behind else FRAME_S)
                microphone.send()
                await trio.sleep_until(due)
                if len(microphone.answered_at) > answers:
                    found[-1].append(index)
        nursery.cancel_scope.cancel()
    microphone.close()
    return found[1:]


def _frames_behind(loud: Sequence[bool], count: int) -> set[int]:
    """The frames that follow something loud within `count`."""
    found: set[int] = set()
    since = count
    for index, is_loud in enumerate(loud):
        since = 0 if is_loud else since + 1
        if 0 < since <= count:
            found.add(index)
    return found

"""A client that speaks HTTP and WebSocket in raw bytes, so that a test decides over every one."""

from __future__ import annotations

from typing import Any

import attrs
import trio

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10  # opcodes


@attrs.define
class Client:
    """A TCP client that speaks bytes."""

    stream: Any
    buffer: bytes = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some(65_536)
        except trio.BrokenResourceError:
            return False
        self.buffer += data
        return bool(data)

    async def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            assert await self._more(), f"closed before {end!r}: {self.buffer[:300]!r}"
        got, _, self.buffer = self.buffer.partition(end)
        return got + end

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            assert await self._more(), f"closed after {self.buffer!r}"
        got, self.buffer = self.buffer[:size], self.buffer[size:]
        return got

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        while await self._more():
            pass
        return self.buffer

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.exactly(int(fields.get("content-length", 0)))
        return int(head[0].split()[1]), fields, body

    async def get(self, path: str, *, host: str = "localhost", **headers: str) -> tuple:
        await self.request("GET", path, host=host, **headers)
        return await self.response()

    async def request(self, method: str, path: str, *, host: str = "localhost", **headers: str):
        extra = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        await self.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode())

    async def upgrade(self, **headers: str) -> None:
        await self.send(handshake(**headers))
        head = await self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the server's next frame."""
        first, length = await self.exactly(2)
        if length == 126:
            length = int.from_bytes(await self.exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.exactly(8), "big")
        return first & 15, await self.exactly(length)

    async def close_code(self) -> int:
        """Skip to the server's close frame; its code."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")


def handshake(path: str = "/ws", host: str = "localhost", **headers: str) -> bytes:
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def frame(payload: bytes, *, opcode: int = 2, fin: bool = True) -> bytes:
    """A client's frame, masked."""
    mask = b"\x01\x02\x03\x04"
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    # As one long number: byte by byte, a test that sends megabytes would be slow on a busy machine.
    repeated = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
        size, "big"
    )
    return bytes([(0x80 if fin else 0) | opcode]) + length + mask + masked

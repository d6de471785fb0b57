"""A link without a socket: what it writes, and what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.client.model_server import CODEC, WELCOME, ready
from voicechat.client.link import Link
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import ListenMode
from voicechat.protocol.messages.connection import Error, Hello

if TYPE_CHECKING:
    from voicechat.errors import ErrorCode
    from voicechat.protocol.messages.session import (
        Resume,
    )

HANDS_FREE = ListenMode.HANDS_FREE


def drain(link: Link, now: float = 0.0) -> list:
    """All that the link writes now: (number, message), or a frame."""
    out = []
    while (data := link.next(now)) is not None:
        if isinstance(data, bytes):
            out.append(unpack(data, FrameKind.MICROPHONE))
        else:
            envelope = CODEC.decode_client(data)
            out.append((envelope.seq, envelope.message))
    return out


def hear(link: Link, message, seq: int | None = None, now: float = 0.0) -> list:
    return [event for event, _ in link.heard(CODEC.encode(message, seq), now)]


def speech(seq: int, now_offset: int = 0) -> bytes:
    return AudioFrame(FrameKind.SPEECH, 1, seq, now_offset, bytes(20)).pack()


def error(code: ErrorCode, *, retryable: bool = False, seq: int | None = None) -> Error:
    return Error(code, f"It is {code}.", retryable, "", "c", seq)


def connected(link: Link | None = None) -> Link:
    link = link or Link(Hello(1, "test"))
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    hear(link, ready())
    return link


def reconnect(link: Link, code: int | None = None, now: float = 0.0) -> Resume:
    """Lose the socket and get another one; what the link asks for on it."""
    link.closed(code, now, 0.5)
    link.opened(now)
    (_, hello), (_, opening) = drain(link, now)
    assert isinstance(hello, Hello)
    hear(link, WELCOME)
    return opening

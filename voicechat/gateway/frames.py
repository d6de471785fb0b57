"""Finds the ordinary messages in a client's bytes, and leaves all that is not ordinary. PURE.

Nearly everything that a client sends is one small, whole, masked frame of text or audio, fifty
times a second. wsproto parses it in general steps at several times the cost of what follows. So
such frames are taken out here, and every other byte (pings, fragments, goodbyes, mistakes) is for
wsproto as it came: the rules of the protocol stay in one place.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

_FINAL, _MASKED, _LENGTH = 0x80, 0x80, 0x7F
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_DATA: Final = frozenset({0x00, 0x80, 0x01, _TEXT, 0x02, _BINARY})  # first bytes, no extension
_CONTROL: Final = frozenset({0x88, 0x89, 0x8A})
_LONG: Final = 126  # in place of a length: two more bytes hold it


class Rest(bytes):
    """Bytes of frames that are not ordinary: for the general parser."""

    __slots__ = ()


class Splitter:
    """Splits what one client sends to a server; it is told everything, from the first frame on.

    What has a wrong head or is too large goes to the general parser with all that follows it: a
    client that sends such a thing has no claim to speed.

    Args:
        largest: Bytes of the largest frame that is ordinary; at most 65,535, so that the buffer
            stays small whatever a client announces.
    """

    def __init__(self, largest: int) -> None:
        self._largest: Final = min(largest, 0xFFFF)
        self._buffer = bytearray()
        self._fragmented = False
        self._ordinary = True

    def push(self, data: bytes) -> list[str | bytes | Rest]:
        """Take bytes; the messages that are whole now, and the rest, in order."""
        if not self._ordinary:
            return [Rest(data)]
        found: list[str | bytes | Rest] = []
        buffer = self._buffer
        buffer += data
        at, end = 0, len(buffer)
        while end - at >= 2:
            first, second = buffer[at], buffer[at + 1]
            size, head = second & _LENGTH, 6
            if size == _LONG:
                if end - at < 4:
                    break
                size, head = buffer[at + 2] << 8 | buffer[at + 3], 8
            if not self._is_ordinary(first, second, size, head):
                self._ordinary = False
                found.append(Rest(buffer[at:]))
                at = end
                break
            begin, whole = at + head, at + head + size
            if whole > end:
                break
            message = self._message(first, buffer[begin:whole], buffer[begin - 4 : begin])
            found.append(Rest(buffer[at:whole]) if message is None else message)
            at = whole
        del buffer[:at]
        return found

    def _is_ordinary(self, first: int, second: int, size: int, head: int) -> bool:
        """Whether a head is right; the general parser finds out what is wrong with others."""
        if not second & _MASKED or size > self._largest:
            return False
        if head == 6:
            return size < _LONG and (first in _DATA or first in _CONTROL)
        return size >= _LONG and first in _DATA

    def _message(self, first: int, payload: bytearray, mask: bytearray) -> str | bytes | None:
        """What a whole frame says; None if it has to do with others, or is no text."""
        if first in _CONTROL:
            return None
        if first not in {_TEXT, _BINARY} or self._fragmented:
            self._fragmented = not first & _FINAL
            return None
        message = unmask(payload, mask)
        if first == _BINARY:
            return message
        try:
            return message.decode()
        except UnicodeDecodeError:
            return None


def whole_frame(message: str | bytes) -> bytes:
    """The frame in which a server sends a message."""
    first, payload = (_BINARY, message) if isinstance(message, bytes) else (_TEXT, message.encode())
    size = len(payload)
    if size < _LONG:
        return bytes((first, size)) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", first, _LONG, size) + payload
    return struct.pack("!BBQ", first, _LONG + 1, size) + payload


def unmask(payload: bytearray, mask: bytearray) -> bytes:
    """`payload` with each byte XORed with its byte of the four of `mask`, in turn."""
    spare = -len(payload) % 4
    whole = np.frombuffer(payload + bytes(spare), np.uint32) ^ np.frombuffer(mask, np.uint32)
    message = whole.tobytes()
    return message[: len(payload)] if spare else message

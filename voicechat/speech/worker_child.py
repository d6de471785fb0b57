"""The child's side of an engine process, and the frames that both sides speak.

Engines that hold the GIL, keep global state or carry another licence run in a child. This side is
plain blocking code: it imports no event loop, so that a child starts fast and stays small.

A frame is a 9-byte little-endian header (payload length u32, kind u8, request id u32) and its
payload: JSON, or PCM for `Kind.AUDIO`. Request id 0 means the child itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = struct.Struct("<IBI")
MAX_PAYLOAD = 4 * 1024 * 1024
"""Bytes; a larger length means that the pipe is out of step."""
READ_SIZE = 64 * 1024  # a Linux pipe's capacity

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of every engine process: a maths library's own threads only fight with ours."""


class Kind(IntEnum):
    """What a frame is."""

    CONFIGURE = 1  # to the child: JSON, once, before anything else
    READY = 2  # from the child: JSON about itself, once
    OPEN = 3  # to the child: JSON, begins a request
    AUDIO = 4  # either way: PCM of the request
    END = 5  # to the child: the request has no more input
    EVENT = 6  # from the child: JSON, something on the way
    RESULT = 7  # from the child: JSON, the request is complete
    FAILED = 8  # from the child: the request cannot be completed
    ABORT = 9  # to the child: forget the request
    TAKEN = 10  # from the child: one AUDIO frame has been used up
    ASK = 11  # to the child: how does the request stand, with all input so far?
    ANSWER = 12  # from the child: JSON, answers ASK; the request goes on


class OutOfStep(Exception):
    """The bytes are not frames."""


@attrs.frozen
class Frame:
    """One message; `request` 0 concerns the child itself."""

    kind: Kind
    request: int = 0
    payload: bytes = b""

    @classmethod
    def of(cls, kind: Kind, request: int, value: Any) -> Frame:
        """A frame with JSON inside."""
        return cls(kind, request, json.dumps(value, separators=(",", ":")).encode())

    def json(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)

    def encode(self) -> bytes:
        """Header and payload."""
        return HEADER.pack(len(self.payload), self.kind, self.request) + self.payload


class FrameParser:
    """Cuts a byte stream into frames; no I/O, so that both sides use it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray) -> list[Frame]:
        """Take bytes as they come; return the frames that are complete.

        Raises:
            OutOfStep: The header is impossible.
        """
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= HEADER.size:
            length, kind, request = HEADER.unpack_from(self._buffer, at)
            if length > MAX_PAYLOAD or not Kind.CONFIGURE <= kind <= Kind.ANSWER:
                raise OutOfStep
            end = at + HEADER.size + length
            if end > len(self._buffer):
                break
            frames.append(Frame(Kind(kind), request, bytes(self._buffer[at + HEADER.size : end])))
            at = end
        del self._buffer[:at]
        return frames


class ParentLink:
    """The two pipes to the parent.

    Args:
        read_fd: Where the parent's frames come from.
        write_fd: Where frames for it go.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._parser = FrameParser()

    def poll(self, timeout: float | None) -> list[Frame]:
        """Wait up to `timeout` seconds (None: for ever) for frames; return those that came.

        Raises:
            EOFError: The parent has closed the pipe or is gone.
        """
        ready, _, _ = select.select([self._read_fd], [], [], timeout)
        if not ready:
            return []
        data = os.read(self._read_fd, READ_SIZE)
        if not data:
            raise EOFError
        return self._parser.feed(data)

    def send(self, frame: Frame) -> None:
        """Write a whole frame.

        Raises:
            BrokenPipeError: The parent is gone.
        """
        data = memoryview(frame.encode())
        while data:
            data = data[os.write(self._write_fd, data) :]

    def configuration(self) -> Any:
        """Wait for the first frame and return its JSON."""
        while True:
            for frame in self.poll(None):
                if frame.kind is Kind.CONFIGURE:
                    return frame.json()


def run(main: Callable[[ParentLink, Any], None]) -> None:
    """Be an engine process: call `main(link, configuration)` until the parent is gone.

    It ends when the parent closes the pipe, however the parent ended. Standard output is moved away
    and replaced by standard error first: whatever a C library prints goes to the parent's log
    instead of between the frames.
    """
    os.environ.update(ONE_THREAD)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a service manager signals all; the parent decides
    link = ParentLink(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    try:
        main(link, link.configuration())
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the parent is gone: no destructor of a C library may delay or print anything
    sys.stderr.flush()

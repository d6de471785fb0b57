"""Binary frames: audio with a fixed header, so that no sample is ever of unknown origin.

Layout, little-endian, 20 bytes, then PCM (mono, signed 16-bit)::

    0  u8   kind     1 microphone (client to server), 2 speech (server to client)
    1  u8   flags    bit 0: last frame of its stream or turn
    2  u16  zero     reserved
    4  u32  stream   microphone stream, or turn that the speech belongs to
    8  u32  seq      microphone: counts frames of the stream from 0; speech: the number that
                     text messages of the session carry as `seq`, shared with them
    12 u64  offset   position of the first sample in the stream
"""

from __future__ import annotations

import struct
from enum import IntEnum

import attrs

from voicechat.errors import ErrorCode, ProtocolError

HEADER = struct.Struct("<BBHIIQ")
MAX_FRAME_BYTES = 64 * 1024
"""Largest frame taken from a client: a third of a second at 96 kHz."""
MAX_SAMPLES = 2**53
"""Positions are below it: a browser can count no further, nor could a database much further."""
_LAST = 1


class FrameKind(IntEnum):
    """Direction of the audio."""

    MICROPHONE = 1
    SPEECH = 2


@attrs.frozen
class AudioFrame:
    """A run of samples.

    Attributes:
        kind: Direction.
        stream: Microphone stream, or turn of the speech.
        seq: Of the microphone: number of the frame in its stream, from 0. Of speech: its number
            among all that the session sends.
        offset: Position of the first sample in its stream.
        pcm: Mono signed 16-bit little-endian samples; may be empty in a last frame.
        last: No frame of this stream follows.
    """

    kind: FrameKind
    stream: int
    seq: int
    offset: int
    pcm: bytes
    last: bool = False

    @property
    def samples(self) -> int:
        """Number of samples in it."""
        return len(self.pcm) // 2

    def pack(self) -> bytes:
        """The frame as it travels."""
        flags = _LAST if self.last else 0
        return HEADER.pack(self.kind, flags, 0, self.stream, self.seq, self.offset) + self.pcm


def unpack(data: bytes, expected: FrameKind) -> AudioFrame:
    """Read a frame of the expected direction.

    Raises:
        ProtocolError: With code `invalid_audio` or `message_too_large`.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise ProtocolError(
            f"An audio frame may have {MAX_FRAME_BYTES} bytes at most.",
            suggested_action="Send 20 to 100 ms of audio in a frame.",
            code=ErrorCode.MESSAGE_TOO_LARGE,
        )
    if len(data) < HEADER.size:
        raise _invalid(f"An audio frame begins with a header of {HEADER.size} bytes.")
    kind, flags, reserved, stream, seq, offset = HEADER.unpack_from(data)
    if kind != expected:
        raise _invalid(f"Audio frames of kind {kind} are not taken here.")
    if flags & ~_LAST or reserved:
        raise _invalid("The reserved bits of an audio frame must be zero.")
    if (len(data) - HEADER.size) % 2:
        raise _invalid("Audio must be 16-bit samples: the frame has an odd number of bytes.")
    if offset >= MAX_SAMPLES:
        raise _invalid("The position of an audio frame must be less than 2 to the power of 53.")
    return AudioFrame(
        expected, stream, seq, offset, bytes(data[HEADER.size :]), last=bool(flags & _LAST)
    )


def _invalid(message: str) -> ProtocolError:
    return ProtocolError(message, code=ErrorCode.INVALID_AUDIO)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.frames import (
    HEADER,
    MAX_FRAME_BYTES,
    MAX_SAMPLES,
    AudioFrame,
    FrameKind,
    unpack,
)

U32 = st.integers(0, 2**32 - 1)
FRAMES = st.builds(
    AudioFrame,
    kind=st.sampled_from(FrameKind),
    stream=U32,
    seq=U32,
    offset=st.integers(0, MAX_SAMPLES - 1),
    pcm=st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]),
    last=st.booleans(),
)


@given(FRAMES)
def test_round_trip(frame):
    packed = frame.pack()
    assert unpack(packed, frame.kind) == frame
    assert len(packed) == HEADER.size + 2 * frame.samples


def test_the_layout_is_fixed():
    frame = AudioFrame(FrameKind.MICROPHONE, 2, 3, 4, b"\x05\x06", last=True)
    assert (
        frame.pack().hex(" ") == "01 01 00 00 02 00 00 00 03 00 00 00 04 00 00 00 00 00 00 00 05 06"
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ErrorCode.INVALID_AUDIO),
        (bytes(HEADER.size - 1), ErrorCode.INVALID_AUDIO),
        (AudioFrame(FrameKind.SPEECH, 1, 0, 0, b"").pack(), ErrorCode.INVALID_AUDIO),
        (AudioFrame(FrameKind.MICROPHONE, 1, 0, 0, b"x").pack(), ErrorCode.INVALID_AUDIO),
        (b"\x01\x02" + bytes(HEADER.size - 2), ErrorCode.INVALID_AUDIO),
        (b"\x01\x00\x01" + bytes(HEADER.size - 3), ErrorCode.INVALID_AUDIO),
        (AudioFrame(FrameKind.MICROPHONE, 1, 0, 2**53, b"").pack(), ErrorCode.INVALID_AUDIO),
        (AudioFrame(FrameKind.MICROPHONE, 1, 0, 2**64 - 1, b"").pack(), ErrorCode.INVALID_AUDIO),
        (b"\x01" + bytes(MAX_FRAME_BYTES), ErrorCode.MESSAGE_TOO_LARGE),
    ],
)
def test_bad_frames_are_refused(data, code):
    with pytest.raises(ProtocolError) as caught:
        unpack(data, FrameKind.MICROPHONE)
    assert caught.value.code is code


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    try:
        frame = unpack(data, FrameKind.MICROPHONE)
    except ProtocolError:
        return
    assert frame.pack() == data

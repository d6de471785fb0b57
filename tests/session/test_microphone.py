"""The microphone's waiting room: bounded in audio and in frames."""

from __future__ import annotations

import pytest

from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.session.microphone import Microphone

MAX_WAITING_S = 30.0


def frame(seq: int, samples: int, *, last: bool = False) -> AudioFrame:
    return AudioFrame(FrameKind.MICROPHONE, 1, seq, seq * samples, bytes(2 * samples), last=last)


def taken(microphone: Microphone, samples: int) -> int:
    """How many frames of so many samples it takes before it is full."""
    count = 0
    while microphone.put(frame(count, samples)):
        count += 1
    return count


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000, 96_000])
@pytest.mark.parametrize("samples", [0, 1, 30])
async def test_tiny_frames_cannot_pile_up(rate, samples) -> None:
    """Each costs some 190 bytes of memory, however little it holds."""
    assert taken(Microphone(rate, lambda: MAX_WAITING_S), samples) == 200 * MAX_WAITING_S


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000, 96_000])
@pytest.mark.parametrize("hertz", [10, 50, 100, 200])
async def test_frames_of_a_sane_size_have_room_for_half_a_minute(rate, hertz) -> None:
    assert taken(Microphone(rate, lambda: MAX_WAITING_S), rate // hertz) == hertz * MAX_WAITING_S


async def test_what_is_received_makes_room_again() -> None:
    microphone = Microphone(16_000, lambda: MAX_WAITING_S)
    for samples in (0, 1, 320, 0, 1, 320):
        assert taken(microphone, samples)
        microphone.end()
        while not microphone.has_room(frame(0, round(MAX_WAITING_S * 16_000))):
            await microphone.receive()
        microphone = Microphone(16_000, lambda: MAX_WAITING_S)


async def test_tiny_frames_at_a_sane_rate_are_taken_without_end() -> None:
    microphone = Microphone(16_000, lambda: MAX_WAITING_S)
    taken(microphone, 1)
    for seq in range(10_000):
        await microphone.receive()
        assert microphone.put(frame(seq, 1))
        assert not microphone.has_room(frame(seq, 1))

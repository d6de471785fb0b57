from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.audio import Chunker, PreRoll, float_samples, int16_samples, pcm_bytes

PIECES = st.lists(st.binary(max_size=50), max_size=20)
WHOLE_PIECES = st.lists(st.binary(max_size=40).filter(lambda b: len(b) % 2 == 0), max_size=20)


@given(st.lists(st.integers(-32768, 32767)))
def test_samples_survive_the_way_to_bytes_and_back(values: list[int]) -> None:
    pcm = pcm_bytes(np.array(values, np.int16))
    assert len(pcm) == 2 * len(values)
    assert int16_samples(pcm).tolist() == values
    assert np.array_equal(float_samples(pcm) * 32768, np.array(values, np.float32))


def test_samples_are_little_endian() -> None:
    assert int16_samples(b"\x01\x00\xff\x7f\x00\x80").tolist() == [1, 32767, -32768]
    assert float_samples(b"\x00\x80\x00\x40").tolist() == [-1.0, 0.5]


@given(PIECES, st.integers(1, 12))
def test_chunker_gives_the_same_bytes_in_exact_frames(pieces: list[bytes], samples: int) -> None:
    chunker = Chunker(samples)
    frames: list[bytes] = []
    given_in = 0
    for piece in pieces:
        frames += chunker.push(piece)
        given_in += len(piece)
        # Never holds a whole frame back, and its position counts what it gave.
        assert given_in - 2 * samples * len(frames) < 2 * samples
        assert chunker.position == samples * len(frames)
    assert all(len(frame) == 2 * samples for frame in frames)
    out = b"".join(frames)
    assert b"".join(pieces)[: len(out)] == out


def test_chunker_refuses_empty_frames() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Chunker(0)


@given(WHOLE_PIECES, st.integers(0, 30), st.integers(-5, 500))
def test_pre_roll_keeps_exactly_the_newest_audio(
    pieces: list[bytes], keep_ms: int, since: int
) -> None:
    ring = PreRoll(keep_ms, rate=1000)  # one sample a millisecond
    for piece in pieces:
        ring.push(piece)
    everything = b"".join(pieces)
    total = len(everything) // 2
    assert ring.position == total
    assert ring.start == max(0, total - keep_ms)
    assert ring.since(since) == everything[2 * max(since, ring.start) :]


def test_pre_roll_stays_bounded() -> None:
    ring = PreRoll(300)
    for _ in range(100):
        ring.push(bytes(1024))
    assert len(ring.since(0)) == 2 * 4800
    assert ring.position == 51_200

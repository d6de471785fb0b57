from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.audio import (
    Chunker,
    Recent,
    energy_of,
    float_samples,
    int16_samples,
    pcm_bytes,
)

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


@given(WHOLE_PIECES, st.lists(st.integers(-5, 500), max_size=20), st.integers(-5, 500))
def test_recent_audio_can_be_heard_from_where_it_was_not_forgotten(
    pieces: list[bytes], forgotten: list[int], since: int
) -> None:
    recent, start = Recent(), 0
    for i, piece in enumerate(pieces):
        recent.push(piece)
        if i < len(forgotten):
            recent.forget(forgotten[i])
            start = max(start, min(forgotten[i], recent.position))
    everything = b"".join(pieces)
    assert recent.position == len(everything) // 2
    assert recent.start == start
    assert recent.since(since) == everything[2 * max(since, start) :]


def test_energy_is_the_mean_square() -> None:
    assert energy_of(b"") == energy_of(bytes(640)) == 0.0
    assert energy_of(b"\x00\x40" * 320) == pytest.approx(0.25)

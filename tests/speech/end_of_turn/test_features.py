from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from voicechat.speech.end_of_turn.features import BANDS, FRAMES, SAMPLES, log_mel

pytestmark = pytest.mark.requirement("V-4")

# What transformers 5.23's WhisperFeatureExtractor(chunk_length=8) gives for `rising_sound`, with
# do_normalize and five seconds of zeros in front: every tenth band of some columns.
REFERENCE = {
    0: [-0.2187, -0.2187, -0.2187, -0.2187, -0.2187, -0.2187, -0.2187, -0.2187],
    520: [1.3851, 1.1416, 1.0373, 0.9518, 0.8879, 0.8005, 0.7192, 0.6378],
    600: [1.5079, 1.3908, 1.2769, 1.1993, 1.1313, 1.0465, 0.9665, 0.8851],
    700: [1.6372, 1.5634, 1.4492, 1.3742, 1.3054, 1.222, 1.1425, 1.061],
    799: [1.4808, 1.4387, 1.3251, 1.2654, 1.1811, 1.108, 1.0264, 0.9462],
}


def rising_sound() -> np.ndarray:
    """Three seconds of 99 overtones that rise, and swell twice."""
    t = np.arange(48_000) / 16_000
    x = sum(np.sin(2 * np.pi * (60 * i + 4 * i * t) * t + i) / (i + 2) for i in range(1, 100))
    return (0.2 * x * np.sin(np.pi * t / 1.3) ** 2).astype(np.float32)


def noise(samples: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype(np.float32)


def naive(samples: np.ndarray) -> np.ndarray:
    """The definition, word for word, in double precision and without a fast transform."""
    x = np.concatenate([np.zeros(SAMPLES), samples.astype(float)])[-SAMPLES:]
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-7)
    x = np.concatenate([x[200:0:-1], x, x[-2:-202:-1]])
    n = np.arange(400)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)
    window = np.sin(np.pi * n / 400) ** 2
    columns = np.stack([x[at : at + 400] * window for at in range(0, SAMPLES, 160)])
    power = abs(columns @ basis.T) ** 2
    step = (15 + 27 * np.log(8) / np.log(6.4)) / 81  # mel between the centres of two bands
    edge = [200 * m / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27) for m in step * np.arange(82)]
    bands = np.zeros((BANDS, 201))
    for band in range(BANDS):
        low, centre, high = edge[band : band + 3]
        for k in range(201):
            height = min((k * 40 - low) / (centre - low), (high - k * 40) / (high - centre))
            bands[band, k] = max(0.0, height) * 2 / (high - low)
    decades = np.log10(np.maximum(bands @ power.T, 1e-10))
    return (np.maximum(decades, decades.max() - 8) + 4) / 4


def test_it_is_whispers_spectrogram() -> None:
    got = log_mel(rising_sound())
    for column, expected in REFERENCE.items():
        assert got[::10, column] == pytest.approx(expected, abs=1e-4), column


@pytest.mark.parametrize(
    "samples",
    [
        noise(SAMPLES),
        noise(30_001),
        np.concatenate([noise(60_000), np.zeros(20_000, np.float32), noise(60_000, 2)]),
        np.sign(np.sin(np.arange(70_000) * 0.05)).astype(np.float32),
        np.array([0.5, -0.5], np.float32),
    ],
    ids=["noise", "short", "a pause in a long one", "square wave", "two samples"],
)
def test_it_is_the_definition(samples: np.ndarray) -> None:
    assert log_mel(samples) == pytest.approx(naive(samples), abs=5e-5)


@given(
    samples=arrays.arrays(
        np.float32, st.integers(0, 2000), elements=st.floats(-1, 1, width=32), fill=st.just(0.25)
    ),
    repeats=st.integers(1, 100),
)
def test_any_sound_gives_finite_numbers_of_a_narrow_range(
    samples: np.ndarray, repeats: int
) -> None:
    got = log_mel(np.tile(samples, repeats))
    assert got.shape == (BANDS, FRAMES)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    assert np.isfinite(got).all()
    assert got.max() - got.min() <= 2.0 + 1e-5


def test_only_the_last_eight_seconds_count() -> None:
    newest = noise(SAMPLES)
    assert np.array_equal(log_mel(np.concatenate([noise(9_999, 2), newest])), log_mel(newest))


def test_what_is_shorter_has_silence_before_it() -> None:
    sound = noise(50_000)
    padded = np.concatenate([np.zeros(SAMPLES - 50_000, np.float32), sound])
    assert np.array_equal(log_mel(sound), log_mel(padded))


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_loudness_does_not_matter(gain: float) -> None:
    sound = noise(SAMPLES)
    assert log_mel(gain * sound) == pytest.approx(log_mel(sound), abs=1e-3)


@pytest.mark.parametrize("samples", [0, 1, 50_000])
def test_silence_is_the_same_everywhere(samples: int) -> None:
    assert np.ptp(got := log_mel(np.zeros(samples, np.float32))) == 0.0
    assert got[0, 0] == pytest.approx(-1.5)


def test_the_callers_samples_stay_as_they_are() -> None:
    sound = noise(SAMPLES)
    sound.flags.writeable = False
    log_mel(sound)
    assert np.array_equal(sound, noise(SAMPLES))

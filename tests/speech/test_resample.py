from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.speech.resample import MAX_RATE, MIN_RATE, StreamResampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = st.sampled_from(
    [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
) | st.integers(MIN_RATE, MAX_RATE)
AMPLITUDE = 12_000


def tone(rate: int, frequency: float, seconds: float = 0.4) -> bytes:
    t = np.arange(round(rate * seconds)) / rate
    return np.round(AMPLITUDE * np.sin(2 * np.pi * frequency * t)).astype("<i2").tobytes()


def resample(source: int, target: int, pcm: bytes, cuts: tuple[int, ...] = ()) -> bytes:
    resampler = StreamResampler(source, target)
    edges = [0, *sorted(2 * min(cut, len(pcm) // 2) for cut in cuts), len(pcm)]
    out = [resampler.process(pcm[start:end]) for start, end in itertools.pairwise(edges)]
    return b"".join([*out, resampler.process(b"", last=True)])


def middle(pcm: bytes, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples and their times in seconds, without 50 ms at both ends."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    edge = rate // 20
    return samples[edge:-edge], (np.arange(len(samples)) / rate)[edge:-edge]


def decibels(ratio: float) -> float:
    return 20 * np.log10(max(ratio, 1e-9))


@pytest.mark.requirement("V-2")
@given(source=RATES, target=RATES, share=st.floats(0.02, 0.65))
@settings(deadline=None, max_examples=150)
def test_a_tone_keeps_frequency_level_and_time(source: int, target: int, share: float) -> None:
    frequency = share * min(source, target) / 2
    y, t = middle(resample(source, target, tone(source, frequency)), target)
    basis = np.stack([np.sin(2 * np.pi * frequency * t), np.cos(2 * np.pi * frequency * t)])
    (in_phase, quadrature), *_ = np.linalg.lstsq(basis.T, y, rcond=None)
    level = float(np.hypot(in_phase, quadrature))
    assert abs(decibels(level / AMPLITUDE)) < 0.2
    delay_s = abs(np.arctan2(quadrature, in_phase)) / (2 * np.pi * frequency)
    assert delay_s < 0.1 / min(source, target)
    rest = y - basis.T @ (in_phase, quadrature)
    assert decibels(float(np.std(rest)) / AMPLITUDE) < -60


@pytest.mark.requirement("V-2")
@given(source=RATES, target=RATES, share=st.floats(1.0, 2.0))
@settings(deadline=None, max_examples=100)
def test_what_the_target_cannot_hold_does_not_alias(source: int, target: int, share: float) -> None:
    frequency = share * target / 2
    assume(target < source and frequency < 0.49 * source)
    y, _ = middle(resample(source, target, tone(source, frequency)), target)
    assert decibels(float(np.std(y)) / AMPLITUDE) < -70


@pytest.mark.requirement("V-2")
@given(source=RATES, target=RATES, samples=st.integers(0, 20_000))
@settings(deadline=None)
def test_the_length_is_right_within_a_sample(source: int, target: int, samples: int) -> None:
    out = resample(source, target, bytes(2 * samples))
    assert len(out) % 2 == 0
    assert abs(len(out) / 2 - samples * target / source) <= 1


@pytest.mark.requirement("V-2")
@given(source=RATES, target=RATES, cuts=st.lists(st.integers(0, 20_000), max_size=30).map(tuple))
@settings(deadline=None, max_examples=60)
def test_cutting_the_input_changes_nothing(source: int, target: int, cuts: tuple[int, ...]) -> None:
    pcm = tone(source, 440.0)
    assert resample(source, target, pcm, cuts) == resample(source, target, pcm)


@given(rate=RATES, pcm=st.binary(max_size=200).filter(lambda b: len(b) % 2 == 0))
def test_equal_rates_pass_through_at_once(rate: int, pcm: bytes) -> None:
    resampler = StreamResampler(rate, rate)
    assert resampler.process(pcm) == pcm
    assert resampler.lag_ms == 0
    assert resampler.process(b"", last=True) == b""


@pytest.mark.parametrize(
    ("source", "target", "mean_ms", "longest_ms"),
    [
        (48_000, 16_000, 12, 23),
        (44_100, 16_000, 12, 23),
        (32_000, 16_000, 17, 32),
        (8_000, 16_000, 35, 63),
        (22_050, 48_000, 2, 2),
        (22_050, 44_100, 12, 23),
    ],
)
def test_the_lag_is_as_documented(
    source: int, target: int, mean_ms: float, longest_ms: float
) -> None:
    resampler = StreamResampler(source, target)
    lags = []
    taken = given_out = 0
    for _ in range(200):
        taken += source // 50
        given_out += len(resampler.process(bytes(source // 50 * 2))) // 2
        assert resampler.lag_ms == pytest.approx(1000 * (taken / source - given_out / target))
        lags.append(resampler.lag_ms)
    assert min(lags[20:]) >= 0
    assert np.mean(lags[20:]) < mean_ms
    assert max(lags[20:]) < longest_ms
    resampler.process(b"", last=True)
    assert resampler.lag_ms == 0


@pytest.mark.parametrize("rate", [0, -16_000, MIN_RATE - 1, MAX_RATE + 1])
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_rate_out_of_range_is_the_clients_error(rate: int, side: str) -> None:
    with pytest.raises(ProtocolError, match=f"{rate} Hz") as caught:
        StreamResampler(*((rate, 16_000) if side == "source" else (16_000, rate)))
    assert caught.value.code is ErrorCode.INVALID_AUDIO
    assert "8,000 to 96,000" in caught.value.suggested_action


@pytest.mark.parametrize("source", [16_000, 48_000])
def test_half_a_sample_is_refused_and_the_stream_goes_on(source: int) -> None:
    pcm = tone(source, 300.0)
    resampler = StreamResampler(source, 16_000)
    out = resampler.process(pcm[:2000])
    with pytest.raises(ProtocolError) as caught:
        resampler.process(b"\0\0\0")
    assert caught.value.code is ErrorCode.INVALID_AUDIO
    out += resampler.process(pcm[2000:], last=True)
    assert out == resample(source, 16_000, pcm)


@pytest.mark.parametrize("source", [16_000, 48_000])
def test_nothing_follows_the_last(source: int) -> None:
    resampler = StreamResampler(source, 16_000)
    resampler.process(b"", last=True)
    with pytest.raises(RuntimeError, match="ended"):
        resampler.process(b"\0\0")


def test_loud_audio_is_clipped_not_wrapped() -> None:
    square = np.where(np.arange(9600) % 96 < 48, 32767, -32768).astype("<i2").tobytes()
    y, t = middle(resample(48_000, 16_000, square), 16_000)
    phase = (t * 500) % 1
    assert y[(phase > 0.1) & (phase < 0.4)].min() > 20_000
    assert y[(phase > 0.6) & (phase < 0.9)].max() < -20_000

"""What makes recognition stand noise and strange microphones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.stt.channel import ChannelMean
from voicechat.speech.stt.denoise import FRAME, HOP, Denoiser

RATE = 16_000


def decoder_report(mean: ChannelMean, frames: list[list[float]]) -> str:
    """What pocketsphinx answers: its mean, in which the one it was given counts as 500 frames."""
    start = np.array([float(v) for v in str(mean).split(",")])
    total = ChannelMean.PRIOR_FRAMES * start + np.sum(frames, axis=0)
    return ",".join(f"{v:.9f}" for v in total / (ChannelMean.PRIOR_FRAMES + len(frames)))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_mean_is_that_of_prior_and_frames(parts, random):
    mean, seen = ChannelMean(), []
    for part in parts:
        frames = [[random.uniform(-50, 50) for _ in range(13)] for _ in range(part)]
        report = decoder_report(mean, frames)
        seen += frames
        mean.update(report, len(seen))
    weight = ChannelMean.WEIGHT
    expected = (weight * np.array(ChannelMean.PRIOR) + np.sum(seen, axis=0)) / (weight + len(seen))
    assert [float(v) for v in str(mean).split(",")] == pytest.approx(list(expected), abs=0.01)


def test_no_new_frames_change_nothing():
    mean = ChannelMean()
    before = str(mean)
    mean.update(",".join(["9"] * 13), 0)
    assert str(mean) == before


def noise(seconds: float, rms: float) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(int(seconds * RATE)) * rms


def tone(seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE)) / RATE)


def denoised(samples: np.ndarray) -> np.ndarray:
    denoiser = Denoiser()
    pcm = samples.astype(np.int16).tobytes()
    return np.frombuffer(denoiser.feed(pcm) + denoiser.finish(), np.int16).astype(float)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_steady_noise_is_lowered_and_speech_kept():
    quiet, loud = noise(1.0, 500), noise(1.0, 500) + tone(1.0, 8000)
    result = denoised(np.concatenate((quiet, loud)))
    assert rms(result[RATE // 2 : RATE - FRAME]) < 500 / 3
    assert rms(result[-RATE // 2 :]) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


def test_clean_sound_passes_unchanged():
    sound = np.concatenate((noise(0.3, 5), tone(1.0, 3000)))
    result = denoised(sound)[HOP:][: len(sound)]
    expected = np.trunc(sound)[: len(result)]
    assert rms(result - expected) < 0.02 * rms(expected)


def test_it_recovers_when_there_was_speech_from_the_start():
    result = denoised(np.concatenate((tone(0.5, 8000), noise(0.5, 20), tone(0.5, 8000))))
    assert rms(result[-RATE // 4 :]) > 0.8 * 8000 / np.sqrt(2)


@given(st.lists(st.integers(0, 700), max_size=12))
def test_any_cutting_gives_the_same(cuts):
    pcm = noise(sum(cuts) / RATE, 900).astype(np.int16).tobytes()
    parts, at, denoiser = b"", 0, Denoiser()
    for cut in cuts:
        parts += denoiser.feed(pcm[at : at + 2 * cut])
        at += 2 * cut
    parts += denoiser.feed(pcm[at:]) + denoiser.finish()
    whole = Denoiser()
    assert parts == whole.feed(pcm) + whole.finish()
    assert len(parts) >= len(pcm)

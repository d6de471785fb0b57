from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from voicechat.speech.wav import read_wav

CLIPS = Path(
    os.environ.get(
        "VOICECHAT_TEST_DATA", str(Path(__file__).resolve().parents[3].parent / "shared" / "data")
    )
)
SECONDS = 10
SAMPLES = SECONDS * 16_000


@pytest.fixture(scope="session")
def human_clips() -> dict[str, bytes]:
    """PCM at 16 kHz by name."""
    clips = {path.stem: read_wav(path) for path in sorted(CLIPS.glob("*.wav"))}
    if not clips:
        pytest.skip("no human speech clips: set VOICECHAT_TEST_DATA to their folder")
    assert all(clip.rate == 16_000 for clip in clips.values())
    return {name: clip.pcm for name, clip in clips.items()}


@pytest.fixture(scope="session")
def noises() -> dict[str, bytes]:
    """Ten seconds each of sounds that are no speech."""
    rng = np.random.default_rng(7)
    t = np.arange(SAMPLES) / 16_000
    white = rng.standard_normal(SAMPLES)
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), SAMPLES)
    pink /= pink.std()
    sounds = {
        "quiet white noise": 100 * white,
        "loud white noise": 3000 * white,
        "quiet pink noise": 100 * pink,
        "loud pink noise": 3000 * pink,
        "hum": 3000 * np.sin(2 * np.pi * 50 * t),
        "beep": 8000 * np.sin(2 * np.pi * 1000 * t) * (t % 1 < 0.2),
        "clicks": np.where(np.arange(SAMPLES) % 8000 < 20, 20_000, 0),
    }
    return {
        name: np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes()
        for name, sound in sounds.items()
    }

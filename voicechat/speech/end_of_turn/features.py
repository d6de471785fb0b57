"""The spectrogram that smart-turn looks at: Whisper's, of the last eight seconds. PURE.

Written from the definition of Whisper's features, in NumPy, because the packages that offer them
bring a deep-learning framework along. Sound is put on a loudness of its own, cut into overlapping
windows of 25 ms every 10 ms, and each window's power is summed in 80 bands, which are narrow and
equal below 1 kHz and widen evenly in pitch above it (the mel scale as Slaney's toolbox has it).
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]

SAMPLES: Final = 8 * 16_000
"""Samples that the model looks at: 8 s at 16 kHz."""
BANDS: Final = 80
FRAMES: Final = 800
"""Columns of the spectrogram, 10 ms apart."""

_RATE: Final = 16_000
_WINDOW: Final = 400  # samples: 25 ms
_HOP: Final = SAMPLES // FRAMES
_BINS: Final = _WINDOW // 2 + 1
# Frames that are worked on together: what they need stays in the processor's cache, and the
# product of 16 * 201 * 80 stays below the size at which OpenBLAS takes further cores.
_BLOCK: Final = 16
_LEAST_POWER: Final = 1e-10
_RANGE: Final = 8.0  # powers of ten below the loudest point; what is quieter counts as this
_LEAST_VARIANCE: Final = 1e-7  # so that digital silence is not divided by zero


def log_mel(samples: Float32) -> Float32:
    """Whisper's logarithmic mel spectrogram of the end of a recording.

    Args:
        samples: At 16 kHz in -1…1, float32 [n]; the last 8 s count, and what is shorter has
            silence before it.

    Returns:
        float32 [80, 800], lowest band first, the newest sound in the last column.
    """
    power = np.empty((FRAMES, BANDS), np.float32)
    filters, window = _mel_filters(), _hann()
    frames = sliding_window_view(_mirrored(_normalised(samples)), _WINDOW)[::_HOP]
    for at in range(0, FRAMES, _BLOCK):
        spectrum = np.fft.rfft(frames[at : at + _BLOCK] * window)
        density = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
        np.matmul(density, filters, out=power[at : at + _BLOCK])
    decades = np.log10(np.maximum(power, _LEAST_POWER)).T
    # From here on it is about -1…1, as the network was trained.
    return np.ascontiguousarray((np.maximum(decades, decades.max() - _RANGE) + 4.0) / 4.0)


def _normalised(samples: Float32) -> Float32:
    """The last 8 s with a mean of 0 and a variance of 1, the silence before them included."""
    padded = np.zeros(SAMPLES, np.float32)
    newest = samples[-SAMPLES:]
    padded[SAMPLES - len(newest) :] = newest
    padded -= padded.mean()
    padded /= np.sqrt(padded.var() + _LEAST_VARIANCE)
    return padded


def _mirrored(samples: Float32) -> Float32:
    """Half a window more at either end, so that the first window is centred on sample 0."""
    return np.pad(samples, _WINDOW // 2, mode="reflect")


@cache
def _hann() -> Float32:
    """The periodic Hann window, float32 [400]."""
    phase = 2.0 * np.pi * np.arange(_WINDOW) / _WINDOW
    return _kept(0.5 - 0.5 * np.cos(phase))


@cache
def _mel_filters() -> Float32:
    """How much of each Fourier bin a band takes, float32 [201, 80].

    Triangles between the centres of the neighbouring bands, each with the same area.
    """
    highest = _hertz_to_mel(_RATE / 2)
    edges = _mel_to_hertz(np.linspace(0.0, highest, BANDS + 2))
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    hertz = np.linspace(0.0, _RATE / 2, _BINS)[:, None]
    rising, falling = (hertz - below) / (centre - below), (above - hertz) / (above - centre)
    return _kept(np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (above - below))


# Slaney's mel scale: 3 mel for 200 Hz up to 1 kHz (15 mel); above it 27 mel for a factor of 6.4.
_KNEE_HERTZ: Final = 1000.0
_KNEE_MEL: Final = 15.0
_MEL_PER_E_FOLD: Final = 27.0 / np.log(6.4)


def _hertz_to_mel(hertz: float) -> float:
    """Of a frequency above 1 kHz."""
    return float(_KNEE_MEL + _MEL_PER_E_FOLD * np.log(hertz / _KNEE_HERTZ))


def _mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    curved = _KNEE_HERTZ * np.exp((mel - _KNEE_MEL) / _MEL_PER_E_FOLD)
    return np.where(mel < _KNEE_MEL, mel * _KNEE_HERTZ / _KNEE_MEL, curved)


def _kept(values: NDArray[np.float64]) -> Float32:
    """In single precision and read-only, as it is shared by all callers."""
    kept = values.astype(np.float32)
    kept.flags.writeable = False
    return kept

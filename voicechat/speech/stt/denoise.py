"""PURE. Takes steady noise out of speech before it is recognised.

A Wiener filter in the short-time spectrum with the decision-directed estimate of Ephraim and Malah
(1984). The acoustic model was trained on clean speech; steady noise 10 dB below the voice otherwise
costs it most of its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Spectrum = NDArray[np.float64]

FRAME = 512  # samples: 32 ms at 16 kHz, long enough to tell a voice's harmonics from noise
HOP = FRAME // 2
FIRST = 8  # hops (128 ms) from which the noise is first estimated: they precede the speech
SMOOTHING = 0.95  # of the decision-directed estimate; less lets single bins ring ("musical noise")
OVERESTIMATE = 2.0
LEAST_GAIN = 0.1  # -20 dB: what is left hides the artefacts
FALL, RISE = 0.9, 0.97  # of the old estimate that each hop keeps when it is quieter, or similar
CREEP = 1.01  # per hop: so slowly grows the estimate under what is louder
SIMILAR = 4.0  # times the noise: what is louder counts as speech
HARMLESS = HOP * 30.0**2  # power in a bin of white noise of -60 dBFS, which is left alone


class Denoiser:
    """One stream; it delays by 16 ms."""

    def __init__(self) -> None:
        self._window = np.sqrt(np.hanning(FRAME + 1)[:FRAME])
        self._input: Spectrum = np.zeros(HOP)
        self._overlap: Spectrum = np.zeros(HOP)
        self._noise: Spectrum | None = None
        self._clean: Spectrum | None = None  # signal-to-noise ratio of the last hop
        self._hops = 0

    def feed(self, pcm: bytes) -> bytes:
        """Take PCM of any length; return what is ready, in whole hops."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float64)
        self._input = np.concatenate((self._input, samples))
        done = []
        while len(self._input) >= FRAME:
            spectrum = np.fft.rfft(self._input[:FRAME] * self._window)
            self._input = self._input[HOP:]
            frame = np.fft.irfft(spectrum * self._gain(spectrum), FRAME) * self._window
            done.append(self._overlap + frame[:HOP])
            self._overlap = frame[HOP:]
        if not done:
            return b""
        return np.clip(np.concatenate(done), -32768, 32767).astype(np.int16).tobytes()

    def finish(self) -> bytes:
        """The rest."""
        return self.feed(bytes(2 * FRAME))

    def _gain(self, spectrum: NDArray[np.complex128]) -> Spectrum:
        power = np.abs(spectrum) ** 2
        noise = np.maximum(self._follow(power) - HARMLESS, 1.0) * OVERESTIMATE
        ratio = power / noise
        likely = np.maximum(ratio - 1.0, 0.0)
        if self._clean is not None:
            likely = SMOOTHING * self._clean + (1 - SMOOTHING) * likely
        gain: Spectrum = np.maximum(likely / (1.0 + likely), LEAST_GAIN)
        self._clean = gain**2 * ratio
        return gain

    def _follow(self, power: Spectrum) -> Spectrum:
        noise = power if self._noise is None else self._noise
        if self._hops < FIRST:
            noise = (noise * self._hops + power) / (self._hops + 1)
        else:
            keep = np.where(power < noise, FALL, RISE)
            noise = np.where(
                power < SIMILAR * noise, keep * noise + (1 - keep) * power, noise * CREEP
            )
        self._hops += 1
        self._noise = noise
        return noise

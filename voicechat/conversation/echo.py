"""Tells the assistant's own voice, come back through the loudspeaker, from the user's. PURE.

An assistant that takes its echo for the user interrupts itself. Two independent signs: what the
microphone hears rises and falls, band by band, as what was being played did; and the words that
are recognised are a run of those being spoken. Neither needs the echo's waveform, so rooms,
loudspeakers and clocks that drift do no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from voicechat.speech.audio import SAMPLE_BYTES, int16_samples
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

ECHO_SCORE: Final = 0.75
"""From this score on it is echo: own voice with noise scores about 0.9, a user 0.4."""
MIN_MS: Final = 250
"""Less audio than this has too few syllables to tell; its score is 0."""
MAX_MS: Final = 1000
"""Only the last of longer audio is compared: the beginning could be someone else."""
EARLIEST_S: Final = -0.15
"""The microphone may be this much ahead of the estimated position…"""
LATEST_S: Final = 0.6
"""…and this much behind: network, buffers, the way through the room."""

_HOP_S: Final = 0.016  # half a phoneme: a lag is never off by more than half of this
_WINDOW_S: Final = 0.048  # long enough to separate the harmonics of a voice, so its melody counts
_KEPT: Final = int(10 / _HOP_S)  # frames: what was sent ahead, and all the delays
_EDGES_HZ: Final = (*range(120, 1000, 40), *np.geomspace(1000, 3800, 12))
_BANDS: Final = len(_EDGES_HZ) - 1
_FLOOR: Final = 10**-1.5  # below the loudest of its band and of all: there it is room and noise
_BATCH_S: Final = 0.25
_QUANTISATION: Final = 1.0  # energy that silence may have


class EchoReference:
    """What one turn has said, as energies of narrow bands: [frames, bands], bounded.

    Args:
        rate: Sample rate of the speech that is sent, 8,000…96,000 Hz.
    """

    def __init__(self, rate: int) -> None:
        self._bands: Final = _Bands(rate)
        self._energies = np.zeros((0, _BANDS), np.float32)
        self._forgotten = 0  # frames
        self._waiting = bytearray()
        self._batch: Final = round(_BATCH_S * rate) * SAMPLE_BYTES

    def sent(self, pcm: bytes) -> None:
        """The next speech of the turn (whole samples) has left."""
        self._waiting += pcm
        if len(self._waiting) >= self._batch:
            self._take_in()

    def _take_in(self) -> None:
        """Compute what waits: much at once is cheaper, and the first frame should not wait."""
        fresh = self._bands.push(int16_samples(bytes(self._waiting)))
        self._waiting.clear()
        if len(fresh):
            kept = np.concatenate([self._energies, fresh])
            self._energies = kept[-_KEPT:]
            self._forgotten += len(kept) - len(self._energies)

    def score(self, mic: bytes, position: int) -> float:
        """How much `mic` sounds like what was being played, 0…1; compare with `ECHO_SCORE`.

        Args:
            mic: The last 250…1000 ms of voiced audio of the microphone at `INPUT_RATE`.
            position: Which sample of the turn was being played at the end of `mic`, as far as is
                known; `EARLIEST_S`…`LATEST_S` of error are searched.
        """
        samples = int16_samples(mic[-MAX_MS * INPUT_RATE // 1000 * SAMPLE_BYTES :])
        if len(samples) < MIN_MS * INPUT_RATE // 1000:
            return 0.0
        self._take_in()
        # Frames that end with the audio, not with the last whole hop from its begin.
        spare = (len(samples) - round(_WINDOW_S * INPUT_RATE)) % round(_HOP_S * INPUT_RATE)
        heard = _Bands(INPUT_RATE).push(samples[spare:])
        end = round((position / self._bands.rate - _WINDOW_S) / _HOP_S) + 1
        first = end - len(heard) - round(LATEST_S / _HOP_S)
        played = self._frames(first, end - round(EARLIEST_S / _HOP_S))
        return _best_correlation(_levels(heard), _levels(played))

    def _frames(self, first: int, stop: int) -> NDArray[np.float32]:
        """Energies of these frames [stop - first, bands]: silence before, after, long ago."""
        frames = np.zeros((stop - first, _BANDS), np.float32)
        begin = max(first, self._forgotten)
        known = self._energies[begin - self._forgotten : max(0, stop - self._forgotten)]
        frames[begin - first : begin - first + len(known)] = known
        return frames


class _Bands:
    """Band energies of a stream, in frames of `_WINDOW_S` every `_HOP_S` whatever its rate."""

    def __init__(self, rate: int) -> None:
        self.rate: Final = rate
        self._factor: Final = max(1, rate // INPUT_RATE)  # high rates: means of so many samples
        slow = rate / self._factor
        self._hop: Final = slow * _HOP_S
        self._size: Final = round(slow * _WINDOW_S)
        self._window: Final = np.hanning(self._size + 2)[1:-1].astype(np.float32)
        bins = np.searchsorted(np.arange(self._size // 2 + 1) * slow / self._size, _EDGES_HZ)
        self._bins: Final = bins
        self._widths: Final = np.maximum(1, np.diff(bins))
        self._rest = np.zeros(0, np.int16)  # less than `_factor` samples
        self._samples = np.zeros(0, np.float32)
        self._begin = 0  # where `_samples` begins
        self._frame = 0  # the next one

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """Add samples [n]; the energies of the frames that are now complete [frames, bands]."""
        if self._factor > 1:
            samples = np.concatenate([self._rest, samples])
            whole = len(samples) // self._factor * self._factor
            samples, self._rest = samples[:whole], samples[whole:]
            means = samples.reshape(-1, self._factor).mean(1, dtype=np.float32)
        else:
            means = samples.astype(np.float32)
        self._samples = np.concatenate([self._samples, means])
        known = self._begin + len(self._samples)
        count = max(0, int((known - self._size) / self._hop) + 2 - self._frame)
        starts = np.rint((self._frame + np.arange(count)) * self._hop).astype(np.intp)
        starts = starts[starts + self._size <= known]
        frames = self._samples[(starts - self._begin)[:, None] + np.arange(self._size)]
        spectrum = np.fft.rfft(frames * self._window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        sums = np.zeros((len(starts), self._size // 2 + 2))
        np.cumsum(power, axis=1, out=sums[:, 1:])
        energies = np.diff(sums[:, self._bins], axis=1) / self._widths / self._size
        self._frame += len(starts)
        done = round(self._frame * self._hop) - self._begin
        self._samples, self._begin = self._samples[done:], self._begin + done
        return energies.astype(np.float32)


def _levels(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms [frames, bands] of energies, in which noise and room hardly show.

    A band that is weak in all frames matters less: half of its floor comes from the loudest band.
    """
    floor = _FLOOR * (energies.max(axis=0) + energies.max()) / 2 + _QUANTISATION
    levels: NDArray[np.float32] = np.log(energies + floor)
    return levels


def _best_correlation(heard: NDArray[np.float32], played: NDArray[np.float32]) -> float:
    """The largest normalised correlation of `heard` [n, bands] with any n frames of `played`.

    Each band's mean is removed, so that the gain and colour of the way do not matter.
    """
    n = len(heard)
    heard = heard - heard.mean(axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(played, n, axis=0)  # [lags, bands, n]
    products = np.einsum("lbn,nb->l", windows, heard)
    sums = _sliding_sums(played, n)
    variance = (_sliding_sums(played**2, n) - sums**2 / n).sum(axis=1)
    norms = np.sqrt(np.maximum(variance, 0) * float((heard**2).sum()))
    # A pause against a pause is no likeness: bands that move by less than 0.14 dB (RMS).
    still = norms < 1e-3 * n * _BANDS
    return float(np.clip(np.where(still, 0, products / np.where(still, 1, norms)).max(), 0, 1))


def _sliding_sums(values: NDArray[np.float32], n: int) -> NDArray[np.float64]:
    """Sums of each n successive rows: [rows - n + 1, columns]."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=sums[1:], dtype=np.float64)
    return sums[n:] - sums[:-n]


_MOST_WORDS: Final = 100  # about half a minute of speech; bounds the work
_SKIP: Final = 0.5  # what a word that does not fit takes away from those that do


def text_echo(heard: str, spoken: str) -> float:
    """How much of what was recognised is a run of the words being spoken, 0…1.

    Words that fit but lie apart count little: everybody says "the". One of the two may have a word
    more or another word now and then, as recognisers do.

    Args:
        heard: The recognised words.
        spoken: The text being spoken around that time; of both, the last 100 words are
            compared.
    """
    ours, theirs = _words(spoken), _words(heard)
    if not theirs:
        return 0.0
    best = 0.0
    row = [0.0] * (len(ours) + 1)  # the best run that ends at each word of ours
    for word in theirs:
        above, row = row, [0.0] * (len(ours) + 1)
        for i, own in enumerate(ours, 1):
            straight = above[i - 1] + (1 if word == own else -_SKIP)
            row[i] = max(0.0, straight, above[i] - _SKIP, row[i - 1] - _SKIP)
        best = max(best, *row)
    return best / len(theirs)


def _words(text: str) -> list[str]:
    """Lower-case words without punctuation, at most `_MOST_WORDS` of the last."""
    bare = (
        "".join(char for char in word if char.isalnum())
        for word in text.lower().split()[-_MOST_WORDS:]
    )
    return [word for word in bare if word]

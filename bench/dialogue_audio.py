"""The sounds of the dialogue evaluation: voices with pauses, back-channels, coughs, echo, noise.

Sounds are float arrays of 16 kHz samples on the scale of 16-bit PCM. Everybody speaks equally loud,
so that a level in dB means the same for each voice; all chance comes from fixed seeds.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.spoken import CLIPS, flite, pink
from voicechat.speech.wav import read_wav

if TYPE_CHECKING:
    from collections.abc import Iterable

RATE = 16_000
MS = RATE // 1000
VOICES = ("slt", "rms", "awb", "kal16")
SPEECH_RMS = 2000.0
"""Level of everybody's speech: what a person says to a laptop in front of them."""
ROOM_RMS = 4.0
"""Level of a quiet room: never digital silence."""
_AUDIBLE_DB = -35.0
"""Sound below this, relative to the loudest 10 ms, is silence: flite's tails are still fainter."""
_CLIP_AUDIBLE_DB = -25.0
"""The same for recordings, which have a room of their own."""
_BOUNDARY_MS = 40
"""A word boundary is sought so far around where the synthesiser puts it."""


def is_there() -> bool:
    """Whether flite can speak."""
    return any(
        (Path(folder) / "flite").is_file()
        for folder in os.environ.get("PATH", "").split(os.pathsep)
    )


@cache
def say(text: str, voice: str) -> np.ndarray:
    """Words in one of flite's voices, from the first audible sample to the last."""
    return _trimmed(np.frombuffer(flite(text, voice), "<i2").astype(np.float64))


@cache
def phones(spelled: str, voice: str) -> np.ndarray:
    """Sounds that have no spelling, as phones: "mm-hmm" is "m ax hh m"."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/speech.wav"
        command = ["flite", "-voice", voice, "-p", f"pau {spelled} pau", "-o", path]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return _trimmed(np.frombuffer(read_wav(path).pcm, "<i2").astype(np.float64))


@cache
def clip(name: str) -> np.ndarray:
    """A recording of a person, without the silence around it."""
    x = np.frombuffer(read_wav(CLIPS / name).pcm, "<i2").astype(np.float64)
    return _trimmed(x, _CLIP_AUDIBLE_DB)


def clips() -> list[str]:
    """Names of all recordings; empty where there are none."""
    return sorted(path.name for path in CLIPS.glob("*.wav"))


@cache
def hesitating(before: str, pause_ms: int, after: str, voice: str) -> np.ndarray:
    """A sentence spoken in one breath, with a silence put in between two of its words."""
    whole = say(f"{before} {after}", voice)
    at = _boundary(before, f"{before} {after}", voice, whole)
    return np.concatenate([_faded(whole[:at]), np.zeros(pause_ms * MS), whole[at:]])


@cache
def in_parts(before: str, pause_ms: int, after: str, voice: str) -> np.ndarray:
    """Two sentences that make one: the first sounds finished when the second is added."""
    return np.concatenate([say(before, voice), np.zeros(pause_ms * MS), say(after, voice)])


def cough(length_ms: int, level_db: float, seed: int) -> np.ndarray:
    """A burst of noise with the attack and the two humps of a cough, `level_db` over speech."""
    rng = np.random.default_rng(seed)
    n = length_ms * MS
    t = np.arange(n) / n
    attack = np.minimum(1.0, np.arange(n) / (5 * MS))
    # The glottis opens with a bang, air streams, and it closes again with a smaller bang.
    envelope = attack * (np.exp(-6 * t) + 0.35 * np.exp(-(((t - 0.7) / 0.12) ** 2)))
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE)
    shape = sum(
        gain / (1 + ((hz - centre) / width) ** 2)
        for centre, width, gain in (
            (rng.uniform(350, 600), 200, 1.0),
            (rng.uniform(1200, 1800), 400, 0.7),
            (rng.uniform(2800, 3800), 900, 0.4),
        )
    )
    x = np.fft.irfft(spectrum * shape, n) * envelope
    return x * SPEECH_RMS * 10 ** (level_db / 20) / _active_rms(x)


def noise(seconds: float, snr_db: float | None, seed: int) -> np.ndarray:
    """Pink noise below everybody's speech by `snr_db`; None is a quiet room."""
    level = ROOM_RMS if snr_db is None else SPEECH_RMS / 10 ** (snr_db / 20)
    return level * pink(int(seconds * RATE), np.random.default_rng(seed))


class EchoPath:
    """The way from the loudspeaker to the microphone: late, soft, and through a room.

    Args:
        level_db: Of the echo, relative to what is played.
        delay_ms: How late it is.
        seed: Makes the room.
    """

    def __init__(self, level_db: float, delay_ms: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        tail = rng.standard_normal(40 * MS) * np.exp(-np.arange(40 * MS) / (10 * MS))
        tail[0] = 3.0  # the direct sound
        self._response = tail / np.sqrt(np.sum(tail**2)) * 10 ** (level_db / 20)
        self._delay = delay_ms * MS

    def heard(self, played: np.ndarray, at: int, n: int) -> np.ndarray:
        """Samples `at`… of the microphone, of all that was played so far."""
        reach = len(self._response) - 1
        begin, end = at - self._delay - reach, at - self._delay + n
        if end <= 0:
            return np.zeros(n)
        part = played[max(0, begin) : end]
        part = np.concatenate([np.zeros(n + reach - len(part)), part])
        return np.convolve(part, self._response, "valid")


def _levels(x: np.ndarray) -> np.ndarray:
    """RMS of each 10 ms."""
    n = len(x) // (10 * MS)
    return np.sqrt(np.mean(x[: n * 10 * MS].reshape(n, -1) ** 2, axis=1))


def _active_rms(x: np.ndarray) -> float:
    levels = _levels(x)
    return float(np.sqrt(np.mean(levels[levels > 0.03 * levels.max()] ** 2)))


def _trimmed(x: np.ndarray, audible_db: float = _AUDIBLE_DB) -> np.ndarray:
    levels = _levels(x)
    loud = np.nonzero(levels > np.percentile(levels, 99) * 10 ** (audible_db / 20))[0]
    x = x[loud[0] * 10 * MS : (loud[-1] + 1) * 10 * MS]
    return x * SPEECH_RMS / _active_rms(x)


def _faded(x: np.ndarray) -> np.ndarray:
    """Without the click of a sudden end."""
    x = x.copy()
    x[-5 * MS :] *= np.linspace(1, 0, 5 * MS)
    return x


def _boundary(before: str, whole: str, voice: str, x: np.ndarray) -> int:
    """The sample of `x` (that is `whole`) where the words of `before` end."""
    ends = _phone_ends(whole, voice)
    # What the synthesiser tells has its own silences around; the sound itself tells the rest.
    first, last = ends[0][1], ends[-2][1] if ends[-1][0] == "pau" else ends[-1][1]
    spoken = [end for name, end in ends if name != "pau"]
    count = sum(name != "pau" for name, _ in _phone_ends(before, voice))
    at = int((spoken[count - 1] - first) / (last - first) * len(x))
    around = range(max(1, at // (10 * MS) - _BOUNDARY_MS // 10), at // (10 * MS) + 5)
    levels = _levels(x)
    return min((i for i in around if i < len(levels)), key=lambda i: levels[i]) * 10 * MS


def _phone_ends(text: str, voice: str) -> list[tuple[str, float]]:
    command = ["flite", "-voice", voice, "-psdur", "-t", text, "none"]
    told: Iterable[str] = subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.split()
    pairs = (item.split(":") for item in told)
    return [(name, float(end)) for name, end in pairs]

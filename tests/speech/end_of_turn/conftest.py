from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.speech.end_of_turn.tiny_onnx import network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A network whose probability is the logistic function of its input's mean."""
    path = tmp_path / "secret-folder" / "tiny.onnx"
    path.parent.mkdir()
    path.write_bytes(network())
    return path

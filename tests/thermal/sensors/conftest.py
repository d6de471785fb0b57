"""A machine to measure, made of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.thermal.sensors.machines import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Write the files of a machine; returns where its sysfs is."""

    def write(files: Mapping[str, str]) -> Path:
        sysfs = tmp_path / "sys"
        sysfs.mkdir(exist_ok=True)
        for name, text in files.items():
            path = sysfs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return sysfs

    return write

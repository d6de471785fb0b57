from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from voicechat.session.store.memory import MemoryStore
from voicechat.session.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStore | SqliteStore:
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path, power_safe=False)

"""Hatchling's build hook: puts the page into wheels and editable installs where it can be built."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Runs `build_page.py` before files are collected; it tells what is missing and never fails."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless whoever installs has done so (VOICECHAT_BUILD_PAGE=0)."""
        del version, build_data
        if os.environ.get("VOICECHAT_BUILD_PAGE") != "0":
            runpy.run_path(str(Path(self.root) / "web" / "build_page.py"))["build"]()

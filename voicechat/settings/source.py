"""Where each value in force came from, so that a bad one can be named with its place."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voicechat.settings.tree import Settings


class Layer(StrEnum):
    """Where a value can come from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@attrs.frozen
class Source:
    """Where a value came from: `where` is the file and key, the variable, or the flag's key."""

    layer: Layer
    where: str = ""

    def __str__(self) -> str:
        """Name it as a person would."""
        match self.layer:
            case Layer.DEFAULT:
                return "default"
            case Layer.FILE:
                return self.where
            case Layer.ENVIRONMENT:
                return f"environment variable {self.where}"
            case Layer.FLAG:
                return "flag"


@attrs.frozen
class Effective:
    """The settings in force and, by full key such as ``server.port``, the source of each."""

    settings: Settings
    sources: Mapping[str, Source]

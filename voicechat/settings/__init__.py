"""Settings: one frozen tree, filled from defaults, a TOML file, the environment and flags."""

from __future__ import annotations

from voicechat.settings.loading import Effective, Layer, Source, is_loopback, load
from voicechat.settings.tree import (
    MASK,
    Agent,
    Conversation,
    Log,
    Server,
    Setting,
    Settings,
    Speech,
    leaves,
    sections,
    values,
)

__all__ = [
    "MASK",
    "Agent",
    "Conversation",
    "Effective",
    "Layer",
    "Log",
    "Server",
    "Setting",
    "Settings",
    "Source",
    "Speech",
    "is_loopback",
    "leaves",
    "load",
    "sections",
    "values",
]

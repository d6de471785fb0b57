"""Settings: one frozen tree, filled from defaults, a TOML file, the environment and flags."""

from __future__ import annotations

from voicechat.settings.loading import Effective, Layer, Source, is_loopback, load
from voicechat.settings.setting import MASK, Setting
from voicechat.settings.tree import (
    Agent,
    Conversation,
    Log,
    Recording,
    Server,
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
    "Recording",
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

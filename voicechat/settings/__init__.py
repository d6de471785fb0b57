"""Settings: one frozen tree, filled from defaults, a TOML file, the environment and flags."""

from __future__ import annotations

from voicechat.settings.band import Band
from voicechat.settings.contradictions import is_loopback
from voicechat.settings.loading import load
from voicechat.settings.sections import Agent, Conversation, Log, Recording, Server, Speech
from voicechat.settings.sessions import Sessions
from voicechat.settings.setting import MASK, Setting
from voicechat.settings.source import Effective, Layer, Source
from voicechat.settings.thermal import Thermal
from voicechat.settings.tree import Settings, leaves, sections, values

__all__ = [
    "MASK",
    "Agent",
    "Band",
    "Conversation",
    "Effective",
    "Layer",
    "Log",
    "Recording",
    "Server",
    "Sessions",
    "Setting",
    "Settings",
    "Source",
    "Speech",
    "Thermal",
    "is_loopback",
    "leaves",
    "load",
    "sections",
    "values",
]

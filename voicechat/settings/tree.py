"""Every setting of voicechat, in one frozen tree.

The reference page and `voicechat config` are made from it, so a new setting is one new field in
its section and nothing else. Other parts take the section they need, never the whole tree.
"""

# ruff: noqa: RUF009  (_section() makes an attrs field)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from voicechat.settings.sections import Agent, Conversation, Log, Recording, Server, Speech
from voicechat.settings.sessions import Sessions
from voicechat.settings.setting import METADATA, Setting
from voicechat.settings.thermal import Thermal

if TYPE_CHECKING:
    from collections.abc import Iterator


def _section(cls: type[Any]) -> Any:
    return attrs.field(factory=cls, metadata={METADATA: cls})


@attrs.frozen
class Settings:
    """The whole tree, one attribute a section."""

    server: Server = _section(Server)
    speech: Speech = _section(Speech)
    conversation: Conversation = _section(Conversation)
    sessions: Sessions = _section(Sessions)
    recording: Recording = _section(Recording)
    agent: Agent = _section(Agent)
    thermal: Thermal = _section(Thermal)
    log: Log = _section(Log)


def sections() -> dict[str, type[Any]]:
    """Return the class of each section, by name, in the order of the tree."""
    return {field.name: field.metadata[METADATA] for field in attrs.fields(Settings)}


def fields_of(section: type[Any]) -> Iterator[tuple[str, Setting]]:
    """Yield name and description of each setting of a section."""
    for field in attrs.fields(section):
        yield field.name, field.metadata[METADATA]


def leaves() -> dict[str, Setting]:
    """Return every setting by its full key, such as ``server.port``."""
    return {
        f"{name}.{key}": described
        for name, section in sections().items()
        for key, described in fields_of(section)
    }


def values(settings: Settings) -> dict[str, Any]:
    """Return every value by its full key."""
    return {
        key: getattr(getattr(settings, key.partition(".")[0]), key.partition(".")[2])
        for key in leaves()
    }

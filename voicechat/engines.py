"""Finds engines by name: those built in, and those that other installed packages announce.

A package announces one by an entry point whose name is what the setting says, and whose object is
a function from `voicechat.settings.Settings` to an object that fits the port::

    [project.entry-points."voicechat.text_to_speech"]
    piper = "my_package:make_piper"
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from voicechat.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voicechat.settings import Settings

T = TypeVar("T")

log = structlog.get_logger()

GROUPS = {
    "speech.vad": "voicechat.voice_activity",
    "speech.stt": "voicechat.speech_to_text",
    "speech.tts": "voicechat.text_to_speech",
    "agent.kind": "voicechat.agents",
    "thermal.sensor": "voicechat.thermal_sensors",
    "sessions.store": "voicechat.stores",
}
"""The entry point group of each setting that names an engine."""


def make(key: str, name: str, settings: Settings, built_in: Mapping[str, Callable[[], T]]) -> T:
    """Make the engine that a setting names.

    Args:
        key: The setting, one of `GROUPS`.
        name: Its value.
        settings: What the engine is made from.
        built_in: Makers of those that voicechat brings along; a name in it cannot be replaced.

    Raises:
        SettingError: There is no such engine, or its package is broken.
    """
    if name in built_in:
        return built_in[name]()
    found = others(key, settings)
    if name not in found:
        raise SettingError(
            f"{key} is {name!r}; allowed: {', '.join(sorted({*built_in, *found}))}",
            suggested_action="Check the name, or install the package that brings this engine.",
        )
    made: T = found[name]()
    return made


def others(key: str, settings: Settings) -> dict[str, Callable[[], Any]]:
    """Makers of what other packages announce, by name; each raises `SettingError` if it is broken.

    Args:
        key: The setting, one of `GROUPS`.
        settings: What the engines are made from.
    """
    found = entry_points(group=GROUPS[key])
    return {entry.name: partial(_load, key, entry, settings) for entry in found}


def _load(key: str, entry: EntryPoint, settings: Settings) -> Any:
    try:
        return entry.load()(settings)
    except SettingError:
        raise
    except Exception:  # another package's code: anything can happen
        log.exception("engine cannot be made", setting=key, engine=entry.name)
        raise SettingError(
            f"{key} is {entry.name!r}, but the package that brings it does not work",
            suggested_action="Its own words are in the log; update or repair that package.",
        ) from None

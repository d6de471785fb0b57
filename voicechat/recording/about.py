"""What a recording tells about the server that made it: settings and versions, no secrets."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import voicechat
from voicechat.settings import MASK, Settings, leaves, values

SECTIONS: Final = ("speech", "conversation", "agent")
"""Those whose settings decide what a session does."""


def relevant_settings(settings: Settings) -> dict[str, Any]:
    """Values by full key as JSON can hold them, of the `SECTIONS`; secrets are masked."""
    known = leaves()
    told: dict[str, Any] = {}
    for key, value in values(settings).items():
        if key.partition(".")[0] not in SECTIONS:
            continue
        if known[key].secret and value:
            told[key] = MASK
        elif isinstance(value, Path):
            told[key] = str(value)
        else:
            told[key] = list(value) if isinstance(value, tuple) else value
    return told


def versions() -> dict[str, str]:
    """Versions of the installed packages that voicechat needs or can use, by name."""
    try:
        needed = metadata.requires("voicechat") or []
    except metadata.PackageNotFoundError:  # runs from its source
        needed = []
    found: dict[str, str] = {}
    for name in sorted({re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in needed}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra
    return found


def version() -> str:
    """That of voicechat."""
    return voicechat.__version__

"""All messages, one family a file; a new family is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from voicechat.protocol.messages.base import ClientMessage, ServerMessage


def _collect(base: type[Any]) -> tuple[type[Any], ...]:
    found: dict[str, type[Any]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if not isinstance(value, type) or not issubclass(value, base) or value is base:
                continue
            name: str = vars(value)["type"]
            if found.setdefault(name, value) is not value:
                raise TypeError(f"two messages have the type {name!r}")
    return tuple(found[name] for name in sorted(found))


CLIENT_MESSAGES: tuple[type[ClientMessage], ...] = _collect(ClientMessage)
"""Every message that a client may send, by name."""

SERVER_MESSAGES: tuple[type[ServerMessage], ...] = _collect(ServerMessage)
"""Every message that the server may send, by name."""

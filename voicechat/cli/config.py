"""`voicechat config`: print the settings in force and where each came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from voicechat.cli.options import SettingsOptions
from voicechat.settings import MASK, Effective, Setting, leaves, values

if TYPE_CHECKING:
    from collections.abc import Mapping


def config(
    *,
    options: SettingsOptions | None = None,
    format_: Annotated[
        Literal["table", "toml", "json"],
        Parameter(name="--format", help="table for people, toml to edit, json for programs."),
    ] = "table",
) -> int:
    """Print the settings in force and where each came from; secrets are masked."""
    effective = (options or SettingsOptions()).load()
    print({"table": as_table, "toml": as_toml, "json": as_json}[format_](effective))
    return 0


def as_table(effective: Effective) -> str:
    """Return one line a setting: key, value, source."""
    shown = {key: _toml(value) for key, value in plain_values(effective).items()}
    key_width, value_width = (max(map(len, column)) for column in (shown, shown.values()))
    return "\n".join(
        f"{key:<{key_width}}  {value:<{value_width}}  {effective.sources[key]}"
        for key, value in shown.items()
    )


def as_toml(effective: Effective) -> str:
    """Return a file that gives the same settings again, each with its source as a comment."""
    lines: list[str] = []
    section = ""
    for full, value in plain_values(effective).items():
        name, _, key = full.partition(".")
        if name != section:
            lines += ["", f"[{name}]"] if section else [f"[{name}]"]
            section = name
        # TOML has no null, and a mask is no value: both stand as comments.
        hidden = "# " if value is None or value == MASK else ""
        lines.append(f"{hidden}{key} = {_toml(value)}  # {effective.sources[full]}")
    return "\n".join(lines)


def as_json(effective: Effective) -> str:
    """Return an object by full key with ``value`` and ``source``."""
    shown = {
        key: {"value": value, "source": str(effective.sources[key])}
        for key, value in plain_values(effective).items()
    }
    return json.dumps(shown, indent=2, ensure_ascii=False)


def plain_values(
    effective: Effective, described: Mapping[str, Setting] | None = None
) -> dict[str, Any]:
    """Return each value as JSON can hold it, secrets masked.

    Args:
        effective: The settings.
        described: What is known of each key; None takes the settings tree's own.
    """
    known = leaves() if described is None else described
    shown: dict[str, Any] = {}
    for key, value in values(effective.settings).items():
        if known[key].secret and value:
            shown[key] = MASK
        elif isinstance(value, Path):
            shown[key] = str(value)
        else:
            shown[key] = list(value) if isinstance(value, tuple) else value
    return shown


def _toml(value: Any) -> str:
    """Write a value as TOML; JSON's strings, numbers and lists of strings are TOML's as well."""
    return '""' if value is None else json.dumps(value, ensure_ascii=False)

"""Writes docs/reference/settings.md from the settings tree; `--check` fails when it is stale.

Run as ``python docs/settings_reference.py [--check]``.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from voicechat.settings import Setting, Settings, leaves, sections, values

PAGE = Path(__file__).parent / "reference" / "settings.md"

HEAD = """\
<!-- Made by `nox -s docs -- --write` from voicechat/settings; do not edit. -->

# Settings

Each setting has a default. The file `voicechat.toml` in the current directory (or the one named
by `--config`) replaces defaults; an environment variable replaces the file; a flag
(`--set section.key=value`, or a command's own such as `--port`) replaces all of them.
`voicechat config` shows the values in force and where each came from.

```toml
# voicechat.toml
[server]
port = 8080

[speech]
rate_wpm = 190
```

An unknown key or a value that is not allowed ends the program with one line that names it.
"""


def page() -> str:
    """Return the whole page."""
    described, defaults = leaves(), values(Settings())
    parts = [HEAD]
    for name, section in sections().items():
        parts.append(f"\n## {name}\n\n{inspect.getdoc(section)}\n")
        for full, setting in described.items():
            if full.startswith(f"{name}."):
                parts.append(_entry(full, setting, defaults[full]))
    return "".join(parts)


def _entry(full: str, setting: Setting, default: object) -> str:
    plain = list(default) if isinstance(default, tuple) else default
    shown = setting.shown_default or ("none" if plain is None else json.dumps(plain, default=str))
    variable = f"VOICECHAT_{full.replace('.', '_').upper()}"
    if setting.alias:
        variable += f"` or `{setting.alias}"
    return (
        f"\n### {full}\n\n{setting.help}\n\n"
        f"- Default: `{shown}`\n- Allowed: {setting.kind.allowed}\n- Variable: `{variable}`\n"
    )


def main() -> int:
    """Write the page, or tell whether it is stale."""
    fresh = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == fresh:
        return 0
    print("docs/reference/settings.md is stale; run: nox -s docs -- --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

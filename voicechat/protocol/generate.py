"""Writes the generated schema and types into the tree; with `--check` tells whether they are stale.

Run as ``python -m voicechat.protocol.generate [--check]`` from the project's root.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from voicechat.protocol.schema import json_schema, typescript


def outputs(root: Path) -> dict[Path, str]:
    """What belongs where, below the project's root."""
    return {
        root / "docs/reference/protocol.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        root / "web/src/protocol/messages.ts": typescript(),
    }


def main(root: Path, *, check: bool) -> int:
    """Write or compare; the exit code is 1 when something is stale."""
    stale = 0
    for path, content in outputs(root).items():
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        if check:
            sys.stderr.write(f"stale: {path.relative_to(root)}; run `nox -s schema`\n")
            stale = 1
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        sys.stdout.write(f"written: {path.relative_to(root)}\n")
    return stale


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), check="--check" in sys.argv[1:]))

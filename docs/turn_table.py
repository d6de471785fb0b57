"""Writes docs/reference/turn-table.md from the turn detector's table; `--check` fails when stale.

Run as ``python docs/turn_table.py [--check]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from voicechat.conversation.turn_taking import TRANSITIONS, Signal, State

PAGE = Path(__file__).parent / "reference" / "turn-table.md"

HEAD = """\
<!-- Made by `nox -s docs -- --write` from voicechat/conversation/turn_taking.py; do not edit. -->

# The table of turn taking

What each signal makes of each state; a dot means that nothing changes.
[Turn taking](../explanation/turn-taking.md) tells what they mean.

"""


def page() -> str:
    """Return the whole page."""
    rows = [["signal", *(_name(state) for state in State)], ["---"] * (len(State) + 1)]
    for signal in Signal:
        cells = [TRANSITIONS[state, signal] for state in State]
        rows.append(
            [_name(signal)]
            + ["·" if to is state else _name(to) for state, to in zip(State, cells, strict=True)]
        )
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _name(item: State | Signal) -> str:
    return item.name.lower().replace("_", " ")


def main() -> int:
    """Write the page, or check it."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.stderr.write("docs/reference/turn-table.md is stale: run nox -s docs -- --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

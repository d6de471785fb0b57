"""Compares what a session decided when it was recorded with what it decides in a replay. PURE."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.replay.decisions import Decision, lanes, shut_down_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voicechat.recording.format import Record

TOLERANCE_S: Final = 0.5
"""How much earlier or later a decision may come: in virtual time engines are never late."""
HEARD_CHARS: Final = 16
"""By how much of an answer what was heard may differ: about a word either way, for a client that
does not report its playback is followed by the clock."""


@attrs.frozen
class Difference:
    """The first one in a lane.

    Attributes:
        at: Seconds after the session began.
        lane: What it is about: ``heard``, ``replies``, or a turn.
        recorded: What was decided then; empty for nothing.
        replayed: What is decided now; empty for nothing.
    """

    at: float
    lane: str
    recorded: str
    replayed: str


@attrs.frozen
class Comparison:
    """The result.

    Attributes:
        agreed: Decisions that are the same.
        differences: The first of each lane, earliest first.
    """

    agreed: int
    differences: tuple[Difference, ...]


def compare(
    recorded: Sequence[Record],
    replayed: Sequence[Record],
    *,
    end: float,
    tolerance_s: float = TOLERANCE_S,
) -> Comparison:
    """Compare all decisions.

    Args:
        recorded: What happened then.
        replayed: What happens now.
        end: When the recording ended, in seconds: a decision at that time may be on one side only.
        tolerance_s: How much times may differ.
    """
    end = min(end, shut_down_at(recorded)) - tolerance_s
    then, now = lanes(recorded), lanes(replayed)
    agreed = 0
    differences: list[Difference] = []
    for lane in sorted(then.keys() | now.keys()):
        for old, new in zip_longest(then.get(lane, ()), now.get(lane, ())):
            if min(_at(old), _at(new)) > end:
                break
            if why := _differ(old, new, tolerance_s):
                differences.append(Difference(min(_at(old), _at(new)), lane, *why))
                break  # what follows is out of step
            agreed += 1
    return Comparison(agreed, tuple(sorted(differences, key=lambda each: each.at)))


def explain(differences: Iterable[Difference]) -> list[str]:
    """Lines for a person: time, what it is about, then and now."""
    lines: list[str] = []
    for each in differences:
        lines.append(f"{each.at:9.3f} s  {each.lane}")
        lines.append(f"             recorded: {each.recorded or '(nothing)'}")
        lines.append(f"             replayed: {each.replayed or '(nothing)'}")
    return lines


def _at(decision: Decision | None) -> float:
    return float("inf") if decision is None else decision.at


def _differ(
    old: Decision | None, new: Decision | None, tolerance_s: float
) -> tuple[str, str] | None:
    """What to tell of both where they differ."""
    if old is None or new is None:
        return ("" if old is None else old.what, "" if new is None else new.what)
    if old.what != new.what:
        return old.what, new.what
    if not _same_words(old, new):
        return f"{old.what} after “{old.said}”", f"{new.what} after “{new.said}”"
    if abs((old.heard_chars or 0) - (new.heard_chars or 0)) > HEARD_CHARS:
        return f"{old.heard_chars} characters were heard", f"{new.heard_chars}"
    if abs(old.at - new.at) > tolerance_s:
        return f"{old.what}, at {old.at:.3f} s", f"the same, at {new.at:.3f} s"
    return None


def _same_words(old: Decision, new: Decision) -> bool:
    if old.said is None or new.said is None:
        return old.said == new.said
    if old.cut:  # a faster agent has said more until then
        return old.said.startswith(new.said) or new.said.startswith(old.said)
    return old.said == new.said

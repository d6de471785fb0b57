"""`voicechat replay`: run a recorded session again, and tell whether it decides the same."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path  # noqa: TC003  (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from voicechat.cli.options import SettingsOptions
from voicechat.observability import logs
from voicechat.protocol.codec import Codec
from voicechat.recording.about import version, versions
from voicechat.recording.file import read_recording
from voicechat.replay.compare import TOLERANCE_S, Comparison, compare, explain
from voicechat.replay.rerun import rerun, settings_of
from voicechat.replay.turns import table, turn_rows

if TYPE_CHECKING:
    from voicechat.recording.file import Recording
    from voicechat.recording.format import Header

_SHOWN = 10
"""So many differences are told; the first ones cause most of the others."""


def replay(
    file: Path,
    /,
    *,
    check: Annotated[
        bool, Parameter(negative="", help="Fail (exit code 1) where it decides otherwise.")
    ] = False,
    tolerance: Annotated[
        float, Parameter(help="Seconds by which decisions may be earlier or later.")
    ] = TOLERANCE_S,
    json: Annotated[bool, Parameter(negative="", help="One JSON object for programs.")] = False,
    options: SettingsOptions | None = None,
) -> int:
    """Run a recorded session again, faster than real time, and print its turns.

    Args:
        file: Recording of `voicechat serve --record DIR`; its settings are used, but for --set.
    """
    here = (options or SettingsOptions()).load()
    # Many of the events are on the screen already: the log is for what goes wrong.
    level = "warning" if here.settings.log.level == "info" else here.settings.log.level
    logs.configure(attrs.evolve(here.settings.log, level=level))
    recording = read_recording(file, Codec())
    settings = settings_of(recording.header, here)
    began = time.perf_counter()
    replayed = rerun(recording, settings)
    took_s = time.perf_counter() - began
    comparison = None
    if check:
        comparison = compare(
            recording.records, replayed.records, end=recording.seconds, tolerance_s=tolerance
        )
    (_print_json if json else _print)(recording, replayed, comparison, took_s)
    return 1 if comparison is not None and comparison.differences else 0


def _print(
    recording: Recording, replayed: Recording, comparison: Comparison | None, took_s: float
) -> None:
    for line in table(turn_rows(replayed.records)):
        print(line)
    print(f"{recording.seconds:.1f} s replayed in {took_s:.1f} s")
    if not recording.whole:
        print("the recording has no end: what came after that is missing")
    if comparison is None:
        return
    found = comparison.differences
    if not found:
        print(f"the same as recorded: {comparison.agreed} decisions")
        return
    print(f"{len(found)} differences from the recording; the first:")
    for line in explain(found[:_SHOWN]):
        print(line)
    for line in _other_versions(recording.header):
        print(line)


def _other_versions(header: Header) -> list[str]:
    """What was recorded with another version, which may be the reason."""
    then = {"voicechat": header.version, **header.packages}
    now = {"voicechat": version(), **versions()}
    return [
        f"{name}: recorded with {then.get(name, 'none')}, replayed with {now.get(name, 'none')}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def _print_json(
    recording: Recording, replayed: Recording, comparison: Comparison | None, took_s: float
) -> None:
    shown = {
        "session": recording.header.session_id,
        "recorded_s": round(recording.seconds, 3),
        "took_s": round(took_s, 3),
        "turns": [attrs.asdict(row) for row in turn_rows(replayed.records)],
    }
    if comparison is not None:
        shown["agreed"] = comparison.agreed
        shown["differences"] = [attrs.asdict(each) for each in comparison.differences]
    print(json_module.dumps(shown, ensure_ascii=False))

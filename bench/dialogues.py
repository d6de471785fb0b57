"""How well turns are taken: cut-ins, delays, interruptions, in hundreds of scripted dialogues.

The real engines and the real session, a simulated user with loudspeaker and room, and virtual time:
minutes of talk take seconds, and the same figures come out each time. Wants flite::

    python bench/dialogues.py                # all of it (minutes)
    python bench/dialogues.py --quick        # a part of each condition
    python bench/dialogues.py --verbose --only barge-in --set conversation.patience=0.3
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench import dialogue_audio, dialogue_run, dialogue_scenarios, dialogue_table  # noqa: E402
from voicechat.errors import SettingError  # noqa: E402
from voicechat.settings import load  # noqa: E402

if TYPE_CHECKING:
    from bench.dialogue_run import Outcome
    from bench.dialogue_score import Score
    from voicechat.settings import Settings

QUICK = 13
"""A quick run has each so manieth dialogue of a condition."""


def chosen(*, quick: bool, only: str = "") -> list[dialogue_scenarios.Dialogue]:
    """The dialogues whose name contains `only`; with `quick` a part of each condition."""
    found = [d for d in dialogue_scenarios.everything() if only in d.id]
    return dialogue_scenarios.subset(found, QUICK) if quick else found


def settings_of(assignments: list[str]) -> Settings:
    """The defaults, changed by ``section.key=value``; the machine's own settings do not count."""
    overrides = dict(text.split("=", 1) for text in assignments)
    return load(config=Path(os.devnull), environ={}, overrides=overrides).settings


def failures(outcomes: list[Outcome]) -> str:
    """Every dialogue in which something went wrong, with its story."""
    lines = []
    for outcome in outcomes:
        faults = [f"{s.sound!r}: {fault}" for s in outcome.scores for fault in s.faults]
        if faults:
            lines += [outcome.scores[0].dialogue.id, *(f"  ! {fault}" for fault in faults)]
            lines += [outcome.story, ""]
    return "\n".join(lines)


def as_json(scores: list[Score]) -> list[dict[str, object]]:
    """Every score as plain data."""
    return [
        {
            "dialogue": score.dialogue.id,
            "sound": score.sound,
            "expects": sorted(score.expects),
            "faults": score.faults,
            "cut_in": score.cut_in,
            "reopened": score.reopened,
            "missed_end": score.missed_end,
            "delay_ms": score.delay_ms,
            "understood": score.understood,
            "false_interruption": score.false_interruption,
            "missed_interruption": score.missed_interruption,
            "silence_ms": score.silence_ms,
            "silence_onset_ms": score.silence_onset_ms,
        }
        for score in scores
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a part of each condition")
    parser.add_argument("--only", default="", help="dialogues whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="tell the story of each failure")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="write every score to this file")
    options = parser.parse_args()
    if not dialogue_audio.is_there():
        parser.error("flite is not there: apt-get install flite")
    try:
        settings = settings_of(options.set)
    except (SettingError, ValueError) as error:
        parser.error(str(error))
    todo = chosen(quick=options.quick, only=options.only)
    if not todo:
        parser.error(f"no dialogue has {options.only!r} in its name")
    begun = time.monotonic()
    outcomes = dialogue_run.run(todo, settings, options.jobs)
    took = time.monotonic() - begun
    scores = [score for outcome in outcomes for score in outcome.scores]
    if options.verbose:
        print(failures(outcomes))
    print(dialogue_table.table(scores, voices=not options.quick), "\n")
    print(dialogue_table.aims_table(scores), "\n")
    print(f"{len(outcomes)} dialogues in {took:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(as_json(scores), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

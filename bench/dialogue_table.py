"""Prints the dialogue evaluation: the table, the aims beside what was reached, each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from voicechat.protocol.messages.conversation import (
    Duck,
    ResponseComplete,
    StreamInterrupted,
    TranscriptFinal,
    TranscriptPartial,
    TurnStarted,
)
from voicechat.protocol.messages.trace import TurnTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.dialogue_client import Heard
    from bench.dialogue_scenarios import Dialogue
    from bench.dialogue_score import Score

HEAD = (
    "condition",
    "voice",
    "n",
    "cut in",
    "reopened",
    "delay p50/p95",
    "missed ends",
    "false int.",
    "missed int.",
    "silence p50/p95",
    "from onset",
    "meaning",
)
COMPLETE = "complete sentence"
AFTERTHOUGHT = "afterthought"


@attrs.frozen
class Aim:
    """A figure of the whole run, and what it should be.

    Attributes:
        name: What it is.
        value: What was reached; None where nothing could be measured.
        limit: It should be at most this.
        unit: "%" or "ms".
    """

    name: str
    value: float | None
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.value is not None and self.value <= self.limit


def share(scores: Iterable[Score], flag: str, of: str) -> float | None:
    """Percentage of the scores for which `of` could be measured that have the flag."""
    flags = [getattr(score, flag) for score in scores if of in score.expects]
    return 100 * sum(flags) / len(flags) if flags else None


def quantile(scores: Iterable[Score], name: str, percent: float) -> float | None:
    """Of a duration in ms."""
    found = [value for score in scores if (value := getattr(score, name)) is not None]
    return float(np.percentile(found, percent)) if found else None


def aims(scores: list[Score]) -> list[Aim]:
    """The figures that people feel, of all dialogues together."""
    quiet = [s for s in scores if s.dialogue.snr_db is None and not s.dialogue.echo]
    sentences = [s for s in quiet if AFTERTHOUGHT not in s.dialogue.condition]
    added = [s for s in quiet if AFTERTHOUGHT in s.dialogue.condition]
    complete = [s for s in scores if s.dialogue.condition == COMPLETE]
    return [
        Aim("cut-ins, quiet room", share(sentences, "cut_in", "answer"), 3, "%"),
        Aim("cut-ins before an afterthought", share(added, "cut_in", "answer"), 3, "%"),
        Aim("delay p50, complete sentences", quantile(complete, "delay_ms", 50), 300, "ms"),
        Aim("false interruptions", share(scores, "false_interruption", "peace"), 5, "%"),
        Aim("missed interruptions", share(scores, "missed_interruption", "stop"), 5, "%"),
        Aim("silence at the server, p50", quantile(quiet, "silence_ms", 50), 150, "ms"),
        Aim("silence at the server, p95", quantile(quiet, "silence_ms", 95), 150, "ms"),
    ]


def aims_table(scores: list[Score]) -> str:
    """What was reached beside what should be."""
    lines = ["| figure | reached | aim | |", "|---|---|---|---|"]
    for aim in aims(scores):
        sign = "ok" if aim.met else "not measured" if aim.value is None else "MISSED"
        value = "" if aim.value is None else f"{_number(aim.value)} {aim.unit}"
        lines.append(f"| {aim.name} | {value} | ≤ {aim.limit} {aim.unit} | {sign} |")
    return "\n".join(lines)


def table(scores: list[Score], *, voices: bool = True) -> str:
    """A row for each condition, and with `voices` for each voice in it.

    Shares are of the sounds for which the question makes sense: `n` counts dialogues.
    """
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for condition in dict.fromkeys(score.dialogue.condition for score in scores):
        group = [score for score in scores if score.dialogue.condition == condition]
        lines.append(_row(condition, "all", group))
        names = dict.fromkeys(score.dialogue.voice for score in group)
        if voices and len(names) > 1:
            lines += [_row("", v, [s for s in group if s.dialogue.voice == v]) for v in names]
    return "\n".join(lines)


def _row(condition: str, voice: str, group: list[Score]) -> str:
    def percent(flag: str, of: str) -> str:
        return _number(share(group, flag, of), "%")

    def two(name: str) -> str:
        middle, high = quantile(group, name, 50), quantile(group, name, 95)
        return "" if middle is None else f"{_number(middle)} / {_number(high)}"

    meant = [score.understood for score in group if score.understood is not None]
    cells = (
        condition,
        voice,
        str(len({score.dialogue.id for score in group})),
        percent("cut_in", "answer"),
        percent("reopened", "answer"),
        two("delay_ms"),
        percent("missed_end", "answer"),
        percent("false_interruption", "peace"),
        percent("missed_interruption", "stop"),
        two("silence_ms"),
        two("silence_onset_ms"),
        f"{100 * sum(meant) / len(meant):.0f}%" if meant else "",
    )
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.{1 if unit == '%' and value % 1 else 0}f}{unit}"


def story(dialogue: Dialogue, heard: Heard) -> str:
    """What happened when, a line each; times in ms of the microphone."""
    lines: list[tuple[float, str]] = []
    for sound, when in zip(dialogue.sounds, heard.sounds, strict=True):
        if when is not None:
            lines.append((when[0], f"USER   {sound.kind} begins: {sound.text}"))
            lines.append((when[1], f"USER   {sound.kind} ends"))
    for number, turn in heard.played.items():
        if turn.first is not None:
            lines.append((turn.first / 16, f"PLAYED turn {number} becomes audible"))
            lines.append((turn.last / 16, f"PLAYED turn {number} was audible until here"))
    spoken: set[int] = set()
    for at, event in heard.events:
        if isinstance(event, tuple):
            if event[0] not in spoken:
                spoken.add(event[0])
                lines.append((at, f"server first speech of turn {event[0]}"))
        elif (tell := _TOLD.get(type(event))) is not None:
            lines.append((at, f"server {tell(event)}"))
    lines.sort(key=lambda line: line[0])
    return "\n".join(f"    {at:8.0f}  {text}" for at, text in lines)


def _trace(trace: TurnTrace) -> str:
    """All but what is empty."""
    told = attrs.asdict(trace)
    timings = {k: round(v) for k, v in told.pop("timings").items() if v is not None}
    rest = ", ".join(
        f"{key}={value:.0f}" if isinstance(value, float) else f"{key}={value}"
        for key, value in told.items()
        if value not in {None, 0}
    )
    return f"trace  {rest}, {timings}"


_TOLD: dict[type, Callable[[Any], str]] = {
    TranscriptPartial: lambda e: f"partial {e.text!r}",
    TranscriptFinal: lambda e: (
        f"final   {e.text!r} turn={e.turn} accepted={e.accepted} {e.confidence}"
        f"{f' replaces={e.replaces}' if e.replaces else ''}"
    ),
    TurnStarted: lambda e: f"turn {e.turn} begins ({e.origin})",
    ResponseComplete: lambda e: f"turn {e.turn} complete: {e.text[:60]!r}",
    Duck: lambda e: f"duck turn {e.turn} to {e.gain}",
    StreamInterrupted: lambda e: f"turn {e.turn} interrupted: {e.reason}",
    TurnTrace: _trace,
}

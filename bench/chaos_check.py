"""Compares what a caller said and was told with what the server keeps: nothing lost or doubled."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import attrs

from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TurnStarted,
)
from voicechat.protocol.messages.session import SessionRestored

if TYPE_CHECKING:
    from bench.chaos_caller import Caller

ROWS = (
    "typed messages",
    "spoken sentences",
    "messages and frames in order of their numbers",
    "speech frames, by position",
    "answers",
    "entries of the history",
)
"""What is counted, each with what was lost, doubled or otherwise wrong."""


@attrs.define
class Tally:
    """How much there was, and what was wrong with it."""

    counts: Counter[str] = attrs.field(factory=Counter)
    lost: defaultdict[str, list[str]] = attrs.field(factory=lambda: defaultdict(list))
    doubled: defaultdict[str, list[str]] = attrs.field(factory=lambda: defaultdict(list))
    wrong: defaultdict[str, list[str]] = attrs.field(factory=lambda: defaultdict(list))

    @property
    def problems(self) -> list[str]:
        """All that was wrong, one line each."""
        kinds = {"lost": self.lost, "doubled": self.doubled, "wrong": self.wrong}
        return [
            f"{row}: {kind}: {what}"
            for kind, found in kinds.items()
            for row, each in found.items()
            for what in each
        ]

    def add(self, other: Tally) -> None:
        """Count both together."""
        self.counts += other.counts
        for mine, theirs in (
            (self.lost, other.lost),
            (self.doubled, other.doubled),
            (self.wrong, other.wrong),
        ):
            for row, each in theirs.items():
                mine[row] += each

    def table(self) -> str:
        """Markdown."""
        lines = ["| what | count | lost | doubled | otherwise wrong |", "|---|---|---|---|---|"]
        lines += [
            f"| {row} | {self.counts[row]} | {len(self.lost[row])} | {len(self.doubled[row])} |"
            f" {len(self.wrong[row])} |"
            for row in ROWS
        ]
        return "\n".join(lines)


def check(caller: Caller, history: list[dict[str, Any]]) -> Tally:
    """All that can be seen at the end of a caller's session.

    Args:
        caller: Has ended.
        history: As the server tells it over HTTP.
    """
    tally = Tally()
    tally.wrong[ROWS[4]] += [str(refusal) for refusal in caller.refusals]
    _check_said(caller, history, tally)
    _check_numbers(caller, tally)
    _check_frames(caller, tally)
    _check_answers(caller, history, tally)
    return tally


def _check_said(caller: Caller, history: list[dict[str, Any]], tally: Tally) -> None:
    typed, spoken, entries = ROWS[0], ROWS[1], ROWS[5]
    after_restart = any(seen.life for seen in caller.seen)
    for said in caller.said:
        row = spoken if said.number is None else typed
        tally.counts[row] += 1
        if len(said.taken) > 1:
            tally.doubled[row].append(f"{said.text!r} was taken as {said.taken}")
        elif said.taken and said.taken != [said.text]:
            tally.wrong[row].append(f"{said.text!r} was heard as {said.taken}")
        # Its acknowledgement may have ended with a server that had kept it: the history tells.
        elif not said.taken and not after_restart:
            tally.lost[row].append(f"{said.text!r} was never taken")
    tally.wrong[spoken] += [f"of nothing that was said: {each}" for each in caller.strange]
    kept = [entry["text"] for entry in history if entry["speaker"] == "user"]
    wanted = [said.text for said in caller.said]
    tally.counts[entries] += len(history)
    missing, extra = Counter(wanted) - Counter(kept), Counter(kept) - Counter(wanted)
    tally.lost[entries] += [repr(text) for text in missing.elements()]
    tally.doubled[entries] += [repr(text) for text in extra.elements()]
    if not missing and not extra and kept != wanted:
        tally.wrong[entries].append(f"order {kept} instead of {wanted}")


def _check_numbers(caller: Caller, tally: Tally) -> None:
    row, last, life = ROWS[2], 0, 0
    for seen in caller.seen:
        if seen.life != life:
            life = seen.life
            last = seen.event.seq if isinstance(seen.event, SessionRestored) else 0
        if seen.seq is None:
            continue
        tally.counts[row] += 1
        if seen.seq > last + 1:
            tally.lost[row].append(f"{last + 1} to {seen.seq - 1} of {caller.client.session}")
        elif seen.seq <= last:
            tally.doubled[row].append(f"{seen.seq} after {last}")
        last = max(last, seen.seq)


def _check_frames(caller: Caller, tally: Tally) -> None:
    row = ROWS[3]
    ends: defaultdict[tuple[int, int], int] = defaultdict(int)
    whole = set()
    for seen in caller.seen:
        if not isinstance(seen.event, AudioFrame):
            continue
        tally.counts[row] += 1
        turn = (seen.life, seen.event.stream)
        at, end = seen.event.offset, ends[turn]
        if at > end:
            tally.lost[row].append(f"samples {end} to {at} of turn {turn}")
        elif at < end:
            tally.doubled[row].append(f"samples {at} to {end} of turn {turn}")
        ends[turn] = max(end, at + seen.event.samples)
        if seen.event.last:
            whole.add(turn)
    for seen in caller.seen:
        turn = (seen.life, getattr(seen.event, "turn", 0))
        if isinstance(seen.event, ResponseComplete) and turn in ends and turn not in whole:
            tally.lost[row].append(f"the last frame of turn {turn}")


def _check_answers(caller: Caller, history: list[dict[str, Any]], tally: Tally) -> None:
    row = ROWS[4]
    texts: defaultdict[tuple[int, int], str] = defaultdict(str)
    begun: Counter[int] = Counter()
    ended: Counter[int] = Counter()
    kept = {entry["turn"]: entry for entry in history if entry["speaker"] == "assistant"}
    for seen in caller.seen:
        match seen.event:
            case TurnStarted(turn=turn):
                begun[turn] += 1
            case StreamDelta(turn=turn, text=text):
                texts[seen.life, turn] += text
            case ResponseComplete(turn=turn, text=text):
                tally.counts[row] += 1
                ended[turn] += 1
                if texts[seen.life, turn] != text:
                    pieces = texts[seen.life, turn]
                    tally.wrong[row].append(f"turn {turn} came as {pieces!r} but is {text!r}")
                entry = kept.get(turn)
                if text and (entry is None or entry["text"] != text):
                    tally.lost[row].append(f"turn {turn}: {text!r} is kept as {entry}")
                elif text and entry is not None and entry["status"] != "complete":
                    tally.wrong[row].append(f"turn {turn} is whole but kept as {entry}")
            case StreamInterrupted(turn=turn) | StreamError(turn=turn):
                ended[turn] += 1
    tally.doubled[row] += [f"turn {turn} began {n} times" for turn, n in begun.items() if n > 1]
    tally.doubled[row] += [f"turn {turn} ended {n} times" for turn, n in ended.items() if n > 1]
    tally.lost[row] += [f"to {said}" for said in caller.unanswered]
    for said in caller.said:
        entry = kept.get(said.turn) if said.turn is not None else None
        if entry is not None and entry["status"] == "complete" and said.answer not in entry["text"]:
            tally.wrong[row].append(f"{said.text!r} was answered with {entry['text']!r}")

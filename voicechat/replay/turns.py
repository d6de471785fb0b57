"""The turns of a recorded or replayed session, as rows of a table. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.protocol.messages.conversation import (
    MessageReceived,
    ResponseComplete,
    StreamDelta,
    TranscriptFinal,
    TurnStarted,
    UserMessage,
)
from voicechat.protocol.messages.trace import TurnTrace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voicechat.recording.format import Record


@attrs.frozen
class TurnRow:
    """One turn.

    Attributes:
        turn: Its number.
        at: When its end was told, or else its begin, in seconds after the session began.
        origin: Who began it.
        words: What was heard or typed; empty for the assistant's own.
        answer: All of the answer that was sent.
        endpoint: Why the user was taken to have finished; empty without speech.
        pause_ms: Silence after speech that this took.
        response_ms: From the end of speech (or the request) to the first audio; to the first text
            where nothing was spoken.
        outcome: How it ended, and why if it was stopped.
        speculation: Whether the answer was begun ahead.
        heard_chars: Characters of the answer that were heard, of
        text_chars: so many.
        replaces: An earlier turn that this one took up again.
    """

    turn: int
    at: float
    origin: str
    words: str = ""
    answer: str = ""
    endpoint: str = ""
    pause_ms: float | None = None
    response_ms: float | None = None
    outcome: str = "unfinished"
    speculation: str = ""
    heard_chars: int = 0
    text_chars: int = 0
    replaces: int | None = None


def turn_rows(records: Iterable[Record]) -> list[TurnRow]:
    """The turns in the order in which they ended; those that had not follow, as ``unfinished``."""
    words: dict[int, str] = {}
    answers: dict[int, str] = {}
    begun: dict[int, TurnRow] = {}
    typed = ""
    rows: list[TurnRow] = []
    for record in records:
        match record.item:
            case UserMessage(text=text):
                typed = text
            case MessageReceived(turn=turn):
                words[turn] = typed
            case TranscriptFinal(text=text, turn=int(turn)):
                words[turn] = text
            case TurnStarted(turn=turn, origin=origin):
                begun[turn] = TurnRow(turn, round(record.at, 3), str(origin))
            case StreamDelta(turn=turn, text=text):
                answers[turn] = answers.get(turn, "") + text
            case ResponseComplete(turn=turn, text=text):
                answers[turn] = text
            case TurnTrace() as trace:
                rows.append(_row(trace, record.at))
                begun.pop(trace.turn, None)
    return [
        attrs.evolve(row, words=words.get(row.turn, ""), answer=answers.get(row.turn, ""))
        for row in (*rows, *begun.values())
    ]


def table(rows: Sequence[TurnRow]) -> list[str]:
    """Lines of text in columns."""
    heads = ("turn", "at s", "by", "endpoint", "pause", "response", "ahead", "heard", "outcome")
    cells = [heads, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    titles = ["words → answer", *(f"{_short(row.words)} → {_short(row.answer)}" for row in rows)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        + f"  {title}"
        for line, title in zip(cells, titles, strict=True)
    ]


def _row(trace: TurnTrace, at: float) -> TurnRow:
    timings = trace.timings
    first = timings.first_token_ms if timings.first_audio_ms is None else timings.first_audio_ms
    stopped = "" if trace.stopped is None else f" ({trace.stopped})"
    return TurnRow(
        turn=trace.turn,
        at=round(at, 3),
        origin=str(trace.origin),
        endpoint="" if trace.endpoint is None else str(trace.endpoint),
        pause_ms=trace.pause_ms,
        response_ms=first,
        outcome=f"{trace.outcome}{stopped}",
        speculation=str(trace.speculation),
        heard_chars=trace.heard_chars,
        text_chars=trace.text_chars,
        replaces=trace.replaces,
    )


def _cells(row: TurnRow) -> tuple[str, ...]:
    return (
        str(row.turn),
        f"{row.at:.2f}",
        row.origin,
        row.endpoint or "-",
        _ms(row.pause_ms),
        _ms(row.response_ms),
        row.speculation or "-",
        f"{row.heard_chars}/{row.text_chars}",
        row.outcome,
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _short(text: str, longest: int = 40) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

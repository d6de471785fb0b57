"""What is remembered of a conversation through a bad network, by the caller for the judge."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import attrs


class Phase(StrEnum):
    """What goes on between a caller and the server."""

    LISTENING = "listening"
    MID_WORD = "mid-word"
    THINKING = "thinking"
    ANSWERING = "answering"


@attrs.define(eq=False)
class Said:
    """Something that the caller said.

    Attributes:
        text: Its words, as they must be in the history.
        number: Of the message, where it was typed.
        begin: First sample of it in all that the microphone heard, where it was spoken.
        end: Behind the last one.
        answer: What the answer must have in it.
        known: The server has said that it keeps it.
        turn: That it began.
        taken: The words of each time that the server said that it has it: one, if all is well.
    """

    text: str
    number: int | None = None
    begin: int = 0
    end: int = 0
    answer: str = ""
    known: bool = False
    turn: int | None = None
    taken: list[str] = attrs.field(factory=list)

    def take(self, turn: int | None, text: str) -> None:
        """The server has it."""
        self.known, self.turn = True, turn
        self.taken.append(text)


@attrs.frozen
class Seen:
    """Something that the client told, when, with its number and the life of the server it is of."""

    at: float
    event: Any
    seq: int | None
    life: int


@attrs.define
class Playing:
    """The speech of one turn at the loudspeaker."""

    turn: int
    arrived: int = 0
    played: int = 0
    whole: bool = False
    reported: int = 0

"""What was said in a conversation, with answers as they were heard and not as they were meant."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import attrs

from voicechat.agents.ports import Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

_MESSAGES = 200
"""Older ones are forgotten: more than an agent on a small computer can make use of."""


class Answered(Protocol):
    """An answer of which more may still be heard."""

    @property
    def message(self) -> Message:
        """It, as far as it was heard by now."""
        ...


@attrs.define
class _Entry:
    turn: int
    said: Message | Answered

    def message(self) -> Message:
        return self.said if isinstance(self.said, Message) else self.said.message


class History:
    """Grows at its end; the newest answer is looked at each time, because it may still be heard."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque(maxlen=_MESSAGES)

    def restore(self, messages: Iterable[tuple[int, Message]]) -> None:
        """What was said when the server last ran, oldest first, each with its turn."""
        self._entries.extend(_Entry(turn, message) for turn, message in messages)

    def user(self, turn: int, text: str) -> None:
        """The user said this, and `turn` answers it."""
        self._entries.append(_Entry(turn, Message(Role.USER, text)))

    def answer(self, turn: int, answer: Answered) -> None:
        """`turn` answers. Of the answer before, the client may still tell what it had played."""
        live = [entry for entry in self._entries if not isinstance(entry.said, Message)]
        for entry in live[:-1]:
            entry.said = entry.message()
        self._entries.append(_Entry(turn, answer))

    def forget(self, turn: int) -> None:
        """The words of `turn` were only the beginning of others, and its answer was not heard."""
        kept = [entry for entry in self._entries if entry.turn != turn]
        self._entries = deque(kept, maxlen=_MESSAGES)

    def messages(self) -> tuple[Message, ...]:
        """Everything by now, oldest first."""
        return tuple(m for m in (entry.message() for entry in self._entries) if m.whole)

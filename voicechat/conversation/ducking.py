"""Lets the client play an answer softly while somebody may be interrupting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voicechat.protocol.messages.conversation import Duck

if TYPE_CHECKING:
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.turn import Turn

_DUCKED: Final = 0.25
"""Gain while somebody may be interrupting: soft to talk over, loud enough to follow."""


class Ducking:
    """Of one conversation.

    Args:
        emit: Reaches the client.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._turn: int | None = None

    async def soften(self, turn: Turn | None) -> None:
        """Somebody may be interrupting this answer, if it can be heard."""
        if turn is not None and turn.speaker.audible:
            self._turn = turn.request.turn
            await self._emit(Duck(self._turn, _DUCKED))

    async def restore(self, turn: Turn | None) -> None:
        """Nobody was interrupting this answer, if it was softened."""
        softened, self._turn = self._turn, None
        if turn is not None and turn.request.turn == softened:
            await self._emit(Duck(softened, 1.0))

    def forget(self) -> None:
        """It is stopped."""
        self._turn = None

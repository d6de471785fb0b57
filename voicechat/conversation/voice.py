"""Asks the acoustic model, where there is one, whether a voice sounds finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from voicechat.conversation.finished import with_voice
from voicechat.conversation.turn_taking import State
from voicechat.errors import EngineFailed
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.agents.ports import Completeness
    from voicechat.conversation.turn_taking import TurnTaking
    from voicechat.speech.ports import EndOfTurn

log = structlog.get_logger()

_ASK_AFTER = 192 * INPUT_RATE // 1000
"""Silence after which the model is asked: always the same, so that a recording decides the same."""


class Voice:
    """Follows the pauses of one stream.

    Args:
        end_of_turn: The model; None where there is none.
    """

    def __init__(self, end_of_turn: EndOfTurn | None) -> None:
        self._end_of_turn = end_of_turn
        self._finished: float | None = None

    async def correct(
        self, words: Completeness, taking: TurnTaking, so_far: Callable[[], bytes]
    ) -> Completeness:
        """What the words tell, corrected by the voice; it is asked once a pause.

        Args:
            words: What the words alone tell.
            taking: Where the stream stands.
            so_far: Gives the audio of the utterance.
        """
        if self._end_of_turn is None:
            return words
        if taking.state is not State.MAYBE_FINISHED or taking.silence < _ASK_AFTER:
            self._finished = None
            return words
        if self._finished is None:
            try:
                self._finished = await self._end_of_turn.probability(so_far())
            except EngineFailed as error:
                log.warning("the voice was not listened to", reason=error.message)
                self._finished = 1.0
        return with_voice(words, self._finished)

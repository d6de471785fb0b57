"""Says the server's own notices, which need no engine, and knows their echo when it comes back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import trio

from voicechat.conversation.echo import text_echo
from voicechat.conversation.turn import TurnRequest
from voicechat.protocol.messages.conversation import Origin

if TYPE_CHECKING:
    from voicechat.conversation.turns import Turns
    from voicechat.conversation.utterance import Heard

_SPEAKING_S: Final = 4.0
"""Who is speaking is left so long to finish: what they say cannot be followed just now."""
_ECHO_S: Final = 1.0
"""How long after its end a notice can still be heard in the room."""
_SAME_WORDS: Final = 0.5


class Noticing:
    """The notices of one session.

    Args:
        turns: In which, or between which, they are said.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._words = ""
        self._begin = math.inf
        self._end = -math.inf

    async def say(self, words: str, sound: bytes) -> bool:
        """Say `words`, in the answer that is running or else by themselves.

        Args:
            words: What is said.
            sound: It, spoken, at the rate of the synthesiser.

        Returns:
            Whether it was said to its end.
        """
        if self._turns.waiting.floor_taken:
            await trio.sleep(_SPEAKING_S)
        self._words, self._begin, self._end = words, trio.current_time(), math.inf
        try:
            turn = self._turns.current
            if turn is None or not turn.request.released.is_set():
                return await self._by_itself(words, sound)
            said = turn.speaker.aside(sound)
            async with trio.open_nursery() as nursery:
                for end in (said, turn.request.done):
                    nursery.start_soon(_cancel_after, end, nursery.cancel_scope)
            return said.is_set()
        finally:
            self._end = trio.current_time()

    async def _by_itself(self, words: str, sound: bytes) -> bool:
        request = TurnRequest(Origin.NOTICE, words, trio.current_time(), sound=sound, urgent=True)
        await self._turns.announce(request)
        return request.complete

    def echoed(self, heard: Heard) -> bool:
        """Whether an utterance is nothing but the last notice, heard by the microphone."""
        begin = heard.speech_end_at - heard.speech_ms / 1000
        if begin < self._begin or heard.speech_end_at > self._end + _ECHO_S:
            return False
        transcript = heard.transcript
        return not transcript.accepted or text_echo(transcript.text, self._words) >= _SAME_WORDS


async def _cancel_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()

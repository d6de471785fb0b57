"""Asks how an utterance reads and sounds so far, and lets turn taking decide with that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.agents.ports import Completeness
from voicechat.conversation.finished import Words
from voicechat.conversation.turn_taking import State
from voicechat.speech.audio import energy_of
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from voicechat.conversation.conversation import Conversation
    from voicechat.conversation.decisions import Decision
    from voicechat.conversation.ear import Ear
    from voicechat.conversation.turn_taking import TurnTaking
    from voicechat.conversation.voice import Voice
    from voicechat.speech.audio import Recent
    from voicechat.speech.ports import Utterance

_ECHO_WINDOW: Final = 320 * INPUT_RATE // 1000
"""The newest audio in which the assistant's own voice is looked for."""


@attrs.frozen
class Judge:
    """Decides for one stream.

    Attributes:
        taking: Turn taking.
        ear: Tells where the stream is.
        conversation: Knows the agent, and what there is of an answer.
        recent: Audio of late.
        voice: Hears whether a voice sounds finished.
    """

    taking: TurnTaking
    ear: Ear
    conversation: Conversation
    recent: Recent
    voice: Voice

    async def decide(self, utterance: Utterance, begin: int, newest: bytes) -> Decision | None:
        """Decide after a frame.

        Args:
            utterance: What the recogniser has of it.
            begin: The sample from which it is heard.
            newest: The frame.
        """
        words = Words()
        if self.taking.wants_words:
            transcript = await utterance.partial()
            completeness = Completeness.UNKNOWN
            if transcript.accepted:
                completeness = self.conversation.completeness(transcript.text)
            completeness = await self.voice.correct(
                completeness, self.taking, lambda: self.recent.since(begin)
            )
            words = Words(transcript.text, transcript.accepted, completeness)
        echo = energy = 0.0
        if self.taking.state is State.INTERRUPTED:
            since = max(self.taking.onset, self.ear.position - _ECHO_WINDOW)
            echo = self.conversation.echo(self.recent.since(since), words.text)
            energy = energy_of(newest)
        # Much can have happened while the recogniser was waited for.
        self.taking.answer = self.conversation.answer(self.ear.heard_at)
        return self.taking.decide(words, echo=echo, energy=energy)

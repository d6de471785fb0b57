"""What the listener needs of a conversation, for tests that look at the listener alone."""

from __future__ import annotations

import attrs
import trio

from voicechat.agents.ports import Completeness
from voicechat.conversation.presence import Presence


@attrs.define
class QuietConversation:
    """Never answers; keeps what it is told."""

    utterances: list = attrs.field(factory=list)
    drafts: list = attrs.field(factory=list)
    speaking: list = attrs.field(factory=list)
    complete: frozenset = frozenset()
    is_open: frozenset = frozenset()
    presence: Presence = attrs.field(factory=Presence)

    def answer(self, _heard_at):
        return None

    def completeness(self, words):
        if words in self.complete:
            return Completeness.COMPLETE
        return Completeness.OPEN if words in self.is_open else Completeness.UNKNOWN

    def user_speaks(self, *, speaks):
        self.speaking.append(speaks)

    def speculate(self, text):
        self.drafts.append(text)

    def withdraw(self):
        self.drafts.append(None)

    async def heard(self, heard):
        await trio.lowlevel.checkpoint()
        self.utterances.append(heard)

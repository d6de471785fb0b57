"""Plays frames to a turn detector, for the tests of what it decides."""

from __future__ import annotations

import attrs

from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import Endpoint
from voicechat.conversation.finished import Words
from voicechat.conversation.interruption import Answer
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import TurnTaking
from voicechat.speech.ports import INPUT_RATE

FRAME = 512
FRAME_MS = FRAME * 1000 / INPUT_RATE
THINKING = Answer(audible=False)
FRESH = Answer(audible=False, reopenable=True, unheard=True, unsent=True)
SENT = Answer(audible=False, reopenable=True, unheard=True)
AUDIBLE = Answer(audible=True)
COMMAND = Words("what time is it", accepted=True, completeness=Completeness.COMPLETE)
OPEN = Words("set a timer for", accepted=True, completeness=Completeness.OPEN)
GARBAGE = Words("five", accepted=False)


@attrs.define
class Script:
    """Plays frames to a turn detector and keeps what it decides, with the time in ms."""

    rules: Rules = attrs.field(factory=Rules)
    log: list = attrs.field(factory=list)
    position: int = 0
    voiced: bool = False
    taking: TurnTaking = attrs.field(init=False)

    def __attrs_post_init__(self):
        self.taking = TurnTaking(self.rules)

    def play(self, ms, *, voice, words=COMMAND, answer=None, echo=0.0, fading=False):
        for _ in range(round(ms / FRAME_MS)):
            began = self.position
            self.position += FRAME
            change = {}
            if voice is not self.voiced:
                change = {"started": began} if voice else {"ended": began}
                self.voiced = voice
            effect = self.taking.hear(self.position, answer, fading=fading, **change)
            self.note(effect)
            self.note(self.taking.decide(words, echo=echo))
        return self

    def note(self, decision):
        if decision is not None:
            self.log.append((round(self.position * 1000 / INPUT_RATE), decision))

    @property
    def decisions(self):
        return [decision for _, decision in self.log]

    def endpoints(self):
        return [decision for decision in self.decisions if isinstance(decision, Endpoint)]

"""The embedded agent: matches commands, answers them at once, and rings its timers.

It needs no model and no network, so that a fresh installation can already be talked to.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

import structlog
import trio

from voicechat.agents.assistant import timers, wording
from voicechat.agents.assistant.answers import ANSWERS
from voicechat.agents.assistant.answers.conversation import SUGGESTIONS, not_understood
from voicechat.agents.assistant.device import PsutilReadings
from voicechat.agents.assistant.matcher import Matcher
from voicechat.agents.assistant.request import Environment, Memory, Request

if TYPE_CHECKING:
    from voicechat.agents.assistant.grammar import SpokenGrammar
    from voicechat.agents.assistant.matcher import Understood
    from voicechat.agents.ports import Announce, Say

log = structlog.get_logger()

_UNREPEATED = frozenset({"Repeat", "WhatDidISay"})
"""Intents about the conversation: asking them does not become what "I said" last."""


def local_environment() -> Environment:
    """The real surroundings: the machine's clock in its own zone, its sensors, a fresh seed."""
    return Environment(
        now=lambda: datetime.now().astimezone(),
        random=Random(),  # noqa: S311  (jokes and dice, no secret)
        device=PsutilReadings(),
    )


class Assistant:
    """One session's agent; see `voicechat.agents.ports.Agent`."""

    def __init__(self, matcher: Matcher, environment: Environment) -> None:
        self._matcher = matcher
        self._environment = environment
        self._memory = Memory()
        self._timers_changed = trio.Event()

    async def run(self, announce: Announce) -> None:
        """Ring the timers, each as a turn of the server's own, until cancelled."""
        board = self._memory.timers
        while True:
            due = board.pop_due(trio.current_time())
            if due:
                text = timers.ringing(due)
                self._memory.last_answer = text
                log.debug("timers ring", count=len(due))
                await announce(text)
                continue
            with trio.move_on_at(board.next_due()):
                await self._timers_changed.wait()
            self._timers_changed = trio.Event()

    async def respond(self, text: str, say: Say) -> None:
        """Answer a command, one sentence at a time; anything else politely, with examples."""
        understood = self._matcher.match(text)
        if understood is None:
            answer = not_understood(self._memory, self._environment.random, spoken=False)
        else:
            self._memory.misunderstood = 0
            answer = await self._answer(understood)
            log.debug("answered", intent=understood.intent)
        if understood is None or understood.intent not in _UNREPEATED:
            self._memory.last_heard = text.strip()
        await self._say(answer, say)

    async def not_understood(self, transcript: object, say: Say) -> None:  # noqa: ARG002  (its text is the recogniser's guess, which was rejected)
        """Answer rejected speech with what can be said instead."""
        await self._say(not_understood(self._memory, self._environment.random, spoken=True), say)

    def is_complete(self, transcript: str) -> bool:
        """Whether `transcript` is a whole spoken command, in microseconds (for endpointing)."""
        return self._matcher.is_complete(transcript)

    async def _answer(self, understood: Understood) -> str:
        device = await self._environment.device.read() if understood.device else None
        now = trio.current_time()
        request = Request(understood, self._memory, self._environment, now, device)
        answer = ANSWERS[understood.intent](request)
        if understood.side_effect:
            self._timers_changed.set()
        return answer

    async def _say(self, answer: str, say: Say) -> None:
        self._memory.last_answer = answer
        for sentence in wording.sentences(answer):
            await say(sentence)


class AssistantFactory:
    """Makes an `Assistant` for each session; all share the templates, which are parsed once."""

    def __init__(self, environment: Environment | None = None) -> None:
        self._matcher = Matcher()
        self._environment = environment or local_environment()

    @property
    def grammar(self) -> SpokenGrammar:
        """What can be said, for the recogniser."""
        return self._matcher.grammar

    def changes(self, text: str) -> bool:
        """Whether acting on `text` changes something, as setting a timer does."""
        understood = self._matcher.match(text)
        return understood is not None and understood.side_effect

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Commands worth trying first."""
        return SUGGESTIONS

    def create(self, session_id: str) -> Assistant:  # noqa: ARG002  (the port's; sessions don't differ)
        """A fresh assistant without memory."""
        return Assistant(self._matcher, self._environment)

"""The embedded agent: matches commands, answers them at once, and rings its timers.

It needs no model and no network, so that a fresh installation can already be talked to.
"""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.agents.assistant import timers, wording
from voicechat.agents.assistant.answers import ANSWERS
from voicechat.agents.assistant.answers.conversation import SUGGESTIONS, apologies, not_understood
from voicechat.agents.assistant.device import PsutilReadings
from voicechat.agents.assistant.matcher import Matcher
from voicechat.agents.assistant.request import Environment, Memory, Request
from voicechat.agents.ports import local_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from voicechat.agents.assistant.grammar import SpokenGrammar
    from voicechat.agents.assistant.matcher import Understood
    from voicechat.agents.ports import Announce, Completeness, Question, Say

log = structlog.get_logger()


def local_environment(
    session_id: str = "", now: Callable[[], datetime] = local_time
) -> Environment:
    """The real surroundings: the machine's sensors, and chance that depends on the session."""
    return Environment(
        now=now,
        random=Random(session_id),  # noqa: S311  (jokes and dice, no secret)
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
                log.debug("timers ring", count=len(due))
                await announce(timers.ringing(due))
                continue
            with trio.move_on_at(board.next_due()):
                await self._timers_changed.wait()
            self._timers_changed = trio.Event()

    async def respond(self, question: Question, say: Say) -> None:
        """Answer a command, one sentence at a time; anything else politely, with examples."""
        understood = self._matcher.match(question.text)
        if understood is None:
            times = apologies(question.history)
            await _say(not_understood(times, self._environment.random, spoken=False), say)
            return
        await _say(await self._answer(understood, question), say)
        log.debug("answered", intent=understood.intent)
        if self._memory.refusals:
            await question.certain()
            self._memory.refusals = 0

    async def not_understood(self, transcript: object, say: Say) -> None:  # noqa: ARG002  (its text is the recogniser's guess, which was rejected)
        """Answer rejected speech with what can be said instead."""
        times = self._memory.refusals
        self._memory.refusals += 1
        await _say(not_understood(times, self._environment.random, spoken=True), say)

    @property
    def busy(self) -> bool:
        """Whether a timer is going to ring."""
        return self._memory.timers.next_due() < math.inf

    def completeness(self, words: str) -> Completeness:
        """How finished `words` are as a spoken command."""
        return self._matcher.completeness(words)

    async def _answer(self, understood: Understood, question: Question) -> str:
        device = await self._environment.device.read() if understood.device else None
        if understood.side_effect:
            await question.certain()  # before the clock is read: a timer starts now
        now = trio.current_time()
        meaning = self._matcher.match
        request = Request(
            understood, self._memory, self._environment, now, device, question.history, meaning
        )
        answer = ANSWERS[understood.intent](request)
        if understood.side_effect:
            self._timers_changed.set()
        return answer


async def _say(answer: str, say: Say) -> None:
    if answer:
        for sentence in wording.sentences(answer):
            await say(sentence)


class AssistantFactory:
    """Makes an `Assistant` for each session; all share the templates, which are parsed once.

    Args:
        environment: Replaces the real surroundings in all of them, for tests.
        celsius: Who knows the processor's temperature; None where it is not known there.
    """

    def __init__(
        self,
        environment: Environment | None = None,
        celsius: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._matcher = Matcher()
        self._environment = environment
        self._device = PsutilReadings(celsius)

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

    def create(self, session_id: str, *, now: Callable[[], datetime] = local_time) -> Assistant:
        """A fresh assistant without memory; surroundings that the factory was given stay."""
        local = attrs.evolve(local_environment(session_id, now), device=self._device)
        return Assistant(self._matcher, self._environment or local)

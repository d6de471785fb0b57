"""Agents whose thinking takes no real part of virtual time, like the engines of `held`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from voicechat.agents.ports import local_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from voicechat.agents.ports import (
        Agent,
        AgentFactory,
        Announce,
        Completeness,
        Question,
        Say,
    )
    from voicechat.replay.held import Latencies
    from voicechat.replay.hold import Hold
    from voicechat.speech.ports import Transcript


@attrs.frozen
class HeldAgents:
    """An `AgentFactory`."""

    inner: AgentFactory
    hold: Hold
    latency: Latencies

    def create(self, session_id: str, *, now: Callable[[], datetime] = local_time) -> Agent:
        """A fresh agent."""
        return _HeldAgent(self.inner.create(session_id, now=now), self.hold, self.latency)


@attrs.frozen
class _HeldAgent:
    """An agent that thinks in no time; what waits for the client or the user does take time."""

    inner: Agent
    hold: Hold
    latency: Latencies

    @property
    def busy(self) -> bool:
        return bool(getattr(self.inner, "busy", False))

    async def run(self, announce: Announce) -> None:
        await self.inner.run(announce)

    async def respond(self, question: Question, say: Say) -> None:
        question = attrs.evolve(
            question,
            certain=partial(self._waiting, question.certain),
            elsewhere=partial(self._elsewhere, question.elsewhere),
        )
        await self.hold.run(
            self.latency.answer,
            partial(self.inner.respond, question, partial(self._waiting, say)),
        )

    async def not_understood(self, transcript: Transcript, say: Say) -> None:
        await self.hold.run(
            self.latency.answer,
            partial(self.inner.not_understood, transcript, partial(self._waiting, say)),
        )

    def completeness(self, words: str) -> Completeness:
        return self.inner.completeness(words)

    async def _waiting(self, wait: Callable[..., Awaitable[None]], *args: Any) -> None:
        with self.hold.released():
            await wait(*args)

    @asynccontextmanager
    async def _elsewhere(
        self, block: Callable[[], AbstractAsyncContextManager[None]]
    ) -> AsyncIterator[None]:
        """What is waited for there takes no time, the slot that comes after it may."""
        with self.hold.released():
            async with block():
                with self.hold.held():
                    yield

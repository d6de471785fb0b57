"""Who answers: the agent of the session, or one that only matches phrases while it is too hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.thermal.slot import Kind

if TYPE_CHECKING:
    from voicechat.agents.ports import Agent, Announce
    from voicechat.thermal.ladder import Limits


@attrs.frozen
class Thinkers:
    """The agents of one session.

    Attributes:
        agent: Who thinks.
        phrases: Who answers instead while only phrases are allowed; None where `agent` does no
            more than match phrases itself.
    """

    agent: Agent
    phrases: Agent | None = None

    async def run(self, announce: Announce) -> None:
        """Own their background work until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.agent.run, announce)
            if self.phrases is not None:
                nursery.start_soon(self.phrases.run, announce)

    def choose(self, limits: Limits) -> tuple[Agent, Kind]:
        """Who answers a question that is asked now, and what kind of work that is."""
        if self.phrases is None:
            return self.agent, Kind.PHRASES
        return (self.agent, Kind.AGENT) if limits.agents else (self.phrases, Kind.PHRASES)

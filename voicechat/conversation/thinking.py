"""Who answers: the agent of the session, or one that only matches phrases while it is too hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

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

    def choose(self, limits: Limits) -> Agent:
        """Who answers a question that is asked now."""
        return self.agent if limits.agents or self.phrases is None else self.phrases

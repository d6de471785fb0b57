"""Who answers: the agent of the session, or one that only matches phrases while it is too hot.

An agent may be an expensive thing to keep, such as a process of its own; so one that nobody has
asked for long can be put to rest, and is made anew when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.agents.ports import Agent, Announce
    from voicechat.thermal.ladder import Limits


@attrs.define(eq=False)
class Thinkers:
    """The agents of one session.

    Attributes:
        agent: Who thinks.
        phrases: Who answers instead while only phrases are allowed; None where `agent` does no
            more than match phrases itself.
        make: Makes both anew after they were put to rest; None where that cannot be.
        on_wake: Told when that happens.
    """

    agent: Agent
    phrases: Agent | None = None
    make: Callable[[], tuple[Agent, Agent | None]] | None = None
    on_wake: Callable[[], None] = lambda: None
    _awake: trio.Event = attrs.field(factory=trio.Event, init=False)
    _scope: trio.CancelScope | None = attrs.field(default=None, init=False)
    _resting: bool = attrs.field(default=False, init=False)

    @property
    def busy(self) -> bool:
        """Whether one has work of its own, such as a timer that is going to ring."""
        return not self._resting and any(
            getattr(agent, "busy", False) for agent in (self.agent, self.phrases)
        )

    def rest(self) -> bool:
        """End what the agents do by themselves, and what they hold, until one is needed.

        Returns:
            False where one is busy.
        """
        if self.busy:
            return False
        if self.make is not None and not self._resting:
            self._resting = True
            self._awake = trio.Event()
            if self._scope is not None:
                self._scope.cancel()
        return True

    async def run(self, announce: Announce) -> None:
        """Own their background work until cancelled."""
        while True:
            with trio.CancelScope() as self._scope:
                if not self._resting:
                    await self._work(announce)
            self._scope = None
            await self._awake.wait()

    def choose(self, limits: Limits) -> Agent:
        """Who answers a question that is asked now."""
        if self._resting and self.make is not None:
            self.agent, self.phrases = self.make()
            self._resting = False
            self._awake.set()
            self.on_wake()
        return self.agent if limits.agents or self.phrases is None else self.phrases

    async def _work(self, announce: Announce) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.agent.run, announce)
            if self.phrases is not None:
                nursery.start_soon(self.phrases.run, announce)
            await trio.sleep_forever()

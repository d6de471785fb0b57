"""What the conversation needs of any agent: a command matcher and a language model fit alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.speech.ports import Transcript

    Say = Callable[[str], Awaitable[None]]
    """Takes a piece of answer text (a delta); waits while the client is slower than the agent."""

    Announce = Callable[[str], Awaitable[None]]
    """Begins a turn of the server's own that says this text; returns when it has been spoken."""


class Agent(Protocol):
    """Thinks for one session; it holds that session's memory."""

    async def run(self, announce: Announce) -> None:
        """Own the agent's background work (timers that ring) until cancelled."""
        ...

    async def respond(self, text: str, say: Say) -> None:
        """Answer what the user said or typed, calling `say` once or more.

        Raises:
            EngineFailed: The answer could not be made; what was said so far stands.
        """
        ...

    async def not_understood(self, transcript: Transcript, say: Say) -> None:
        """Answer speech that the recogniser rejected, by saying what can be understood."""
        ...


class AgentFactory(Protocol):
    """Makes an agent for each new session."""

    def create(self, session_id: str) -> Agent:
        """A fresh agent without memory."""
        ...

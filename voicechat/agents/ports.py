"""What the conversation needs of any agent: a command matcher and a language model fit alike."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from voicechat.speech.ports import Transcript

    Say = Callable[[str], Awaitable[None]]
    """Takes a piece of answer text (a delta); waits while the client is slower than the agent."""

    Announce = Callable[[str], Awaitable[None]]
    """Begins a turn of the server's own that says this text; returns when it has been spoken."""


class Completeness(Enum):
    """How finished words sound, and so how long a pause must be to end the speaker's turn."""

    OPEN = auto()
    """More must come: "set a timer for"."""
    UNKNOWN = auto()
    """The words don't tell."""
    EXTENDABLE = auto()
    """Whole, but it may well go on: "set a timer for ten minutes" ("… and thirty seconds")."""
    COMPLETE = auto()
    """Whole, and nothing but politeness is likely to follow."""


class Role(StrEnum):
    """Who said something."""

    USER = "user"
    ASSISTANT = "assistant"


@attrs.frozen
class Message:
    """Something that was said in the conversation.

    Attributes:
        role: Who said it.
        text: The user's words; of an answer the part that was heard.
        intended: The whole answer, also what was not heard; empty for the user's words.
        cut: Whether the answer was interrupted.
    """

    role: Role
    text: str
    intended: str = ""
    cut: bool = False

    @property
    def whole(self) -> str:
        """All that was said or was to be said."""
        return self.intended or self.text


async def already_certain() -> None:
    """The `Question.certain` of a user whose turn is over, as with typed text."""


@attrs.frozen
class Question:
    """What an agent should answer.

    Attributes:
        text: What the user said or typed.
        history: What was said before it, oldest first.
        certain: Returns when the user has surely finished and the answer stands; it never returns
            when speech goes on, as the answer is cancelled then. After it has returned for a
            question, speech that follows can no longer be merged into that question, so an agent
            awaits it only when it has something to change.
        elsewhere: Makes an ``async with`` block in which the agent waits for something that does
            not compute on this machine, such as a model on another one, or for a lock of its own.
            While an agent answers it holds one of the few slots for inference, except in such a
            block and in `certain` and `say`; others wait for it, so it says little at a time.
    """

    text: str
    history: tuple[Message, ...] = ()
    certain: Callable[[], Awaitable[None]] = already_certain
    elsewhere: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class Agent(Protocol):
    """Thinks for one session; it holds that session's memory."""

    async def run(self, announce: Announce) -> None:
        """Own the agent's background work (timers that ring) until cancelled."""
        ...

    async def respond(self, question: Question, say: Say) -> None:
        """Answer what the user said or typed, calling `say` for each piece of text.

        An answer without any call of `say` is silence: the turn ends without sound, as after
        "uh-huh".

        It may be called before the user has surely finished, and be cancelled and called again with
        other words. So it awaits `question.certain()` before it changes anything: its memory, a
        timer, the world through a tool. What only thinks and says needs not wait.

        Raises:
            EngineFailed: The answer could not be made; what was said so far stands.
        """
        ...

    async def not_understood(self, transcript: Transcript, say: Say) -> None:
        """Answer speech that the recogniser rejected, by saying what can be understood.

        Only called when the user has surely finished.
        """
        ...

    @property
    def busy(self) -> bool:
        """Whether it has work of its own, such as a timer that is going to ring.

        An agent that is not busy may be put to rest when nobody has said anything for long: `run`
        is cancelled, and for the next question another one is made. May be left out: never busy.
        """
        ...

    def completeness(self, words: str) -> Completeness:
        """How finished the `words` of a transcript are; asked many times a second, so it is quick.

        An agent that cannot tell says `Completeness.UNKNOWN`: then punctuation and trailing
        function words decide.
        """
        ...


def local_time() -> datetime:
    """The machine's date and time, in its own zone."""
    return datetime.now().astimezone()


class AgentFactory(Protocol):
    """Makes an agent for each new session."""

    def create(self, session_id: str, *, now: Callable[[], datetime] = local_time) -> Agent:
        """A fresh agent without memory.

        Args:
            session_id: Whatever the agent leaves to chance depends on it alone, so that a recorded
                session can be replayed.
            now: The local date and time, with its zone. An agent reads no other wall clock.
        """
        ...

"""An assistant in surroundings that the test decides."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random

import attrs
import pytest

from voicechat.agents.assistant import Assistant, AssistantFactory, Environment
from voicechat.agents.assistant.device import DeviceSnapshot
from voicechat.agents.assistant.matcher import Matcher
from voicechat.agents.ports import Message, Question, Role

NOW = datetime(2026, 11, 21, 15, 5, tzinfo=timezone(timedelta(hours=1)))

SNAPSHOT = DeviceSnapshot(
    celsius=54.3,
    load=0.5,
    processors=4,
    memory_used=1_200_000_000,
    memory_total=8_000_000_000,
    disk_free=20_000_000_000,
    disk_total=64_000_000_000,
    uptime=93_784.0,
)


@attrs.define
class FixedReadings:
    """Device readings that a test sets."""

    snapshot: DeviceSnapshot = SNAPSHOT

    async def read(self) -> DeviceSnapshot:
        return self.snapshot


@attrs.define
class Surroundings:
    """What an `Environment` reads, changeable in mid-test."""

    now: datetime = NOW
    device: FixedReadings = attrs.field(factory=FixedReadings)
    random: Random = attrs.field(factory=lambda: Random(7))

    def environment(self) -> Environment:
        return Environment(now=lambda: self.now, random=self.random, device=self.device)


@attrs.define
class Conversation:
    """Asks an assistant, gives its whole answer, and keeps the history."""

    assistant: Assistant
    history: list[Message] = attrs.field(factory=list)

    async def ask(self, text: str) -> str:
        return "".join(await self.deltas(text))

    async def deltas(self, text: str) -> list[str]:
        said: list[str] = []

        async def say(delta: str) -> None:
            said.append(delta)

        await self.assistant.respond(Question(text, tuple(self.history)), say)
        self.history.append(Message(Role.USER, text))
        self.answered("".join(said))
        return said

    def answered(self, text: str, heard: str | None = None) -> None:
        """The assistant said `text`, or was interrupted when `heard` of it was heard."""
        cut = heard is not None
        self.history.append(Message(Role.ASSISTANT, heard if cut else text, text, cut=cut))


@pytest.fixture
def surroundings() -> Surroundings:
    return Surroundings()


@pytest.fixture
def assistant(surroundings: Surroundings) -> Assistant:
    return AssistantFactory(surroundings.environment()).create("session")


@pytest.fixture
def chat(assistant: Assistant) -> Conversation:
    return Conversation(assistant)


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    return Matcher()

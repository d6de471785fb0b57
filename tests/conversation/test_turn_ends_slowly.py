"""A client that takes long to take what is sent: it still gets each turn whole, and in order."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from tests.conversation.turn_tools import RATE, said
from tests.fakes import Collector, EchoAgent, ToneSynthesizer, ungated
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.speaker import Speech
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import EngineFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import (
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import TurnTrace

pytestmark = pytest.mark.requirement("V-7", "V-11")


class Slow(Collector):
    """The outbox is full when something of `kind` comes: it takes a second until it is taken."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.reached = trio.Event()

    async def __call__(self, item, /):
        if isinstance(item, self.kind):
            self.reached.set()
            await trio.sleep(1)
        await super().__call__(item)


@asynccontextmanager
async def slow(kind, agent=None):
    emit = Slow(kind)
    conversation = Conversation(
        thinkers=Thinkers(agent or EchoAgent()),
        owner=ungated(),
        speech=Speech(ToneSynthesizer(), RATE, reports=False, ahead_s=0.5),
        emit=emit,
        report=emit.report,
        speak=True,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        yield conversation, emit, nursery
        nursery.cancel_scope.cancel()


async def test_a_turn_that_is_stopped_before_it_was_told_of_is_told_of_first(autojump_clock):
    async with slow(TurnStarted) as (conversation, emit, _):
        conversation.user_text("hello")
        await emit.reached.wait()
        conversation.interrupt(None)
        await emit.wait_for(StreamInterrupted)
    assert [started.turn for started in emit.of(TurnStarted)] == [1]


async def test_a_turn_that_fails_at_once_is_told_of_first(autojump_clock):
    class Broken(EchoAgent):
        async def respond(self, question, say):  # noqa: ARG002  (the port's)
            raise EngineFailed("The model is gone.")

    async with slow(TurnStarted, Broken()) as (conversation, emit, _):
        conversation.user_text("hello")
        await emit.wait_for(StreamError)
    assert [type(item) for item in emit.items] == [TurnStarted, StreamError]


async def test_draining_waits_until_the_record_is_told(autojump_clock):
    async with slow(TurnTrace) as (conversation, emit, _):
        conversation.user_text("hello")
        await conversation.drain()
    assert len(emit.of(TurnTrace)) == 1


async def test_draining_waits_until_the_end_of_a_turn_is_told(autojump_clock):
    async with slow(StreamInterrupted) as (conversation, emit, _):
        conversation.user_text("x" * 100)
        await emit.wait_for(AudioFrame)
        conversation.interrupt(None)
        await emit.reached.wait()
        await conversation.drain()
    assert len(emit.of(StreamInterrupted)) == 1


async def test_draining_waits_for_the_question_whose_words_are_just_being_told(autojump_clock):
    async with slow(TranscriptFinal) as (conversation, emit, nursery):
        nursery.start_soon(conversation.heard, said("what time is it"))
        await emit.reached.wait()
        await conversation.drain()
    ends = [trace.turn for trace in emit.of(TurnTrace)]
    assert ends == [final.turn for final in emit.of(TranscriptFinal)] == [1]


async def test_draining_does_not_wait_for_what_the_assistant_can_not_say(autojump_clock):
    """A key is held down to speak, so a timer that rings waits: no reason to stay."""
    async with slow(TurnTrace) as (conversation, emit, nursery):
        conversation.user_speaks(speaks=True)
        nursery.start_soon(conversation.announce, "Your timer is done.")
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(30):
            await conversation.drain()
    assert not emit.items

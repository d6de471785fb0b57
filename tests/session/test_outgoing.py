"""What acknowledges something leaves when that is on disk, and nothing else waits for the disk."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes import ScriptedRecognizer, loud, quiet
from tests.session.session_tools import HELLO, Client, house
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen
from voicechat.protocol.messages.connection import Error, Pong
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    ResponseComplete,
    StreamDelta,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.tap import NoTap
from voicechat.speech.ports import Transcript

pytestmark = pytest.mark.requirement("S-4")


async def test_what_was_typed_is_kept_before_it_is_acknowledged(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await kept.scribe.flush()
        kept.store.block()
        client.types("hello")
        await trio.sleep(60)
        assert client.take_all() == 0, "the answer waits as well, behind it"
        assert client.session.incoming.ack().client_seq == 0
        assert await kept.store.messages(alive.id, limit=9) == ()
        acks = client.acks
        kept.store.free.set()
        await client.until_has(MessageReceived)
        assert ("user", "hello", "complete") in [
            (each.speaker, each.text, each.status)
            for each in await kept.store.messages(alive.id, limit=9)
        ]
        assert client.session.incoming.ack().client_seq == 1
        assert client.acks > acks
        assert client.numbers[0] == 1
        await client.until_has(ResponseComplete, plays=True)


async def test_what_was_heard_is_kept_before_the_words_are_shown(autojump_clock):
    async with house(stt=ScriptedRecognizer([Transcript("what time is it")])) as kept:
        client = Client()
        alive = kept.create(client)
        await kept.scribe.flush()
        kept.store.block()
        client.say(AudioOpen(1, 16_000))
        end = client.speaks(1, 0, quiet(0.5) + loud(1) + quiet(2))
        client.say(AudioClose(1))
        await trio.sleep(60)
        client.take_all()
        assert client.of(TranscriptFinal) == []
        position = client.session.incoming.ack()
        assert (position.client_seq, position.stream) == (1, 1)
        assert position.samples <= 8000, "nothing from where the words begin"
        kept.store.free.set()
        final = await client.until_has(TranscriptFinal)
        message = (await kept.store.messages(alive.id, limit=9))[0]
        assert message.text == final.text == "what time is it"
        record = await kept.store.get(alive.id)
        assert (record.stream, record.samples) == (1, final.until)
        assert client.session.incoming.ack().client_seq == 2
        assert client.session.incoming.ack().samples == end
        await client.until_has(ResponseComplete, plays=True)


async def test_an_answer_is_kept_before_it_is_said_to_be_complete(autojump_clock):
    async with house() as kept:
        client, other = Client(), Client()
        alive = kept.create(client)
        kept.create(other)
        client.types("one two three")
        await client.until_has(TurnStarted)
        await kept.scribe.flush()
        kept.store.block()
        await client.until(
            lambda: client.of(AudioFrame) and client.of(AudioFrame)[-1].last, plays=True
        )
        assert "".join(delta.text for delta in client.of(StreamDelta)).endswith("three. ")
        await trio.sleep(1)
        client.session.tell(Pong("behind it"))
        other.session.tell(Pong("another session"))
        other.take_all()
        assert other.of(Pong), "has nothing to wait for"
        client.take_all()
        assert (client.of(ResponseComplete), client.of(Pong)) == ([], [])
        kept.store.free.set()
        await client.until_has(ResponseComplete)
        assert len(await kept.store.messages(alive.id, limit=9)) == 2
        await client.until_has(Pong)
        assert client.numbers == list(range(1, len(client.numbers) + 1))


async def test_speech_before_it_is_not_held_up_and_speech_behind_it_is(autojump_clock):
    """A question that is typed into an answer."""
    async with house() as kept:
        client = Client()
        kept.create(client)
        client.types("one two three four five")
        await client.until(lambda: len(client.speech()) > 5, plays=True)
        await kept.scribe.flush()
        kept.store.block()
        client.types("six")
        await trio.sleep(60)
        client.take_all()
        held = client.seq
        turns = {frame.stream for frame in client.of(AudioFrame)}
        assert turns == {1}
        assert len(client.of(MessageReceived)) == 1
        kept.store.free.set()
        await client.until_has(ResponseComplete, plays=True)
        received = client.of(MessageReceived)[1]
        at = client.items.index(received)
        assert client.numbers[at] > held
        assert all(
            frame.stream == 1 for frame in client.items[:at] if isinstance(frame, AudioFrame)
        )
        assert {frame.stream for frame in client.of(AudioFrame)} == {1, 2}
        assert client.numbers == sorted(client.numbers)


async def test_a_disk_that_is_full_does_not_end_the_conversation(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await kept.scribe.flush()
        kept.store.full = True
        for number in (1, 2):
            client.types(f"q{number}")
            await client.until_has(TurnTrace, number, plays=True)
        assert [error.code for error in client.of(Error)] == [ErrorCode.STORAGE_FAILED], "told once"
        assert client.session.incoming.ack().client_seq == 0, "nothing of it is safe"
        kept.store.full = False
        await trio.sleep(6)
        assert client.session.incoming.ack().client_seq == 2
        assert [text for _, text, _ in await kept.said(alive)] == [
            "q1",
            "You said: q1. ",
            "q2",
            "You said: q2. ",
        ]
        client.types("q3")
        await client.until_has(TurnTrace, 3, plays=True)
        kept.store.full = True
        client.types("q4")
        await client.until_has(TurnTrace, 4, plays=True)
        assert len(client.of(Error)) == 2, "told anew after it had gone well"


async def test_words_that_a_full_disk_has_not_taken_are_not_acknowledged(autojump_clock):
    async with house(stt=ScriptedRecognizer([Transcript("what time is it")])) as kept:
        client = Client()
        kept.create(client)
        await kept.scribe.flush()
        kept.store.full = True
        client.say(AudioOpen(1, 16_000))
        end = client.speaks(1, 0, quiet(0.5) + loud(1) + quiet(2))
        client.say(AudioClose(1))
        await client.until_has(TranscriptFinal)
        position = client.session.incoming.ack()
        assert position.client_seq == 1
        assert position.samples <= 8000, "nothing from where the words begin"
        acks = client.acks
        kept.store.full = False
        await trio.sleep(6)
        position = client.session.incoming.ack()
        assert (position.client_seq, position.samples) == (2, end)
        assert client.acks > acks


async def test_a_full_disk_and_a_session_that_ends_hurt_nobody(autojump_clock):
    class Slow(NoTap):
        async def run(self):
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)

    async with house(tap=Slow()) as kept:
        client, other = Client(), Client()
        kept.create(client)
        kept.create(other)
        await kept.scribe.flush()
        kept.store.block()
        kept.store.full = True
        client.types("hello")
        await wait_all_tasks_blocked()
        client.session.end()
        await trio.sleep(0.5)  # its outbox is closed, and it has not ended
        assert not client.session.ended.is_set()
        kept.store.free.set()
        await client.session.ended.wait()
        other.types("still there?")
        await other.until_has(ResponseComplete, plays=True)


async def test_a_client_that_does_not_acknowledge_waits_for_the_disk_as_well(autojump_clock):
    hello = type(HELLO)(1, output_rate=16_000)
    async with house() as kept:
        client = Client()
        kept.create(client, hello)
        await kept.scribe.flush()
        kept.store.block()
        client.types("hello")
        await trio.sleep(1)
        assert client.take_all() == 0
        kept.store.free.set()
        await client.until_has(ResponseComplete)
        assert client.session.incoming.ack().client_seq == 0

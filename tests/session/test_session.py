"""Sessions with fake engines: what they own, what they bound, and how they end."""

from __future__ import annotations

import json

import pytest
import trio

from tests.fakes import (
    EchoAgent,
    LoudnessVoiceActivity,
    ScriptedRecognizer,
    ToneSynthesizer,
    loud,
    taken,
)
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError
from voicechat.observability.tasks import tasks_of
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello, Pong
from voicechat.protocol.messages.conversation import ResponseComplete
from voicechat.session.lifecycle import Timers
from voicechat.session.manager import SessionManager
from voicechat.session.scribe import Scribe
from voicechat.session.session import Session
from voicechat.session.store.memory import MemoryStore
from voicechat.settings import Sessions, Settings
from voicechat.thermal.gate import InferenceGate


def make(session_id="s", hello=None, *, agent=None, replay_kb=1024, **engines):
    return Session(
        session_id,
        hello or Hello(1, output_rate=16_000),
        thinkers=Thinkers(agent or EchoAgent()),
        vad=engines.get("vad") or LoudnessVoiceActivity(),
        stt=engines.get("stt") or ScriptedRecognizer([]),
        tts=engines.get("tts") or ToneSynthesizer(),
        gate=InferenceGate(64),
        codec=Codec(),
        settings=Settings(sessions=Sessions(replay_kb=replay_kb)),
        keeper=engines.get("keeper"),
    )


async def messages_until(session, kind):
    """Take from the outbox up to and with a message of `kind`."""
    found = []
    while True:
        item = await taken(session)
        if isinstance(item, str):
            found.append(json.loads(item))
            if found[-1]["type"] == kind:
                return found


@pytest.mark.requirement("L-1")
async def test_nothing_of_an_ended_session_lives(autojump_clock):
    session = make("gone")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        session.microphones.open(AudioOpen(1, 16_000))
        session.conversation.user_text("x" * 100)
        await messages_until(session, "stream_delta")
        assert len(tasks_of("gone")) > 3
        session.end()
        await session.ended.wait()
    assert tasks_of("gone") == []
    assert not session.failed


async def test_messages_are_numbered_in_order(autojump_clock):
    session = make()
    numbers = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        session.conversation.user_text("one")
        complete = False
        while not complete:
            entry = await session.outbox.entry()
            numbers.append(entry.seq)
            complete = isinstance(entry.item, ResponseComplete)
        session.end()
    assert numbers == list(range(1, len(numbers) + 1)), "speech and text share them"


async def test_a_client_that_does_not_read_holds_up_only_its_own_turn(autojump_clock):
    session = make(replay_kb=64)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        session.conversation.user_text("x" * 1000)  # 50 s of speech
        await trio.sleep(200)
        box = session.outbox.box
        assert not box.has_room
        assert box.cost < 64 * 1024 + 2000, "one frame too much at most"
        await messages_until(session, "response_complete")
        session.end()


async def test_microphone_streams_are_checked(autojump_clock):
    def frame(stream, **how):
        return AudioFrame(FrameKind.MICROPHONE, stream, 0, 0, bytes(640), **how)

    session = make()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        with pytest.raises(ProtocolError) as caught:
            session.microphones.audio(frame(1))
        assert caught.value.code is ErrorCode.INVALID_AUDIO
        session.microphones.open(AudioOpen(1, 16_000))
        session.microphones.audio(frame(1))
        with pytest.raises(ProtocolError):
            session.microphones.open(AudioOpen(1, 16_000))
        session.microphones.open(AudioOpen(2, 16_000))
        session.microphones.audio(frame(1))  # late: of the stream that was replaced
        session.microphones.close(1)
        session.microphones.audio(frame(2, last=True))
        session.microphones.audio(frame(2))  # behind the last one
        with pytest.raises(ProtocolError):
            session.microphones.audio(frame(3))
        session.microphones.close(2)
        session.end()


class Anyone:
    """A connection that drives a session, and does nothing with it."""

    def wake(self):
        """Take nothing."""

    ack = taken_over = wake


@pytest.mark.requirement("L-4")
async def test_a_fault_in_a_session_ends_that_session_only(autojump_clock):
    class Faulty(EchoAgent):
        async def run(self, announce):  # noqa: ARG002  (the port's)
            await trio.sleep(1)
            raise ValueError("planted")

    agents = {"bad": Faulty(), "good": EchoAgent()}
    names = iter(agents)
    scribe = Scribe(MemoryStore())
    manager = SessionManager(
        lambda session_id, hello, **how: make(session_id, hello, agent=agents[next(names)], **how),
        scribe=scribe,
        limit=2,
        timers=Timers(resume_window_s=300, idle_s=1800),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(scribe.run)
        await nursery.start(manager.run)
        both = [manager.create(Hello(1)) for _ in range(2)]
        for each in both:
            manager.drive(each, Anyone())
        bad, good = (each.session for each in both)
        with pytest.raises(CapacityExceeded):
            manager.create(Hello(1))
        await bad.ended.wait()
        assert bad.failed
        assert not good.ended.is_set()
        good.conversation.user_text("still there?")
        await messages_until(good, "response_complete")
        await trio.testing.wait_all_tasks_blocked()
        assert len(manager) == 1
        nursery.cancel_scope.cancel()
    assert len(manager) == 0


async def test_a_microphone_that_nobody_can_keep_up_with_is_closed(autojump_clock):
    """And never waited for: what else the client says is heard meanwhile."""

    class Stuck(LoudnessVoiceActivity):
        async def probability(self, frame):  # noqa: ARG002  (the port's)
            await trio.sleep_forever()

    session = make(vad=Stuck())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        session.microphones.open(AudioOpen(1, 16_000))
        with pytest.raises(ProtocolError) as caught:  # noqa: PT012  (the one too many)
            for n in range(2500):
                pcm = loud(0.02)
                session.microphones.audio(AudioFrame(FrameKind.MICROPHONE, 1, n, 320 * n, pcm))
        assert caught.value.code is ErrorCode.BACKPRESSURE
        assert 1900 < n < 2100, "forty seconds"
        session.microphones.audio(
            AudioFrame(FrameKind.MICROPHONE, 1, n, 320 * n, loud(0.02))
        )  # dropped
        session.conversation.user_text("typing works")
        await messages_until(session, "response_complete")
        session.end()


async def test_the_sequence_has_no_holes(autojump_clock):
    """Also when a message was given up while it waited for a slow client."""
    session = make(replay_kb=64)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        for _ in range(600):
            with trio.move_on_after(0.01):
                await session.emit(Pong(""))
        found = []
        with trio.move_on_after(1):
            while True:
                found.append(json.loads(await taken(session))["seq"])
        session.end()
    assert found == list(range(1, len(found) + 1))
    assert len(found) < 600

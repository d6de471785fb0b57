"""A session that is recorded: what the recorder is told of, and that it never stands in the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import structlog
import trio
import trio.testing

from tests.fakes import EchoAgent, LoudnessVoiceActivity, ScriptedRecognizer, ToneSynthesizer
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import ProtocolError
from voicechat.protocol.codec import Codec, Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello, Ping, Pong
from voicechat.protocol.messages.conversation import UserMessage
from voicechat.recording import recorder as recorder_module
from voicechat.recording.recorder import Recordings
from voicechat.session.session import Session
from voicechat.settings import Recording, Settings
from voicechat.thermal.gate import InferenceGate

if TYPE_CHECKING:
    from voicechat.recording.format import Ending

HELLO = Hello(1, output_rate=16_000)


def recorded(folder):
    """A session and its recorder."""
    settings = Settings(recording=Recording(dir=folder))
    tap = Recordings(settings).begin("abc", HELLO)
    session = Session(
        "abc",
        HELLO,
        thinkers=Thinkers(EchoAgent()),
        vad=LoudnessVoiceActivity(),
        stt=ScriptedRecognizer([]),
        tts=ToneSynthesizer(),
        gate=InferenceGate(64),
        codec=Codec(),
        settings=settings,
        tap=tap,
    )
    return session, tap


def microphone(stream, seq=0, samples=320):
    return AudioFrame(FrameKind.MICROPHONE, stream, seq, seq * samples, bytes(2 * samples))


def sent(tap):
    return [record.item for record in tap._queue]


async def test_frames_that_are_refused_or_late_do_not_wait_for_the_listener(tmp_path):
    session, tap = recorded(tmp_path)
    with pytest.raises(ProtocolError):
        session.microphones.audio(microphone(7))
    session.microphones.open(AudioOpen(1, 16_000))
    session.microphones.audio(microphone(1))
    session.microphones.open(AudioOpen(2, 16_000))
    session.microphones.audio(microphone(1))
    with pytest.raises(ProtocolError):
        session.microphones.audio(microphone(2, 0, 41 * 16_000))
    assert [waiting.place for waiting in tap._waiting] == [(1, 0)]
    assert sent(tap) == [
        microphone(7),
        microphone(1),
        microphone(1),
        microphone(2, 0, 41 * 16_000),
    ], "they are recorded all the same, for a replay refuses them, too"


async def test_what_was_never_sent_is_not_recorded(tmp_path, autojump_clock):
    session, tap = recorded(tmp_path)
    sendable = 0
    with trio.move_on_after(1) as limit:
        while True:
            await session.emit(Pong(str(sendable)))
            sendable += 1
    assert limit.cancelled_caught
    assert sent(tap) == [Pong(str(number)) for number in range(sendable)]


async def test_what_waits_for_the_client_is_recorded_in_its_order(tmp_path, autojump_clock):
    session, tap = recorded(tmp_path)
    items = []
    while session.outbox.box.has_room:
        items.append(Pong(str(len(items))))
        await session.emit(items[-1])
    waits, next_one, last, after = (Pong(name) for name in ("waits", "next", "last", "after"))
    items += [waits, next_one, last, after]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.emit, waits)
        await trio.testing.wait_all_tasks_blocked()
        taken = [session.outbox.take().item for _ in range(3)]
        await session.emit(next_one)  # there is room, but who waited has not been told yet
        await session.emit(last)
    taken.append(await session.outbox.receive())
    await session.emit(after)
    while len(taken) < len(items):
        taken.append(await session.outbox.receive())
    assert taken == items
    assert sent(tap) == items


async def test_a_slow_disk_does_not_keep_the_client_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "LAST_WRITE_S", 30.0)
    reader, writer = os.pipe()
    session, tap = recorded(tmp_path)

    def hang(*_: object, **__: object) -> bool:
        os.read(reader, 1)
        return True

    monkeypatch.setattr(tap._file, "append", hang)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        session.requests.handle(Envelope(UserMessage("hi"), 1))
        await session.outbox.receive()
        session.end()
        with trio.fail_after(5):
            async for _ in session.outbox:
                pass
        assert not session.ended.is_set()
        os.write(writer, b"xx")
        with trio.fail_after(5):
            await session.ended.wait()
    os.close(reader)
    os.close(writer)


async def test_a_recorder_that_fails_does_not_end_the_session(tmp_path, monkeypatch):
    session, tap = recorded(tmp_path)

    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("can't start new thread")

    def finish(ending: Ending) -> None:
        really_finish(ending)
        over.set()

    over, really_finish = trio.Event(), tap._finish
    monkeypatch.setattr(tap._file, "append", fail)
    monkeypatch.setattr(tap, "_finish", finish)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.run)
            session.requests.handle(Envelope(UserMessage("hi"), 1))
            with trio.fail_after(5):
                await over.wait()
            session.requests.handle(Envelope(Ping("still there?"), 2))
            session.end()
    assert not session.failed
    assert Pong("still there?") in [item async for item in session.outbox]
    assert {line["event"] for line in logs if line["log_level"] == "error"} == {"recording ends"}

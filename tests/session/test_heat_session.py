"""A whole session in a pause: the client is told, also by voice, and all goes on after it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.fakes import (
    EchoAgent,
    LoudnessVoiceActivity,
    ScriptedRecognizer,
    ToneSynthesizer,
    loud,
    quiet,
    taken,
)
from tests.session.heat_tools import Weather
from voicechat.conversation.notice import WORDS, Notice
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.session.microphones import MAX_COOLING_S
from voicechat.session.session import Session
from voicechat.settings import Settings
from voicechat.speech.ports import Transcript
from voicechat.thermal.gate import InferenceGate

COOL, PAUSED = ThermalState.NORMAL, ThermalState.PAUSED
PHRASES = ThermalState.PHRASES
TIME = Transcript("what time is it")
NOTICE = loud(1.0)
FRAME_S = 0.1


@attrs.define
class Client:
    session: Session
    weather: Weather
    agent: EchoAgent
    messages: list[dict] = attrs.field(factory=list)
    sound: dict[int, bytes] = attrs.field(factory=dict)
    changed: trio.Event = attrs.field(factory=trio.Event)
    seq: int = 0

    async def read(self):
        while True:
            item = await taken(self.session)
            if isinstance(item, str):
                self.messages.append(json.loads(item))
            else:
                frame = unpack(item, FrameKind.SPEECH)
                self.sound[frame.stream] = self.sound.get(frame.stream, b"") + frame.pcm
            self.changed.set()
            self.changed = trio.Event()

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    async def wait_for(self, kind, number=1):
        while len(self.of(kind)) < number:
            await self.changed.wait()
        return self.of(kind)[number - 1]

    async def send(self, pcm):
        """In real time."""
        size = round(16_000 * FRAME_S) * 2
        for at in range(0, len(pcm), size):
            await trio.sleep(FRAME_S)
            part = pcm[at : at + size]
            offset = self.seq * size // 2
            self.session.microphones.audio(
                AudioFrame(FrameKind.MICROPHONE, 1, self.seq, offset, part)
            )
            self.seq += 1

    @property
    def waiting(self):
        return [message["waiting"] for message in self.of("thermal")]


@asynccontextmanager
async def talking(*transcripts, speak=True, agent=None, phrases=None):
    gate = InferenceGate(2)
    weather = Weather(gate)
    agent = agent or EchoAgent()
    notice = Notice(ToneSynthesizer())
    notice.pcm = NOTICE
    session = Session(
        "s",
        Hello(1, output_rate=16_000, speak=speak),
        thinkers=Thinkers(agent, phrases),
        vad=LoudnessVoiceActivity(),
        stt=ScriptedRecognizer(list(transcripts)),
        tts=ToneSynthesizer(),
        gate=gate,
        codec=Codec(),
        settings=Settings(),
        climate=weather,
        notice=notice,
    )
    client = Client(session, weather, agent)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        reader = await nursery.start(_reading, client)
        await client.wait_for("thermal")
        session.microphones.open(AudioOpen(1, 16_000))
        yield client
        session.end()
        await session.ended.wait()
        reader.cancel()
    assert not session.failed
    assert (gate.occupied, gate.waiting) == (0, 0)


async def _reading(client, *, task_status):
    with trio.CancelScope() as scope:
        task_status.started(scope)
        try:
            await client.read()
        except trio.EndOfChannel:
            return


@pytest.mark.requirement("T-2")
async def test_who_asks_in_a_pause_is_told_why_nothing_comes_and_then_answered(autojump_clock):
    async with talking() as client:
        client.weather.become(PAUSED)
        await trio.sleep(1)
        turn = client.session.conversation.user_text("hello")
        await trio.sleep(20)
        assert client.waiting == [False, False, True]
        assert client.of("thermal")[-1]["message"] == WORDS
        assert client.sound[turn] == NOTICE[: len(client.sound[turn])]
        assert len(NOTICE) - len(client.sound[turn]) < 1280
        client.weather.become(COOL)
        done = await client.wait_for("response_complete")
        assert done["text"] == "You said: hello. "
        await trio.sleep(1)
        assert client.waiting[-1] is False
        assert client.sound[turn].startswith(NOTICE)
        assert len(client.sound[turn]) == len(NOTICE) + 1600 * len("You said: hello.")


@pytest.mark.requirement("T-2")
async def test_who_speaks_into_a_pause_is_told_aloud_and_understood_after_it(autojump_clock):
    async with talking(TIME) as client:
        client.weather.become(PAUSED)
        await client.send(loud(1.0))
        await client.send(quiet(20))
        started = client.of("turn_started")
        assert [message["origin"] for message in started] == ["notice"]
        assert client.sound[started[0]["turn"]] == NOTICE
        assert client.of("transcript_final") == []
        client.weather.become(COOL)
        final = await client.wait_for("transcript_final")
        assert final["text"] == TIME.text
        done = await client.wait_for("response_complete", 2)
        assert done["text"] == "You said: what time is it. "
        await trio.sleep(1)
    assert client.waiting == [False, False, True, False]
    assert len(client.of("turn_started")) == 2
    assert client.of("error") == []


@pytest.mark.requirement("T-2")
async def test_once_a_pause_and_again_in_the_next_one(autojump_clock):
    async with talking() as client:
        conversation = client.session.conversation
        for _ in range(2):
            client.weather.become(PAUSED)
            turns = []
            for _ in range(3):
                turns.append(conversation.user_text("hello"))
                await trio.sleep(5)
            assert [turn in client.sound for turn in turns] == [True, False, False]
            client.weather.become(COOL)
            await trio.sleep(5)
    assert len(client.of("response_complete")) == 2


@pytest.mark.requirement("T-2")
async def test_an_agent_that_waited_before_the_pause_is_spoken_of_in_it(autojump_clock):
    """The usual way up the ladder."""
    agent = EchoAgent(pause=0.3)
    async with talking(agent=agent, phrases=EchoAgent()) as client:
        turn = client.session.conversation.user_text("one two three four")
        await trio.sleep(0.5)
        client.weather.become(PHRASES)
        await trio.sleep(5)
        client.weather.become(PAUSED)
        await trio.sleep(5)
        assert len(client.sound[turn]) >= len(NOTICE) - 1280
        client.weather.become(COOL)
        done = await client.wait_for("response_complete")
    assert done["text"] == "You said: one two three four. "


async def test_who_hears_no_answers_reads_it_alone(autojump_clock):
    async with talking(TIME, speak=False) as client:
        client.weather.become(PAUSED)
        await client.send(loud(1.0))
        await client.send(quiet(5))
        client.session.conversation.user_text("hello")
        await trio.sleep(5)
        assert client.waiting[-1] is True
        assert client.of("thermal")[-1]["message"] == WORDS
        client.weather.become(COOL)
        await client.wait_for("response_complete")
    assert client.sound == {}


@pytest.mark.requirement("T-2")
async def test_more_than_two_minutes_in_a_pause_are_refused_and_what_was_kept_is_answered(
    autojump_clock,
):
    async with talking(TIME, Transcript("and more")) as client:
        client.weather.become(PAUSED)
        await client.send(loud(1.0))
        with pytest.raises(ProtocolError) as caught:
            await client.send(quiet(MAX_COOLING_S + 10))
        assert caught.value.code is ErrorCode.THERMAL_PAUSED
        client.weather.become(COOL)
        final = await client.wait_for("transcript_final")
        assert final["text"] == TIME.text
        await client.wait_for("response_complete", 2)
    assert client.of("error") == []


@pytest.mark.requirement("T-2", "L-1")
async def test_a_session_that_ends_in_a_pause_ends_at_once(autojump_clock):
    async with talking(TIME) as client:
        client.session.conversation.user_text("hello")
        client.weather.become(PAUSED)
        await client.send(loud(1.0))
        await trio.sleep(5)
        began = trio.current_time()
        client.session.end()
        await client.session.ended.wait()
        assert trio.current_time() == began

"""Sessions in virtual time: with fakes that are slow in real time, and with the real engines."""

from __future__ import annotations

from datetime import UTC, datetime

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
)
from voicechat.conversation.notice import Notice
from voicechat.errors import EngineFailed, SettingError
from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello, Recognizer
from voicechat.protocol.messages.conversation import ResponseComplete, StreamDelta, UserMessage
from voicechat.replay.held import Latencies
from voicechat.replay.virtual import run_virtually
from voicechat.settings import Conversation, Settings, Speech
from voicechat.speech.ports import Transcript
from voicechat.thermal.gate import InferenceGate
from voicechat.wiring.core import Core

HELLO = Hello(1, output_rate=16_000)


@attrs.define
class SlowAgent(EchoAgent):
    """Thinks in a thread."""

    async def respond(self, question, say):
        await trio.to_thread.run_sync(sum, range(2_000_000))
        await super().respond(question, say)


@attrs.define
class Agents:
    made: list = attrs.field(factory=list)
    agent: type = SlowAgent

    def create(self, session_id, *, now):
        self.made.append((session_id, now))
        return self.agent()


@attrs.define
class EndOfTurnAlways:
    asked: int = 0

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        task_status.started()
        await trio.sleep_forever()

    async def probability(self, _pcm):
        self.asked += 1
        await trio.to_thread.run_sync(sum, range(100_000))
        return 1.0


def core(settings=None, **parts):
    tts = parts.get("tts") or ToneSynthesizer()
    made = {
        "settings": settings or Settings(),
        "vad": LoudnessVoiceActivity(),
        "stt": ScriptedRecognizer([Transcript("open the door", confidence=0.5)] * 4),
        "tts": tts,
        "phrases": None,
        "gate": InferenceGate(4),
        "notice": Notice(tts),
        "end_of_turn": None,
        "agents": Agents(),
        "recognizer": Recognizer("open", (), ""),
    }
    return Core(**(made | parts))


async def spoken_to(session, pcm, *, then_s=6.0):
    """Speak, and wait; returns all that was sent, with times."""
    sent = []

    async def take():
        async for item in session.outbox:
            what = ("audio", item.offset) if isinstance(item, AudioFrame) else item
            sent.append((trio.current_time(), what))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        session.requests.handle(Envelope(AudioOpen(1, 16_000), None))
        began = trio.current_time()
        for seq, at in enumerate(range(0, len(pcm), 640)):
            await trio.sleep_until(began + (at + 640) / 32_000)
            session.microphones.audio(
                AudioFrame(FrameKind.MICROPHONE, 1, seq, at // 2, pcm[at : at + 640])
            )
        await trio.sleep(then_s)
        session.end()
    return sent


def types(sent):
    return [type(item).__name__ for _, item in sent if not isinstance(item, tuple)]


@pytest.mark.requirement("V-12")
def test_slow_engines_take_no_virtual_time_and_give_the_same_each_time():
    async def main(world):
        return await spoken_to(world.session(HELLO), quiet(0.5) + loud(1.5) + quiet(3))

    def once():
        return run_virtually(main, Settings(), core=core(end_of_turn=EndOfTurnAlways()))

    first, second = once(), once()
    assert first == second
    assert "ResponseComplete" in types(first)
    (ended,) = [at for at, item in first if type(item).__name__ == "SpeechEnded"]
    (final,) = [at for at, item in first if type(item).__name__ == "TranscriptFinal"]
    assert ended < final < ended + 1.0


def test_latencies_are_those_that_were_asked_for():
    async def main(world):
        return await spoken_to(world.session(HELLO), loud(1.0) + quiet(3))

    def answered(**latencies):
        sent = run_virtually(main, Settings(), core=core(), latencies=Latencies(**latencies))
        return next(at for at, item in sent if type(item).__name__ == "TranscriptFinal")

    assert answered(final=0.5) == pytest.approx(answered(final=0.1) + 0.4, abs=1e-9)


def test_an_agent_may_wait_for_its_client_without_holding_time():
    """The outbox takes 256 items; more than that leaves only as somebody takes them."""

    class Talker(EchoAgent):
        async def respond(self, question, say):  # noqa: ARG002  (the port's)
            for _ in range(400):
                await say("word ")

    async def main(world):
        session = world.session(attrs.evolve(HELLO, speak=False))
        session.requests.handle(Envelope(UserMessage("hi"), 1))
        await trio.sleep(60)
        found = []
        while not found or not isinstance(found[-1], ResponseComplete):
            found.append(await session.outbox.receive())
        return sum(isinstance(item, StreamDelta) for item in found)

    assert run_virtually(main, Settings(), core=core(agents=Agents(agent=Talker))) == 400


def test_a_session_has_its_own_settings_clock_and_id():
    agents = Agents()
    settings = Settings(conversation=Conversation(patience=0.9))

    async def main(world):
        await trio.sleep(5)
        start = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
        session = world.session(HELLO, "mine", now=start, settings=settings)
        await trio.sleep(90)
        ((session_id, now),) = agents.made
        return session.patience, session_id, now()

    expected = (0.9, "mine", datetime(2026, 2, 3, 4, 6, 30, tzinfo=UTC))
    assert run_virtually(main, Settings(), core=core(agents=agents)) == expected


def test_what_fails_is_raised_as_it_is():
    async def wrong(_world):
        raise KeyError("mine")

    class Broken(LoudnessVoiceActivity):
        async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
            task_status.started()
            await trio.sleep(3)
            raise EngineFailed("It broke.")

    async def forever(_world):
        await trio.sleep_forever()

    with pytest.raises(KeyError):
        run_virtually(wrong, Settings(), core=core())
    with pytest.raises(EngineFailed):
        run_virtually(forever, Settings(), core=core(vad=Broken()))
    with pytest.raises(SettingError):
        run_virtually(forever, Settings(speech=Speech(voice="nonsense")))


def test_a_held_engine_is_left_properly_when_its_user_is_cancelled():
    tts, stt = ToneSynthesizer(), ScriptedRecognizer([Transcript("x" * 100)] * 4)

    async def main(world):
        sent = await spoken_to(world.session(HELLO), loud(1.0) + quiet(0.3) + loud(0.5), then_s=1.5)
        return types(sent)

    run_virtually(main, Settings(), core=core(tts=tts, stt=stt))
    assert (tts.open_now, stt.open_now) == (0, 0)


@pytest.mark.requirement("V-12")
def test_the_real_engines_say_the_same_each_time(flite):
    pcm = quiet(0.5) + flite("what time is it") + quiet(2) + flite("tell me a joke") + quiet(2)

    async def main(world):
        session = world.session(HELLO, now=datetime(2026, 2, 3, 4, 5, tzinfo=UTC))
        return await spoken_to(session, pcm)

    first, second = (run_virtually(main, Settings()) for _ in range(2))
    assert first == second
    texts = [item.text for _, item in first if isinstance(item, ResponseComplete)]
    assert texts[0] == "It is 4:05 AM."
    assert len(texts) == 2

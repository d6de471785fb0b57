"""What was said in a pause, listened to after it: nobody interrupts what they could not hear."""

from __future__ import annotations

import pytest
import trio

from tests.fakes import loud, quiet
from tests.session.test_heat_session import COOL, NOTICE, PAUSED, TIME, talking
from voicechat.conversation.notice import WORDS
from voicechat.speech.ports import Transcript

pytestmark = pytest.mark.requirement("T-2")

TIMER = Transcript("set a timer for two minutes please now")


def finals(client):
    return [message["text"] for message in client.of("transcript_final")]


def answers(client):
    done = [message["text"].strip() for message in client.of("response_complete")]
    return [text for text in done if text != WORDS]


async def test_two_questions_of_a_pause_are_both_answered(autojump_clock):
    async with talking(TIME, TIMER) as client:
        client.weather.become(PAUSED)
        await client.send(loud(2.0) + quiet(20) + loud(2.5) + quiet(10))
        client.weather.become(COOL)
        await trio.sleep(30)
    assert finals(client) == [TIME.text, TIMER.text]
    assert answers(client) == [f"You said: {TIME.text}.", f"You said: {TIMER.text}."]
    assert client.of("stream_interrupted") == []
    spoken = [turn["turn"] for turn in client.of("turn_trace") if turn["origin"] == "voice"]
    assert all(len(client.sound[turn]) > 32_000 for turn in spoken), "both aloud"
    waited = [turn["cooling_ms"] for turn in client.of("turn_trace") if turn["origin"] == "voice"]
    assert waited[0] > 30_000


@pytest.mark.parametrize(
    "echo", [Transcript("i need to cool down for a moment"), Transcript("high", accepted=False)]
)
async def test_the_echo_of_the_notice_is_nothing(echo, autojump_clock):
    """There is no echo canceller: the microphone hears the notice."""
    async with talking(TIME, echo) as client:
        client.weather.become(PAUSED)
        await client.send(loud(2.0))
        while not any(NOTICE.startswith(sound[:640]) for sound in client.sound.values()):
            await client.send(quiet(0.1))
        await client.send(loud(1.0) + quiet(10))
        client.weather.become(COOL)
        await trio.sleep(30)
    assert finals(client) == [TIME.text, ""]
    assert answers(client) == [f"You said: {TIME.text}."]


async def test_who_is_speaking_is_left_to_finish_before_the_notice(autojump_clock):
    async with talking(TIME) as client:
        client.weather.become(PAUSED)
        await client.send(loud(3.5))
        assert client.sound == {}
        await client.send(quiet(4))
        assert client.of("turn_started")[0]["origin"] == "notice"
        client.weather.become(COOL)
        await client.wait_for("response_complete", 2)
    assert answers(client) == [f"You said: {TIME.text}."]


async def test_a_notice_that_was_interrupted_is_said_again(autojump_clock):
    async with talking() as client:
        client.weather.become(PAUSED)
        client.session.conversation.user_text("one")
        await trio.sleep(0.8)
        client.session.conversation.user_text("two")
        await trio.sleep(10)
        client.weather.become(COOL)
        await trio.sleep(10)
    assert 0 < len(client.sound[1]) < len(NOTICE)
    assert client.sound[2].startswith(NOTICE)


async def test_each_pause_in_a_long_answer_is_spoken_of_in_whole(autojump_clock):
    async with talking() as client:
        client.session.conversation.user_text("one two three four five six. " * 4)
        for _ in range(2):
            await trio.sleep(1)
            client.weather.become(PAUSED)
            await trio.sleep(10)
            client.weather.become(COOL)
        await client.wait_for("turn_trace")
        assert client.sound[1].count(NOTICE) == 2


async def test_a_notice_is_not_the_first_sound_of_the_answer(autojump_clock):
    async with talking() as client:
        client.weather.become(PAUSED)
        client.session.conversation.user_text("hello")
        await trio.sleep(20)
        client.weather.become(COOL)
        trace = await client.wait_for("turn_trace")
    timings = trace["timings"]
    assert timings["first_audio_ms"] >= timings["first_token_ms"] >= 20_000
    assert trace["cooling_ms"] == pytest.approx(20_000, abs=100)

"""A client that is away keeps nobody from going on where it was: neither the answer nor the ear."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

from tests.conversation.listen_tools import QuietConversation
from tests.conversation.turn_tools import RATE, running
from tests.fakes import (
    Collector,
    Frames,
    LoudnessVoiceActivity,
    ScriptedRecognizer,
    ToneSynthesizer,
    loud,
    quiet,
    ungated,
)
from voicechat.conversation.listener import Listener
from voicechat.conversation.presence import Presence
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import ResponseComplete
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.settings import Conversation as ConversationSettings
from voicechat.speech.ports import INPUT_RATE, Transcript

pytestmark = pytest.mark.requirement("S-2")

TEXT = "a longer sentence, so that not all of it is sent ahead."


# -- the thing itself ------------------------------------------------------------------------------


@asynccontextmanager
async def waiting(presence, event, patience_s=10):
    """What `does` says and when, in a list that is empty until then."""
    told = []

    async def wait():
        told.append((await presence.does(event, patience_s), trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        yield told
        nursery.cancel_scope.cancel()


async def test_who_is_there_has_so_much_time(autojump_clock):
    began = trio.current_time()
    async with waiting(Presence(), trio.Event()) as told:
        await trio.sleep(9.9)
        assert told == []
        await trio.sleep(0.2)
        assert told == [(False, began + 10)]


async def test_who_does_it_in_time_has_done_it(autojump_clock):
    event, began = trio.Event(), trio.current_time()
    async with waiting(Presence(), event) as told:
        await trio.sleep(9)
        event.set()
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert told == [(True, began + 9)]


async def test_who_is_away_has_all_the_time(autojump_clock):
    presence, event = Presence(), trio.Event()
    async with waiting(presence, event) as told:
        await trio.sleep(9)
        presence.goes()
        assert not presence.there
        presence.goes()
        await trio.sleep(3600)
        assert told == []
        presence.comes()
        assert presence.there
        back = trio.current_time()
        await trio.sleep(9.9)
        assert told == [], "it has the whole time again"
        await trio.sleep(0.2)
        assert told == [(False, back + 10)]


async def test_a_short_absence_counts_as_well(autojump_clock):
    presence, event, began = Presence(), trio.Event(), trio.current_time()
    async with waiting(presence, event) as told:
        await trio.sleep(9)
        presence.goes()
        presence.comes()
        await trio.sleep(10.9)
        assert told == [], "nobody can play in a second what it has just got"
        await trio.sleep(0.2)
        assert told == [(False, began + 20)]


async def test_one_that_comes_instead_of_another_has_the_whole_time(autojump_clock):
    """Its last connection was dead, and nobody had noticed."""
    presence, began = Presence(), trio.current_time()
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(9)
        presence.comes()
        await trio.sleep(10.9)
        assert told == []
        await trio.sleep(0.2)
        assert told == [(False, began + 20)]


@pytest.mark.requirement("L-3")
@pytest.mark.parametrize("is_there", [True, False])
async def test_nobody_waits_for_one_that_has_left(is_there, autojump_clock):
    presence = Presence()
    if not is_there:
        presence.goes()
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(1)
        presence.leaves()
        left = trio.current_time()
        await trio.sleep(9.5)
        assert [done for done, _ in told] == [False]
        assert told[0][1] == (left + 9 if is_there else left)
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(0.1)
        assert [done for done, _ in told] == [False], "at once, from now on"


# -- an answer -------------------------------------------------------------------------------------


async def played_to_the_end(conversation, emit):
    """Report each frame as heard, as soon as it is there."""
    while True:
        frames = emit.of(AudioFrame)
        if frames:
            end = frames[-1].offset + frames[-1].samples
            conversation.played(1, end, done=frames[-1].last)
            if frames[-1].last:
                return
        await emit.wait_for(AudioFrame, len(frames) + 1)


@pytest.mark.parametrize("away_s", [11, 300])
async def test_an_answer_waits_for_a_client_that_is_away(away_s, autojump_clock):
    tts = ToneSynthesizer()
    async with running(tts=tts, reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        await trio.sleep(away_s)
        assert emit.of(Error) == []
        assert emit.of(ResponseComplete) == []
        sent = len(emit.of(AudioFrame))
        conversation.presence.comes()
        await trio.sleep(9)
        assert len(emit.of(AudioFrame)) == sent, "it has not played yet"
        await played_to_the_end(conversation, emit)
        await emit.wait_for(ResponseComplete)
        frames = emit.of(AudioFrame)
        assert sum(f.samples for f in frames) == sum(map(len, tts.spoken)) * RATE // 20
        assert emit.of(Error) == []


async def test_a_client_that_is_there_and_does_not_play_is_told(autojump_clock):
    async with running(reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        began = trio.current_time()
        error = await emit.wait_for(Error)
        assert trio.current_time() - began == pytest.approx(10, abs=0.5)
        assert error.code is ErrorCode.ENGINE_FAILED
        assert "does not play" in error.message
        assert (await emit.wait_for(ResponseComplete)).text == f"You said: {TEXT}. "


async def test_a_client_that_comes_back_and_does_not_play_is_told(autojump_clock):
    async with running(reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        await trio.sleep(60)
        conversation.presence.comes()
        back = trio.current_time()
        await emit.wait_for(Error)
        assert trio.current_time() - back == pytest.approx(10, abs=0.5)


async def test_an_answer_to_a_client_that_plays_by_the_clock_does_not_wait(autojump_clock):
    async with running(reports=False) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        with trio.fail_after(10):
            await emit.wait_for(ResponseComplete)


# -- an utterance ----------------------------------------------------------------------------------

SAID = Transcript("what time is it in tokyo")


class Speaking:
    """A microphone that is followed, and whose client can go in the middle."""

    def __init__(self, nursery, transcripts):
        self.emit, self.conversation = Collector(), QuietConversation()
        self.stt = ScriptedRecognizer(list(transcripts))
        listener = Listener(
            vad=LoudnessVoiceActivity(),
            stt=self.stt,
            emit=self.emit,
            owner=ungated(),
            conversation=self.conversation,
            report=self.emit.report,
            settings=ConversationSettings(),
            vad_threshold=0.5,
        )
        self._send, receive = trio.open_memory_channel[AudioFrame](math.inf)
        self._offset = 0
        nursery.start_soon(listener.listen, AudioOpen(1, INPUT_RATE), Frames(receive))

    async def say(self, pcm, *, every_s=0.02):
        for at in range(0, len(pcm), 640):
            part = pcm[at : at + 640]
            frame = AudioFrame(FrameKind.MICROPHONE, 1, 0, self._offset, part)
            self._send.send_nowait(frame)
            self._offset += len(part) // 2
            await trio.sleep(every_s)

    def close(self):
        self._send.close()


def seconds(audio):
    return len(audio) / 2 / INPUT_RATE


@pytest.mark.requirement("S-3")
async def test_an_utterance_goes_on_when_its_client_is_back(autojump_clock):
    async with trio.open_nursery() as nursery:
        mic = Speaking(nursery, [SAID, SAID])
        await mic.say(quiet(0.5) + loud(1))
        mic.conversation.presence.goes()
        assert mic.stt.open_now == 1
        await trio.sleep(6)
        assert mic.stt.open_now == 0, "others want the decoder"
        await trio.sleep(54)
        assert mic.conversation.utterances == []
        assert mic.conversation.speaking == [True], "the assistant does not begin by itself"

        mic.conversation.presence.comes()
        await mic.say(loud(1), every_s=0)  # what it has recorded meanwhile
        await mic.say(quiet(1.5))
        (heard,) = mic.conversation.utterances
        assert heard.transcript is SAID
        assert heard.endpoint.reason is EndpointReason.SILENCE
        assert heard.speech_ms == pytest.approx(2000, abs=100)
        assert seconds(mic.stt.audio[1]) == pytest.approx(0.3 + 2 + 0.78, abs=0.1), "all of it"
        assert seconds(mic.stt.audio[1].strip(b"\0")) == pytest.approx(2, abs=0.01)
        mic.close()
    assert mic.stt.open_now == 0
    assert mic.conversation.speaking == [True, False]


async def test_a_client_that_goes_for_some_seconds_keeps_its_decoder(autojump_clock):
    async with trio.open_nursery() as nursery:
        mic = Speaking(nursery, [SAID])
        await mic.say(quiet(0.5) + loud(1))
        mic.conversation.presence.goes()
        await trio.sleep(4)
        mic.conversation.presence.comes()
        await mic.say(loud(0.5) + quiet(1.5))
        mic.close()
    (heard,) = mic.conversation.utterances
    assert heard.speech_ms == pytest.approx(1500, abs=100)
    assert len(mic.stt.audio) == 1


async def test_a_client_that_goes_twice_is_heard_whole(autojump_clock):
    async with trio.open_nursery() as nursery:
        mic = Speaking(nursery, [SAID, SAID, SAID])
        await mic.say(quiet(0.5) + loud(0.5))
        for _ in range(2):
            mic.conversation.presence.goes()
            await trio.sleep(60)
            assert mic.stt.open_now == 0
            mic.conversation.presence.comes()
            await mic.say(loud(0.5))
        await mic.say(quiet(1.5))
        mic.close()
    (heard,) = mic.conversation.utterances
    assert heard.speech_ms == pytest.approx(1500, abs=100)
    assert seconds(mic.stt.audio[2].strip(b"\0")) == pytest.approx(1.5, abs=0.01)


async def test_a_microphone_that_is_silent_while_its_client_is_there_has_ended_the_utterance(
    autojump_clock,
):
    async with trio.open_nursery() as nursery:
        mic = Speaking(nursery, [SAID, Transcript("")])
        await mic.say(quiet(0.5) + loud(1))
        await trio.sleep(6)
        (heard,) = mic.conversation.utterances
        assert heard.transcript is SAID
        mic.close()

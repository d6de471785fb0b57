"""Who goes away in the middle of a sentence is heard whole when back, and holds up nobody."""

from __future__ import annotations

import math

import pytest
import trio

from tests.conversation.listen_tools import QuietConversation
from tests.fakes import (
    Collector,
    Frames,
    LoudnessVoiceActivity,
    ScriptedRecognizer,
    loud,
    quiet,
    ungated,
)
from voicechat.conversation.listener import Listener
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.settings import Conversation as ConversationSettings
from voicechat.speech.ports import INPUT_RATE, Transcript

pytestmark = pytest.mark.requirement("S-2")

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

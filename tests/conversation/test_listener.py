"""The listener with fake engines: which audio the recogniser gets, and what the client is told."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager

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
from voicechat.conversation.ear import Ear
from voicechat.conversation.listener import Listener
from voicechat.errors import EngineFailed, ErrorCode
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import (
    AudioOpen,
    ListenMode,
    SpeechEnded,
    SpeechStarted,
)
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import TranscriptFinal, TranscriptPartial
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.settings import Conversation as ConversationSettings
from voicechat.speech.ports import INPUT_RATE, Transcript

ONE = Transcript("what time is it")
TWO = Transcript("set a timer")


async def listen(
    pcm,
    transcripts,
    *,
    rate=INPUT_RATE,
    mode=ListenMode.HANDS_FREE,
    skip=(),
    recognizer=ScriptedRecognizer,
    **how,
):
    """Stream `pcm` in frames of 20 ms; `skip` names frames that never arrive."""
    emit, conversation = Collector(), QuietConversation()
    stt = recognizer(list(transcripts))
    listener = Listener(
        vad=LoudnessVoiceActivity(),
        stt=stt,
        emit=emit,
        owner=ungated(),
        conversation=conversation,
        report=emit.report,
        settings=ConversationSettings(**how),
        vad_threshold=0.5,
    )
    send, receive = trio.open_memory_channel[AudioFrame](math.inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.listen, AudioOpen(1, rate, mode), Frames(receive))
        size = rate // 50 * 2
        async with send:
            for seq, at in enumerate(range(0, len(pcm), size)):
                await trio.sleep(0.02)
                if seq not in skip:
                    part = pcm[at : at + size]
                    await send.send(AudioFrame(FrameKind.MICROPHONE, 1, seq, at // 2, part))
    assert stt.open_now == 0
    return emit, conversation.utterances, stt


async def test_an_utterance_is_recognised_with_its_pre_roll(autojump_clock):
    began = trio.current_time()
    pcm = quiet(1) + loud(1) + quiet(1)
    emit, heard, stt = await listen(pcm, [ONE])
    (utterance,) = heard
    assert utterance.transcript is ONE
    assert utterance.endpoint.reason is EndpointReason.SILENCE
    assert utterance.endpoint.speech_end == pytest.approx(2 * INPUT_RATE, abs=600)
    assert not utterance.trivial
    assert utterance.speech_end_at - began == pytest.approx(2.0, abs=0.06)
    assert utterance.endpoint_at - utterance.speech_end_at == pytest.approx(0.78, abs=0.06)
    assert utterance.final_at >= utterance.endpoint_at
    # 300 ms before, the speech, and the silence until the endpoint.
    seconds = len(stt.audio[0]) / 2 / INPUT_RATE
    assert seconds == pytest.approx(0.3 + 1.0 + 0.78, abs=0.08)
    assert stt.audio[0].lstrip(b"\0")[:4] == loud(1)[1:5]
    started, ended = emit.of(SpeechStarted)[0], emit.of(SpeechEnded)[0]
    assert started.at == pytest.approx(INPUT_RATE, abs=600)
    assert ended.at == utterance.endpoint.speech_end


@pytest.mark.requirement("V-5")
async def test_partials_grow_while_speaking_and_are_not_repeated(autojump_clock):
    emit, _, _ = await listen(quiet(1) + loud(3) + quiet(1), [ONE])
    partials = [partial.text for partial in emit.of(TranscriptPartial)]
    assert partials == ["what", "what time", "what time is", "what time is it"]
    assert emit.items.index(emit.of(TranscriptPartial)[0]) < emit.items.index(
        emit.of(SpeechEnded)[0]
    )


@pytest.mark.requirement("V-4")
async def test_a_pause_is_no_end_and_a_long_one_is(autojump_clock):
    pcm = quiet(1) + loud(1) + quiet(0.4) + loud(1) + quiet(0.9) + loud(1) + quiet(1)
    emit, heard, stt = await listen(pcm, [ONE, TWO])
    assert [utterance.transcript for utterance in heard] == [ONE, TWO]
    assert len(emit.of(SpeechStarted)) == len(emit.of(SpeechEnded)) == 3
    assert len(stt.audio) == 2


async def test_the_second_utterance_begins_after_the_first(autojump_clock):
    """Its pre-roll may not repeat what the first one already held."""
    pcm = quiet(1) + loud(1) + quiet(0.9) + loud(1) + quiet(1)
    _, _, stt = await listen(pcm, [ONE, TWO], pre_roll_ms=2000)
    assert len(stt.audio[0]) + len(stt.audio[1]) <= len(pcm)


async def test_closing_the_stream_ends_what_is_open(autojump_clock):
    _, heard, _ = await listen(quiet(1) + loud(1), [ONE])
    assert heard[0].endpoint.reason is EndpointReason.CLOSED
    assert heard[0].endpoint_at - heard[0].speech_end_at < 0.1


async def test_push_to_talk_is_one_turn_whatever_the_pauses(autojump_clock):
    pcm = loud(0.5) + quiet(3) + loud(0.5)
    emit, heard, stt = await listen(pcm, [ONE], mode=ListenMode.PUSH_TO_TALK)
    assert [utterance.endpoint.reason for utterance in heard] == [EndpointReason.CLOSED]
    # Of a long pause only begin and end are heard: silence makes a recogniser lose its words.
    seconds = len(stt.audio[0]) / 2 / INPUT_RATE
    assert seconds == pytest.approx(0.5 + 0.8 + 0.4 + 0.5, abs=0.1)
    assert not emit.of(TranscriptFinal), "the conversation tells what it made of it"


async def test_push_to_talk_without_speech_says_so(autojump_clock):
    emit, heard, _ = await listen(quiet(1), [ONE], mode=ListenMode.PUSH_TO_TALK)
    assert heard == []
    assert emit.of(TranscriptFinal) == [
        TranscriptFinal("", accepted=False, turn=None, stream=1, until=16_000)
    ]


async def test_speech_without_end_is_cut_and_goes_on(autojump_clock):
    pcm = quiet(0.5) + loud(5) + quiet(1)
    _, heard, stt = await listen(pcm, [ONE, TWO, ONE], max_utterance_s=2)
    reasons = [utterance.endpoint.reason for utterance in heard]
    assert reasons == [EndpointReason.MAX_LENGTH, EndpointReason.MAX_LENGTH, EndpointReason.SILENCE]
    joined = b"".join(bytes(audio) for audio in stt.audio)
    assert joined.count(b"\x00\x20\x00\xe0") == pytest.approx(5 * INPUT_RATE / 2, abs=2), (
        "not a sample of the speech is lost or doubled at the seams"
    )


async def test_a_cough_is_trivial(autojump_clock):
    _, heard, _ = await listen(quiet(1) + loud(0.15) + quiet(1), [Transcript("", accepted=False)])
    assert heard[0].trivial


@pytest.mark.requirement("V-2")
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
async def test_any_rate(autojump_clock, rate):
    pcm = quiet(1, rate) + loud(1, rate) + quiet(1, rate)
    # A square wave at half the sampling rate does not survive resampling: make it audible.
    tone = b"\x00\x20" * (rate // 800) + b"\x00\xe0" * (rate // 800)
    pcm = quiet(1, rate) + tone * (len(loud(1, rate)) // len(tone)) + quiet(1, rate)
    emit, heard, _ = await listen(pcm, [ONE], rate=rate)
    assert heard[0].endpoint.speech_end == pytest.approx(2 * INPUT_RATE, abs=1000)
    assert emit.of(SpeechEnded)[0].at == pytest.approx(2 * rate, abs=0.06 * rate)


async def test_frames_that_were_lost_do_not_shift_positions(autojump_clock):
    pcm = quiet(1) + loud(1) + quiet(1)
    emit, heard, _ = await listen(pcm, [ONE], skip=range(10, 30))
    assert heard[0].endpoint.speech_end == pytest.approx(2 * INPUT_RATE, abs=600)
    assert emit.of(SpeechStarted)[0].at == pytest.approx(INPUT_RATE, abs=600)


async def test_push_to_talk_in_silence_wants_no_recogniser(autojump_clock):
    emit, heard, stt = await listen(
        quiet(5), [ONE], mode=ListenMode.PUSH_TO_TALK, max_utterance_s=2
    )
    assert heard == stt.audio == []
    assert len(emit.of(TranscriptFinal)) == 1


async def test_push_to_talk_is_heard_from_where_speech_begins(autojump_clock):
    """A second of silence before the words costs the recogniser its certainty."""
    pcm = quiet(2) + loud(1)
    _, _, stt = await listen(pcm, [ONE], mode=ListenMode.PUSH_TO_TALK)
    assert len(stt.audio[0]) / 2 / INPUT_RATE == pytest.approx(0.3 + 1, abs=0.1)


async def test_push_to_talk_hears_the_last_sample(autojump_clock):
    _, _, stt = await listen(loud(0.22), [ONE], mode=ListenMode.PUSH_TO_TALK)
    assert bytes(stt.audio[0]).startswith(loud(0.22))


async def test_a_long_hole_keeps_positions_true(autojump_clock):
    pcm = quiet(6) + loud(1) + quiet(1)
    emit, heard, _ = await listen(pcm, [ONE], skip=range(10, 260))
    assert emit.of(SpeechStarted)[0].at == pytest.approx(6 * INPUT_RATE, abs=600)
    assert emit.of(SpeechEnded)[0].at == pytest.approx(7 * INPUT_RATE, abs=600)
    assert len(heard) == 1


async def test_audio_that_was_sent_twice_is_heard_once(autojump_clock):
    ear, _ = make_ear()
    both = loud(0.04)
    once = AudioFrame(FrameKind.MICROPHONE, 1, 0, 0, both)
    assert ear._in_place(once) == both
    assert ear._in_place(once) == b""
    half = AudioFrame(FrameKind.MICROPHONE, 1, 1, 320, both)
    assert ear._in_place(half) == both[640:]
    nothing = AudioFrame(FrameKind.MICROPHONE, 1, 2, 0, b"", last=True)
    assert ear._in_place(nothing) == b""


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.05, 0.1, 0.5, 1.0])
async def test_every_threshold_that_is_allowed_works(threshold):
    make_ear(threshold)


def make_ear(threshold=0.5):
    emit = Collector()
    _, receive = trio.open_memory_channel[AudioFrame](1)
    settings = ConversationSettings()
    stream = AudioOpen(1, INPUT_RATE)
    return Ear(stream, Frames(receive), LoudnessVoiceActivity(), settings, threshold, emit), emit


async def test_a_recogniser_that_breaks_down_is_reported_and_tried_again(autojump_clock):
    class Flaky(ScriptedRecognizer):
        def open(self, on_partial):
            if len(self.transcripts) == 2:
                self.transcripts.pop(0)
                raise EngineFailed("The recogniser is gone.")
            return super().open(on_partial)

    emit, heard, _ = await listen(
        quiet(1) + loud(1) + quiet(1) + loud(1) + quiet(1), [ONE, TWO], recognizer=Flaky
    )
    assert [utterance.transcript for utterance in heard] == [TWO]
    assert [error.message for error in emit.of(Error)] == ["The recogniser is gone."]
    assert emit.of(TranscriptFinal) == [
        TranscriptFinal("", accepted=False, turn=None, stream=1, until=45_056)
    ]


async def test_nobody_waits_for_a_decoder_without_end(autojump_clock):
    class Busy(ScriptedRecognizer):
        @asynccontextmanager
        async def open(self, on_partial):  # noqa: ARG002  (the port's)
            await trio.sleep_forever()
            yield

    emit, heard, _ = await listen(quiet(1) + loud(9) + quiet(1), [], recognizer=Busy)
    assert heard == []
    assert emit.of(Error)[0].code is ErrorCode.CAPACITY_EXCEEDED

"""Audio that a client leaves out: filled with silence within a budget, so that it costs little."""

from __future__ import annotations

import math

import attrs
import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import Collector, Frames, LoudnessVoiceActivity, loud, quiet
from voicechat.conversation.ear import Ear
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, SpeechStarted
from voicechat.settings import Conversation as ConversationSettings

RATE = 16_000
FRAME = LoudnessVoiceActivity.frame_samples


@attrs.define
class Followed:
    """What became of a stream."""

    samples: int
    emit: Collector
    warnings: list


async def follow(parts) -> Followed:
    """Have an ear follow `parts`: pairs of samples left out and PCM."""
    send, receive = trio.open_memory_channel[AudioFrame](math.inf)
    offset = 0
    for seq, (gap, pcm) in enumerate(parts):
        offset += gap
        send.send_nowait(AudioFrame(FrameKind.MICROPHONE, 1, seq, offset, pcm))
        offset += len(pcm) // 2
    send.close()
    emit = Collector()
    ear = Ear(
        AudioOpen(1, RATE),
        Frames(receive),
        LoudnessVoiceActivity(),
        ConversationSettings(),
        0.5,
        emit,
    )
    with structlog.testing.capture_logs() as logs:
        while await ear.next():
            pass
    return Followed(ear.position, emit, [entry for entry in logs if "gap" in entry["event"]])


async def test_jumps_of_tiny_frames_cost_no_more_than_one() -> None:
    stream = await follow([(2 * RATE, quiet(1 / RATE))] * 100)
    assert 2 * RATE <= stream.samples <= 2 * RATE + 1000
    assert len(stream.warnings) <= 2


async def test_audio_that_is_sent_again_pays_for_no_silence() -> None:
    again = [(-RATE, quiet(1)), (2 * RATE, quiet(1 / RATE))]
    stream = await follow([(0, quiet(1)), *(again * 20)])
    assert stream.samples <= 5 * RATE + 2 * 20


@given(
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 2000)), min_size=1, max_size=50),
)
async def test_silence_is_bounded_by_what_was_sent(parts) -> None:
    stream = await follow([(gap, bytes(2 * samples)) for gap, samples in parts])
    sent = sum(samples for _, samples in parts)
    left_out = sum(gap for gap, _ in parts)
    silence = stream.samples - sent
    assert -FRAME < silence < min(left_out, 2 * RATE + 2 * sent) + FRAME
    if left_out <= 2 * RATE:
        assert silence > left_out - FRAME, "small gaps are filled whole"


async def test_gaps_of_ordinary_audio_are_filled_whole_again_and_again() -> None:
    """A client that leaves silence out, or a network that loses a third of the audio."""
    stream = await follow([(2 * RATE, quiet(1))] * 20)
    assert stream.samples == pytest.approx(60 * RATE, abs=FRAME)
    stream = await follow([(320, quiet(0.04))] * 200)
    assert stream.samples == pytest.approx(12 * RATE, abs=FRAME)


async def test_positions_stay_true_when_silence_has_run_out() -> None:
    jumps = [(2 * RATE, quiet(1 / RATE))] * 50
    stream = await follow([*jumps, (0, quiet(1)), (0, loud(1)), (0, quiet(1))])
    (started,) = stream.emit.of(SpeechStarted)
    assert started.at == pytest.approx(50 * (2 * RATE + 1) + RATE, abs=600)


async def test_gaps_are_logged_now_and_then_and_none_is_forgotten() -> None:
    stream = await follow([(160, quiet(0.04))] * 600)
    assert 2 <= len(stream.warnings) <= 8, "30 s"
    assert sum(entry["samples"] for entry in stream.warnings) == 160 * 600
    assert sum(entry["gaps"] for entry in stream.warnings) == 600

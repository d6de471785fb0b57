"""Recordings that run again: one of 60 s from a real server, and a fresh one of 8 s."""

from __future__ import annotations

import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from voicechat.errors import RecordingError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioClose, AudioOpen
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import Interrupt
from voicechat.recording.file import read_recording
from voicechat.recording.format import Header, Record, Taken
from voicechat.replay.compare import compare, explain
from voicechat.replay.rerun import rerun, schedule, settings_of
from voicechat.replay.turns import turn_rows
from voicechat.settings import MASK, load

CONVERSATION = Path(__file__).with_name("conversation.jsonl.gz")
LONGEST_S = 15.0
"""Some 5 s on two cores that others use as well; this leaves room for machines that are busy."""
LONGEST_CPU_S = 15.0
"""Processor time of all processes; some 5 s."""


def effective(**flags):
    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    return load(config=Path("/dev/null"), environ={}, overrides=overrides)


def cpu_s():
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


@pytest.mark.requirement("V-12")
def test_a_minute_with_a_real_server_replays_with_the_same_decisions(capsys):
    recording = read_recording(CONVERSATION, Codec())
    assert recording.seconds > 59
    began, before = time.perf_counter(), cpu_s()
    replayed = rerun(recording, settings_of(recording.header, effective()))
    took, used = time.perf_counter() - began, cpu_s() - before
    with capsys.disabled():
        print(f"\n{recording.seconds:.1f} s replayed in {took:.1f} s, {used:.1f} s of processors")
    assert took < LONGEST_S
    assert used < LONGEST_CPU_S
    found = compare(recording.records, replayed.records, end=recording.seconds)
    assert not found.differences, "\n".join(explain(found.differences))
    assert found.agreed > 60
    rows = turn_rows(replayed.records)
    outcomes = {row.outcome for row in rows}
    assert {"complete", "interrupted (barge_in)", "interrupted (interrupted)"} <= outcomes
    assert {"voice", "text", "assistant"} == {row.origin for row in rows}, "a timer rang, too"


@pytest.mark.requirement("V-12")
def test_other_settings_decide_otherwise():
    recording = read_recording(CONVERSATION, Codec())
    short = attrs.evolve(
        recording, records=tuple(record for record in recording.records if record.at < 12)
    )
    settings = settings_of(recording.header, effective(conversation__patience="1"))
    replayed = rerun(short, settings)
    found = compare(short.records, replayed.records, end=short.seconds)
    pauses = [row.pause_ms for row in turn_rows(replayed.records)]
    assert found.differences
    assert all(pause > 400 for pause in pauses if pause is not None)


# --- settings ---


def header(**settings):
    named = {key.replace("__", "."): value for key, value in settings.items()}
    return Header("a", datetime.now(tz=UTC), Hello(1), "0", named, {})


def test_recorded_settings_are_used_but_for_flags():
    recorded = header(conversation__patience=0.2, conversation__reopen_ms=100, speech__new=5)
    settings = settings_of(recorded, effective(conversation__patience="0.9"))
    assert settings.conversation.patience == 0.9
    assert settings.conversation.reopen_ms == 100


def test_what_is_masked_or_no_longer_allowed():
    assert settings_of(header(speech__voice=MASK), effective()).speech.voice == "en"
    with pytest.raises(RecordingError) as caught:
        settings_of(header(conversation__reopen_ms=-5), effective())
    assert "conversation.reopen_ms" in caught.value.message


# --- when what comes ---


def frame(stream, seq, offset=0):
    return AudioFrame(FrameKind.MICROPHONE, stream, seq, offset, b"")


def test_frames_come_when_the_listener_had_time_for_them():
    first, second, third, other = frame(1, 0), frame(1, 1), frame(1, 2), frame(2, 0)
    records = [
        Record(1.0, AudioOpen(1, 16_000)),
        Record(1.1, first),
        Record(1.2, second),
        Record(1.3, third),
        Record(1.4, AudioClose(1)),
        Record(1.5, AudioOpen(2, 16_000)),
        Record(1.55, Interrupt()),
        Record(1.6, other),
        Record(2.0, Taken(1, 1, 0)),
        Record(2.1, Taken(1, 2, 0)),
        Record(3.0, Taken(2, 0, 0)),
    ]
    assert schedule(records) == [
        (1.0, AudioOpen(1, 16_000)),
        (1.1, first),
        (1.55, Interrupt()),
        (2.0, second),
        (2.1, third),
        (2.1, AudioClose(1)),
        (2.1, AudioOpen(2, 16_000)),
        (3.0, other),
    ]


def test_frames_that_a_client_does_not_number_keep_their_times():
    records = [Record(k / 10, frame(1, 0, 1600 * k)) for k in range(9)]
    records.insert(6, Record(0.55, Taken(1, 0, 1600 * 3)))
    assert [at for at, _ in schedule(records)] == [0.0, 0.1, 0.2, 0.55, 0.55, 0.55, 0.6, 0.7, 0.8]


def test_no_frame_comes_before_it_came():
    records = [
        Record(1.0, frame(1, 0)),
        Record(1.5, Taken(1, 0, 0)),
        Record(2.0, frame(1, 0)),  # sent again
    ]
    assert [at for at, _ in schedule(records)] == [1.5, 2.0]

"""The format of recordings: what is written is read again, and damage is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import RecordingError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, Playback, SpeechStarted
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import StreamDelta, UserMessage
from voicechat.recording.format import (
    Ending,
    Header,
    Record,
    SentSpeech,
    Taken,
    read_header,
    read_records,
    write_header,
    write_record,
)

CODEC = Codec()
HEADER = Header(
    "abc",
    datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC),
    Hello(1, output_rate=16_000, reports_playback=True),
    "0.1.0",
    {"speech.vad": "silero", "speech.end_of_turn": None},
    {"numpy": "2.0"},
)
counts = st.integers(0, 2**32 - 1)
items = st.one_of(
    st.builds(
        AudioFrame,
        st.just(FrameKind.MICROPHONE),
        counts,
        counts,
        counts,
        st.binary(max_size=20).map(lambda data: data * 2),
        last=st.booleans(),
    ),
    st.builds(SentSpeech, counts, counts, counts, last=st.booleans()),
    st.builds(Taken, counts, counts, counts),
    st.builds(UserMessage, st.text(min_size=1, max_size=40)),
    st.builds(Playback, st.integers(1, 99), counts, done=st.booleans()),
    st.builds(AudioOpen, st.integers(1, 99), st.just(16_000)),
    st.builds(SpeechStarted, counts, counts),
    st.builds(StreamDelta, counts, st.text(max_size=40)),
)
records = st.lists(st.tuples(st.floats(0, 100), items), max_size=8).map(
    lambda found: [
        Record(round(at, 6), item) for at, item in sorted(found, key=lambda each: each[0])
    ]
)


def lines_of(*written: Record) -> list[bytes]:
    return [write_record(record, CODEC) for record in written]


def test_a_header_is_read_as_it_was_written():
    assert read_header(write_header(HEADER, CODEC), CODEC) == HEADER


@pytest.mark.requirement("V-12")
@given(records)
def test_records_are_read_as_they_were_written(written):
    assert list(read_records(lines_of(*written), CODEC)) == written


@given(records.filter(bool), st.data())
def test_a_torn_last_line_does_not_count(written, data):
    lines = lines_of(*written)
    cut = data.draw(st.integers(0, len(lines[-1]) - 1))
    torn = [*lines[:-1], lines[-1][:cut]]
    assert list(read_records(torn, CODEC)) == written[:-1]


def test_other_programs_need_json_and_base64_only():
    frame = AudioFrame(FrameKind.MICROPHONE, 1, 2, 3, b"\1\2")
    assert json.loads(write_record(Record(1.25, frame), CODEC)) == {
        "t": 1.25,
        "mic": {"stream": 1, "seq": 2, "offset": 3, "pcm": "AQI=", "last": False},
    }
    assert json.loads(write_record(Record(2, UserMessage("hi")), CODEC)) == {
        "t": 2,
        "in": {"type": "user_message", "text": "hi"},
    }


def test_nothing_follows_the_end():
    after = lines_of(Record(1, Ending.FULL), Record(2, UserMessage("x")))
    assert list(read_records(after, CODEC)) == [Record(1, Ending.FULL)]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"[]\n",
        b'{"t":1}\n',
        b'{"end":"session"}\n',
        b'{"t":1,"end":"session","in":{}}\n',
        b'{"t":"1","end":"session"}\n',
        b'{"t":true,"end":"session"}\n',
        b'{"t":-1,"end":"session"}\n',
        b'{"t":NaN,"end":"session"}\n',
        b'{"t":1e999,"end":"session"}\n',
        b'{"t":1,"end":"boredom"}\n',
        b'{"t":1,"other":{}}\n',
        b'{"t":1,"in":{"type":"nonsense"}}\n',
        b'{"t":1,"out":{"type":"user_message","text":"x"}}\n',
        b'{"t":1,"speech":{"turn":1,"offset":0,"samples":-1}}\n',
        b'{"t":1,"speech":[]}\n',
        b'{"t":1,"taken":{"stream":1,"seq":2}}\n',
        b'{"t":1,"mic":{"stream":1,"seq":0,"offset":0,"pcm":"AQ=="}}\n',
        b'{"t":1,"mic":{"stream":1,"seq":0,"offset":0,"pcm":"#"}}\n',
        b'{"t":1,"mic":{"stream":1,"seq":0,"offset":0,"pcm":5}}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\n",
    ],
)
def test_damage_is_told_with_its_line(line):
    good = lines_of(Record(0, UserMessage("x")))
    with pytest.raises(RecordingError) as caught:
        list(read_records([*good, line], CODEC))
    assert "line 3" in caught.value.message


def test_time_does_not_run_backwards():
    lines = lines_of(Record(2, UserMessage("x")), Record(1, UserMessage("x")))
    with pytest.raises(RecordingError):
        list(read_records(lines, CODEC))


@pytest.mark.parametrize("line", [b"", b"\n", b"RIFF\n", b"{}\n", b"[1]\n"])
def test_what_is_no_recording_is_refused(line):
    with pytest.raises(RecordingError) as caught:
        read_header(line, CODEC)
    assert "not a recording" in caught.value.message


def test_another_version_is_refused():
    with pytest.raises(RecordingError) as caught:
        read_header(b'{"voicechat_recording":2}\n', CODEC)
    assert "version 2" in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"started": "yesterday"},
        {"started": "2026-03-04T05:06:07"},
        {"started": 5},
        {"hello": {"type": "ping"}},
        {"settings": []},
        {"session": 5},
    ],
)
def test_a_damaged_header_is_told(change):
    fields = json.loads(write_header(HEADER, CODEC)) | change
    with pytest.raises(RecordingError) as caught:
        read_header(json.dumps(fields).encode(), CODEC)
    assert "line 1" in caught.value.message


def test_speech_is_recorded_without_its_sound():
    frame = AudioFrame(FrameKind.SPEECH, 7, 2, 640, bytes(100), last=True)
    assert attrs.astuple(SentSpeech.of(frame)) == (7, 640, 50, True)

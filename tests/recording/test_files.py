"""Reading recordings: compressed, torn, or no recordings at all."""

from __future__ import annotations

import gzip
import os

import pytest
import trio

from voicechat.errors import RecordingError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.connection import Hello
from voicechat.recording.about import relevant_settings
from voicechat.recording.file import read_recording
from voicechat.recording.recorder import Recordings
from voicechat.settings import Recording, Settings, Speech

HELLO = Hello(1, output_rate=16_000)


def microphone(seq: int, pcm: bytes = bytes(640)) -> AudioFrame:
    return AudioFrame(FrameKind.MICROPHONE, 1, seq, seq * 320, pcm)


def recordings(folder, max_mb: int = 1) -> Recordings:
    return Recordings(Settings(recording=Recording(dir=folder, max_mb=max_mb)))


def read(folder):
    (path,) = folder.glob("*.jsonl")
    return read_recording(path, Codec())


@pytest.mark.requirement("V-12")
async def recorded(folder):
    recorder = recordings(folder).begin("abc", HELLO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        for seq in range(50):
            recorder.received(microphone(seq, os.urandom(640)))
        nursery.cancel_scope.cancel()
    (path,) = folder.glob("*.jsonl")
    return path


async def test_a_compressed_recording_is_read(tmp_path):
    path = await recorded(tmp_path)
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_recording(packed, Codec()) == read_recording(path, Codec())


@pytest.mark.parametrize("part", [0.5, 0.9])
async def test_a_torn_compressed_recording_is_read_as_far_as_it_goes(tmp_path, part):
    packed = gzip.compress((await recorded(tmp_path)).read_bytes())
    torn = tmp_path / "torn.gz"
    torn.write_bytes(packed[: int(part * len(packed))])
    assert 10 < len(read_recording(torn, Codec()).records) < 50


async def test_files_that_are_none_are_told(tmp_path, monkeypatch):
    for content in (b"", b"\x1f\x8bnonsense", b"\x1f\x8b", b"RIFFxxxx", bytes(3 * 2**20)):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(RecordingError):
            read_recording(tmp_path / "bad", Codec())
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(RecordingError) as caught:
            read_recording(path, Codec())
        assert "cannot be read" in caught.value.message
    path = await recorded(tmp_path)
    monkeypatch.setattr("voicechat.recording.file.MAX_BYTES", 10_000)
    with pytest.raises(RecordingError) as caught:
        read_recording(path, Codec())
    assert "longer than" in caught.value.message


def test_relevant_settings_are_plain(tmp_path):
    settings = Settings(speech=Speech(end_of_turn=tmp_path / "model.onnx"))
    told = relevant_settings(settings)
    assert told["speech.end_of_turn"] == str(tmp_path / "model.onnx")
    assert told["conversation.patience"] == 0.5
    assert not [key for key in told if key.startswith(("server.", "log."))]

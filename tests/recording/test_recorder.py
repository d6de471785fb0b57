"""Recording a session: to real files, never in its way."""

from __future__ import annotations

import os
import stat

import pytest
import structlog
import trio

from voicechat.errors import SettingError
from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import StreamDelta, UserMessage
from voicechat.recording import recorder as recorder_module
from voicechat.recording.file import read_recording
from voicechat.recording.format import Ending, SentSpeech, Taken
from voicechat.recording.recorder import Recordings
from voicechat.settings import Recording, Settings

HELLO = Hello(1, output_rate=16_000)


def microphone(seq: int, pcm: bytes = bytes(640)) -> AudioFrame:
    return AudioFrame(FrameKind.MICROPHONE, 1, seq, seq * 320, pcm)


def recordings(folder, max_mb: int = 1) -> Recordings:
    return Recordings(Settings(recording=Recording(dir=folder, max_mb=max_mb)))


def read(folder):
    (path,) = folder.glob("*.jsonl")
    return read_recording(path, Codec())


@pytest.mark.requirement("V-12")
async def test_what_came_and_went_is_in_the_file(tmp_path):
    recorder = recordings(tmp_path / "new" / "folder").begin("abc", HELLO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        recorder.received(UserMessage("hi"))
        recorder.received(microphone(0, b"\1\0" * 320))
        recorder.sent(StreamDelta(1, "Hello"))
        recorder.sent(AudioFrame(FrameKind.SPEECH, 1, 0, 0, bytes(320)))
        nursery.cancel_scope.cancel()
    found = read(tmp_path / "new" / "folder")
    assert [record.item for record in found.records] == [
        UserMessage("hi"),
        microphone(0, b"\1\0" * 320),
        StreamDelta(1, "Hello"),
        SentSpeech(1, 0, 160),
        Ending.SESSION,
    ]
    assert (found.header.session_id, found.header.hello) == ("abc", HELLO)
    assert found.header.settings["speech.vad"] == "silero"
    assert not [key for key in found.header.settings if key.startswith(("server", "recording"))]


async def test_only_its_owner_can_read_it(tmp_path):
    recorder = recordings(tmp_path / "new").begin("abc", HELLO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        recorder.received(UserMessage("hi"))
        nursery.cancel_scope.cancel()
    (path,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert path.name.endswith("Z-abc.jsonl")


@pytest.mark.requirement("V-12")
async def test_it_is_written_while_the_session_lives(tmp_path):
    """A process that is killed loses a quarter of a second."""
    recorder = recordings(tmp_path).begin("abc", HELLO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        recorder.received(UserMessage("hi"))
        with trio.fail_after(10):
            while True:
                await trio.sleep(0.01)
                if any(tmp_path.glob("*.jsonl")) and len(read(tmp_path).records) == 1:
                    break
        nursery.cancel_scope.cancel()


@pytest.mark.requirement("V-12")
async def test_a_full_file_ends_and_the_session_goes_on(tmp_path):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder.run)  # ends when the file is full
            for seq in range(2000):  # 1.7 MB as lines
                recorder.received(microphone(seq))
    recorder.received(UserMessage("too late"))
    (path,) = tmp_path.glob("*.jsonl")
    assert 900_000 < path.stat().st_size <= 1_000_000
    assert read(tmp_path).records[-1].item is Ending.FULL


@pytest.mark.requirement("V-12")
async def test_a_disk_that_cannot_keep_up_ends_the_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_QUEUED", 10_000)
    recorder = recordings(tmp_path).begin("abc", HELLO)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder.run)
            for seq in range(100):
                recorder.received(microphone(seq))
            nursery.cancel_scope.cancel()
    records = read(tmp_path).records
    assert records[-1].item is Ending.SLOW
    assert 5 < len(records) < 20
    assert [line["log_level"] for line in logs if "ends" in line["event"]] == ["warning"]


async def test_a_disk_that_hangs_does_not_hold_the_end_up(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "LAST_WRITE_S", 0.05)
    reader, writer = os.pipe()
    recorder = recordings(tmp_path).begin("abc", HELLO)

    def hang(*_: object, **__: object) -> bool:
        os.read(reader, 1)
        return True

    monkeypatch.setattr(recorder._file, "append", hang)
    try:
        with trio.fail_after(5), structlog.testing.capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(recorder.run)
                recorder.received(UserMessage("hi"))
                await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
    finally:
        os.write(writer, b"xx")
        os.close(writer)
    assert [line["event"] for line in logs] == ["recording is cut short"]
    with trio.fail_after(5):
        async with recorder._limiter:  # its holder has ended
            os.close(reader)


async def test_a_write_that_fails_ends_the_recording_only(tmp_path):
    recorder = recordings(tmp_path / "gone").begin("abc", HELLO)
    (tmp_path / "gone").rmdir()
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder.run)
            recorder.received(UserMessage("hi"))
            await trio.sleep(2 * recorder_module.INTERVAL_S)
            recorder.received(UserMessage("hi"))
            nursery.cancel_scope.cancel()
    assert [line["reason"] for line in logs] == ["No such file or directory"]


async def test_a_busy_listener_is_recorded(tmp_path, autojump_clock):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    frames = [microphone(seq) for seq in range(4)]
    recorder.queued(frames[0])
    recorder.taken(frames[0])
    for frame in frames[1:]:
        recorder.queued(frame)
    await trio.sleep(0.5)
    recorder.taken(frames[2])  # the one before was dropped
    recorder.taken(microphone(9))  # never came
    recorder.taken(frames[3])
    late = [record for record in recorder._queue if isinstance(record.item, Taken)]
    assert [(record.at, record.item) for record in late] == [(0.5, Taken(1, 2, 640))]


def late_frames(recorder):
    return [record.item.seq for record in recorder._queue if isinstance(record.item, Taken)]


async def test_a_frame_that_was_forgotten_does_not_take_others_with_it(
    tmp_path, monkeypatch, autojump_clock
):
    monkeypatch.setattr(recorder_module, "_WAITING", 3)
    recorder = recordings(tmp_path).begin("abc", HELLO)
    frames = [microphone(seq) for seq in range(5)]
    for frame in frames:
        recorder.queued(frame)
    await trio.sleep(0.5)
    for frame in frames:
        recorder.taken(frame)
    assert late_frames(recorder) == [2, 3, 4]


async def test_all_that_a_microphone_holds_is_remembered(tmp_path, autojump_clock):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    frames = [AudioFrame(FrameKind.MICROPHONE, 1, n, n * 160, bytes(320)) for n in range(3000)]
    for frame in frames:  # 30 s, sent at once
        recorder.queued(frame)
    await trio.sleep(0.5)
    for frame in frames:
        recorder.taken(frame)
    assert len(late_frames(recorder)) == 3000


async def test_a_client_that_numbers_no_frames_is_recorded_as_late_as_it_was(
    tmp_path, autojump_clock
):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    frames = [AudioFrame(FrameKind.MICROPHONE, 1, 0, n * 320, bytes(640)) for n in range(3)]
    for frame in frames:
        recorder.queued(frame)
    await trio.sleep(0.5)
    recorder.taken(frames[1])
    (late,) = recorder._queue
    assert late.item == Taken(1, 0, 320)


async def test_nothing_is_remembered_after_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_QUEUED", 10_000)
    recorder = recordings(tmp_path).begin("abc", HELLO)
    for seq in range(100):
        recorder.received(microphone(seq))
        recorder.queued(microphone(seq))
    assert recorder._over
    assert not recorder._waiting


async def test_a_session_in_which_nobody_says_anything_makes_no_file(tmp_path):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        recorder.sent(StreamDelta(1, "Welcome"))
        await trio.sleep(1.5 * recorder_module.INTERVAL_S)
        nursery.cancel_scope.cancel()
    assert not list(tmp_path.iterdir())


async def test_a_fault_ends_the_recording_only(tmp_path, monkeypatch):
    recorder = recordings(tmp_path).begin("abc", HELLO)

    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(recorder._file, "append", fail)
    with structlog.testing.capture_logs() as logs:
        recorder.received(UserMessage("hi"))
        await recorder.run()
    assert [line["event"] for line in logs][:1] == ["recording ends"]


async def test_all_recorders_share_their_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "WRITERS", 1)
    blocked, go_on = os.pipe()
    seen, begun = os.pipe()
    made = recordings(tmp_path)
    first, second = made.begin("first", HELLO), made.begin("second", HELLO)

    def hang(*_: object, **__: object) -> bool:
        os.write(begun, b"x")
        os.read(blocked, 1)
        return True

    monkeypatch.setattr(first._file, "append", hang)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.run)
        first.received(UserMessage("hi"))
        with trio.fail_after(5):
            await trio.lowlevel.wait_readable(seen)
        nursery.start_soon(second.run)
        second.received(UserMessage("hi"))
        await trio.sleep(2 * recorder_module.INTERVAL_S)
        assert not list(tmp_path.iterdir())
        os.write(go_on, b"xx")
        nursery.cancel_scope.cancel()
    assert len(read(tmp_path).records) == 2
    for descriptor in (blocked, go_on, seen, begun):
        os.close(descriptor)


@pytest.mark.requirement("V-12")
def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError) as caught:
        recordings(tmp_path / "file")
    assert "recording.dir" in caught.value.message
    assert str(tmp_path) not in caught.value.message


async def test_no_file_is_followed_or_replaced(tmp_path):
    recorder = recordings(tmp_path).begin("abc", HELLO)
    recorder._file._path.symlink_to(tmp_path / "elsewhere")
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder.run)
            recorder.received(UserMessage("hi"))
            nursery.cancel_scope.cancel()
    assert not (tmp_path / "elsewhere").exists()
    assert len(logs) == 1


# --- reading ---

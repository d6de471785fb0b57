from __future__ import annotations

import struct
import sys
import wave
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicechat.errors import AudioFileError
from voicechat.speech.wav import WavAudio, read_wav, write_wav

PCM = bytes(range(200))


def header(*, kind: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, rate, rate * align, align, bits)
    return b"RIFF" + struct.pack("<I", 36 + len(PCM)) + b"WAVEfmt " + struct.pack("<I", 16) + fmt


def wav(pcm: bytes = PCM, **fields: int) -> bytes:
    return header(**fields) + b"data" + struct.pack("<I", len(pcm)) + pcm


@given(
    rate=st.integers(8_000, 96_000), samples=st.lists(st.binary(min_size=2, max_size=2), min_size=1)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_what_is_written_can_be_read(tmp_path: Path, rate: int, samples: list[bytes]) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, rate, b"".join(samples))
    audio = read_wav(path)
    assert audio == WavAudio(rate, b"".join(samples))
    assert audio.duration_s == pytest.approx(len(samples) / rate)
    assert read_wav(str(path)) == audio
    with wave.open(str(path)) as other:
        assert other.getparams()[:4] == (1, 2, rate, len(samples))


def test_chunks_beside_the_audio_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "list.wav"
    extra = b"LIST" + struct.pack("<I", 4) + b"INFO"
    body = header()[8:] + extra + b"data" + struct.pack("<I", len(PCM)) + PCM + extra
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert read_wav(path) == WavAudio(16_000, PCM)


SOX = "sox 'my clip.wav' -r 16000 -c 1 -b 16 -e signed-integer 'my clip-16k.wav'"


@pytest.mark.parametrize(
    ("content", "problem", "action"),
    [
        pytest.param(wav(channels=2), "has 2 channels, not one", SOX, id="stereo"),
        pytest.param(wav(bits=8), "has 8-bit samples, not 16-bit", SOX, id="8 bit"),
        pytest.param(wav(bits=24), "has 24-bit samples, not 16-bit", SOX, id="24 bit"),
        pytest.param(wav(kind=3, bits=32), "floating-point or compressed", SOX, id="float"),
        pytest.param(wav(kind=7, bits=8), "floating-point or compressed", SOX, id="mu-law"),
        pytest.param(wav(rate=7_999), "a rate of 7,999 Hz, not 8,000 to 96,000", SOX, id="slow"),
        pytest.param(wav(rate=192_000), "a rate of 192,000 Hz, not", SOX, id="fast"),
        pytest.param(b"ID3\x03" + bytes(100), "is not a WAV file", SOX, id="wrong magic"),
        pytest.param(b"RIFF\0\0\0\0AVI " + bytes(99), "is not a WAV file", SOX, id="other RIFF"),
        pytest.param(wav()[:-50], "is truncated", SOX, id="truncated audio"),
        pytest.param(wav()[:-51], "is truncated", SOX, id="truncated in a sample"),
        pytest.param(wav()[:30], "is truncated", "again", id="truncated header"),
        pytest.param(wav()[:6], "is truncated or empty", "again", id="truncated magic"),
        pytest.param(b"", "is truncated or empty", "again", id="empty file"),
        pytest.param(wav(b""), "holds no audio", "again", id="no samples"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_clear_line(
    tmp_path: Path, content: bytes, problem: str, action: str
) -> None:
    path = tmp_path / "my clip.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError) as caught:
        read_wav(path)
    error = caught.value
    assert error.message.startswith("The audio file my clip.wav ")
    assert problem in error.message
    assert action in error.suggested_action
    assert error.suggested_action
    for text in (error.message, error.suggested_action):
        assert "\n" not in text
        assert str(tmp_path) not in text


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"nothing\.wav does not exist"):
        read_wav(tmp_path / "nothing.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioFileError, match=r"folder\.wav is a folder"):
        read_wav(tmp_path / "folder.wav")


def test_a_file_that_is_not_ours_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioFileError, match="may not be read"):
        read_wav(tmp_path / "secret.wav")


def test_a_strange_name_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError) as caught:
        read_wav(tmp_path / "two\nlines.wav")
    assert "\n" not in caught.value.message


def test_a_folder_that_is_not_there_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"out\.wav cannot be written"):
        write_wav(tmp_path / "no" / "out.wav", 16_000, PCM)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6),
    st.integers(0, 60) | st.just(10_000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
def test_no_damage_gives_another_error(
    tmp_path: Path, changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(wav())
    for at, value in changes:
        content[at] = value
    path = tmp_path / "damaged.wav"
    path.write_bytes(content[:length])
    try:
        audio = read_wav(path)
    except AudioFileError:
        return
    assert audio.pcm
    assert 8_000 <= audio.rate <= 96_000


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older wave modules refuse the long header")
def test_the_long_header_of_plain_pcm_is_read(tmp_path: Path) -> None:
    fmt = struct.pack(
        "<HHIIHHHHIH14s",
        0xFFFE,
        1,
        16_000,
        32_000,
        2,
        16,
        22,
        16,
        4,
        1,
        b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71",
    )
    data = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", 200) + PCM
    path = tmp_path / "long.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(data)) + data)
    assert read_wav(path) == WavAudio(16_000, PCM)

"""Reads and writes WAV files of speech, and tells in one line why a file cannot be used."""

from __future__ import annotations

import shlex
import wave
from pathlib import Path
from typing import Final

import attrs

from voicechat.errors import AudioFileError
from voicechat.speech.audio import SAMPLE_BYTES
from voicechat.speech.resample import MAX_RATE, MIN_RATE

_FLOAT_OR_COMPRESSED: Final = "unknown format"  # how the standard library says it


@attrs.frozen
class WavAudio:
    """The contents of a file.

    Attributes:
        rate: Sample rate in Hz.
        pcm: Mono, signed 16-bit little-endian; at least one sample.
    """

    rate: int
    pcm: bytes

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.pcm) / SAMPLE_BYTES / self.rate


def read_wav(path: str | Path) -> WavAudio:
    """Read a mono 16-bit PCM file.

    Raises:
        AudioFileError: It is missing, truncated, empty, or of another format; the message names the
            file and says what is wrong, `suggested_action` how to convert it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, wave.open(file) as reader:
            return _read(path, reader)
    except OSError as error:
        raise _unreadable(path, error) from error
    except EOFError as error:
        raise _refuse(path, "is truncated or empty", "Record or copy it again.") from error
    except (
        wave.Error,
        RuntimeError,
    ) as error:  # RuntimeError: a chunk that is longer than the file
        if str(error).startswith(_FLOAT_OR_COMPRESSED):
            problem = "holds floating-point or compressed audio, not plain 16-bit PCM"
        else:
            problem = "is not a WAV file, or a damaged one"
        raise _refuse(path, problem, _conversion(path)) from error


def write_wav(path: str | Path, rate: int, pcm: bytes) -> None:
    """Write a mono 16-bit PCM file, over an old one if there is one.

    Raises:
        AudioFileError: The file cannot be written.
    """
    path = Path(path)
    try:
        with path.open("wb") as file, wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(SAMPLE_BYTES)
            writer.setframerate(rate)
            writer.writeframes(pcm)
    except OSError as error:
        raise _refuse(
            path, "cannot be written", "Check the folder, its permissions and the free space."
        ) from error


def _read(path: Path, reader: wave.Wave_read) -> WavAudio:
    """Check the header, then read everything."""
    rate = reader.getframerate()
    if (channels := reader.getnchannels()) != 1:
        raise _refuse(path, f"has {channels} channels, not one", _conversion(path))
    if (width := reader.getsampwidth()) != SAMPLE_BYTES:
        raise _refuse(path, f"has {8 * width}-bit samples, not 16-bit", _conversion(path))
    if not MIN_RATE <= rate <= MAX_RATE:
        allowed = f"{MIN_RATE:,} to {MAX_RATE:,} Hz"
        raise _refuse(path, f"has a rate of {rate:,} Hz, not {allowed}", _conversion(path))
    expected = reader.getnframes()
    pcm = reader.readframes(expected)
    if expected == 0:
        raise _refuse(path, "holds no audio", "Record it again.")
    if len(pcm) < expected * SAMPLE_BYTES:
        raise _refuse(path, "is truncated: it promises more than it holds", _conversion(path))
    return WavAudio(rate, pcm)


def _unreadable(path: Path, error: OSError) -> AudioFileError:
    match error:
        case FileNotFoundError():
            return _refuse(path, "does not exist", "Check the name and the folder.")
        case IsADirectoryError():
            return _refuse(path, "is a folder", "Give a WAV file.")
        case PermissionError():
            return _refuse(path, "may not be read", "Check its permissions.")
        case _:
            return _refuse(path, "cannot be read", "Check the disk that it is on.")


def _refuse(path: Path, problem: str, action: str) -> AudioFileError:
    return AudioFileError(f"The audio file {_shown(path.name)} {problem}.", suggested_action=action)


def _conversion(path: Path) -> str:
    """The command that makes a usable file of it."""
    target = f"{path.stem}-16k.wav"
    source, target = (shlex.quote(_shown(name)) for name in (path.name, target))
    return f"Convert it: sox {source} -r 16000 -c 1 -b 16 -e signed-integer {target}"


def _shown(name: str) -> str:
    """A name that stays on one line."""
    return name if name.isprintable() else ascii(name)

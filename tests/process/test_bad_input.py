"""What a person can type wrong: one clear line each, exit code 2, no traceback."""

from __future__ import annotations

import os
import wave

import pytest
import trio

from voicechat.cli.talk import _check_writable
from voicechat.errors import AudioFileError


def refused(done, *says):
    """It failed as bad usage does, and says all of `says`."""
    assert done.returncode == 2, done
    assert done.stdout.count("\n") <= 1, "at most the line that says what is being tried"
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert len(rest) <= 1, "one line, and perhaps one with what to do"
    assert "Traceback" not in done.stderr
    for words in says:
        assert words in done.stderr


def wav(path, *, channels=1, width=2, rate=16_000, frames=1600):
    with wave.open(str(path), "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(bytes(channels * width * frames))
    return path


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"channels": 2}, "2 channels"),
        ({"width": 1}, "16"),
        ({"rate": 4_000}, "4"),
        ({"rate": 192_000}, "192"),
        ({"frames": 0}, "no audio"),
    ],
)
async def test_a_wav_that_cannot_be_used(run_command, tmp_path, how, says):
    path = wav(tmp_path / "bad.wav", **how)
    refused(await run_command("talk", str(path)), "bad.wav", says)


async def test_other_files(run_command, tmp_path):
    whole = wav(tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:-500])
    (tmp_path / "text.wav").write_text("hello")
    refused(await run_command("talk", str(tmp_path / "cut.wav")), "cut.wav")
    refused(await run_command("talk", str(tmp_path / "text.wav")), "text.wav")
    refused(await run_command("talk", "missing.wav"), "missing.wav")
    refused(await run_command("talk"))


async def test_an_output_that_cannot_be_written(run_command, tmp_path):
    """It is refused before anything is said: there is no server to talk to."""
    path = str(wav(tmp_path / "good.wav"))
    (tmp_path / "folder").mkdir()
    old = wav(tmp_path / "old.wav")
    for output, says in (
        ("folder", "folder is a folder"),
        (".", "is a folder"),
        ("missing/x.wav", "The folder for x.wav does not exist"),
        ("good.wav/x.wav", "The folder for x.wav does not exist"),
    ):
        done = await run_command("talk", path, "-o", output, "--url", "http://127.0.0.1:1")
        refused(done, says)
        assert done.stdout == ""
    before = old.read_bytes()
    for output in ("old.wav", "new.wav"):  # nothing is wrong with them
        done = await run_command("talk", path, "-o", output, "--url", "http://127.0.0.1:1")
        refused(done, "voicechat serve")
    assert old.read_bytes() == before
    assert not (tmp_path / "new.wav").exists()


@pytest.mark.parametrize("name", ["old.wav", "new.wav"])
def test_an_output_without_permission(tmp_path, monkeypatch, name):
    wav(tmp_path / "old.wav")
    wanted = tmp_path / name if name == "old.wav" else tmp_path
    asked = []

    def access(path, mode):
        asked.append((path, mode))
        return False  # for root, who runs tests in containers, it is always true

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(AudioFileError, match=f"{name} may not be written"):
        _check_writable(tmp_path / name, wav(tmp_path / "recording.wav"))
    assert asked == [(wanted, os.W_OK)]


def test_an_output_that_is_the_recording(tmp_path):
    recording = wav(tmp_path / "one.wav")
    with pytest.raises(AudioFileError, match=r"one\.wav is the recording itself"):
        _check_writable(tmp_path / "one.wav", recording)


async def test_nobody_at_the_address(run_command, tmp_path):
    path = str(wav(tmp_path / "good.wav"))
    refused(await run_command("talk", path, "--url", "http://127.0.0.1:1"), "voicechat serve")
    refused(await run_command("talk", path, "--url", "nonsense://x"), "nonsense")


async def test_a_port_in_use(run_command):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = str(listeners[0].socket.getsockname()[1])
    refused(await run_command("serve", "--port", port), port, "in use")
    for listener in listeners:
        await listener.aclose()


@pytest.mark.requirement("P-6")
@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--port", "70000"], ["server.port", "70000", "65535"]),
        (["--port", "http"], ["server.port", "http"]),
        (["--set", "speech.vad=energy"], ["speech.vad", "energy", "silero"]),
        (["--set", "speech.vda=silero"], ["speech.vda", "speech.vad"]),
        (["--set", "conversation.barge_in_ms=5"], ["barge_in_ms", "100"]),
        (["--set", "speech.voice=klingonese"], ["voice"]),
        (["--host", "0.0.0.0"], ["0.0.0.0", "--insecure"]),
        (["--tls-cert", "missing.pem", "--tls-key", "missing.key"], ["tls-cert"]),
        (["--config", "missing.toml"], ["missing.toml"]),
        (["--nonsense"], ["nonsense"]),
    ],
)
async def test_a_bad_setting(run_command, flags, says):
    port = [] if "--port" in flags else ["--port", "0"]
    refused(await run_command("serve", *port, *flags), *says)


async def test_a_missing_page_is_no_failure(tmp_path):
    """The server runs without the page, and says how to build it."""
    from voicechat.gateway.page import NOT_BUILT

    assert "nox -s web" in str(NOT_BUILT)

"""`voicechat serve --record` and `voicechat replay`, as a person runs them."""

from __future__ import annotations

import gzip
import json
import signal

import pytest
import trio

from tests.process.conftest import open_command, run_command, start_server  # noqa: F401 (fixtures)
from tests.replay.live_client import converse
from tests.replay.test_rerun import CONVERSATION
from voicechat.cli import main


@pytest.fixture
def beginning(tmp_path):
    """The first 5 s of the conversation."""
    lines = gzip.decompress(CONVERSATION.read_bytes()).splitlines(keepends=True)
    kept = [lines[0], *(line for line in lines[1:] if json.loads(line)["t"] < 5)]
    path = tmp_path / "beginning.jsonl"
    path.write_bytes(b"".join(kept))
    return path


@pytest.mark.requirement("V-12")
def test_the_turns_are_printed(beginning, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["replay", str(beginning), "--check"]) == 0
    head, turn, took, torn, same = capsys.readouterr().out.splitlines()
    assert "endpoint" in head
    assert "what time is it → It is" in turn
    assert took.startswith("5.0 s replayed in")
    assert torn == "the recording has no end: what came after that is missing"
    assert same.startswith("the same as recorded: ")


@pytest.mark.requirement("V-12")
def test_a_difference_is_exit_code_1(beginning, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = beginning.read_text().replace('"text":"what time is it"', '"text":"what day is it"')
    beginning.write_text(text)
    assert main(["replay", str(beginning), "--check"]) == 1
    out = capsys.readouterr().out
    assert "recorded: “what day is it”, turn 1" in out
    assert "replayed: “what time is it”, turn 1" in out
    assert main(["replay", str(beginning)]) == 0, "without --check it only replays"
    capsys.readouterr()
    assert main(["replay", str(beginning), "--check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["differences"][0]["lane"] == "heard"
    assert told["turns"][0]["words"] == "what time is it"


def refused(arguments, capsys):
    assert main(["replay", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 2
    assert "Traceback" not in err
    return err


@pytest.mark.requirement("V-12")
def test_bad_files_are_one_line(beginning, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "cannot be read" in refused([tmp_path / "missing"], capsys)
    (tmp_path / "other").write_bytes(b"RIFF....WAVE\n")
    assert "not a recording" in refused([tmp_path / "other"], capsys)
    lines = beginning.read_text().splitlines(keepends=True)
    beginning.write_text("".join([*lines[:5], "damage\n", *lines[5:]]))
    assert "line 6" in refused([beginning], capsys)
    beginning.write_text("".join([lines[0].replace('recording":1', 'recording":9'), *lines[1:]]))
    assert "version 9" in refused([beginning], capsys)
    beginning.write_text("".join([lines[0].replace('"assistant"', '"nobody"'), *lines[1:]]))
    assert "agent.kind" in refused([beginning], capsys), "an agent that is not installed"
    beginning.write_text("".join(lines))
    assert "conversation.patience" in refused(
        [beginning, "--set", "conversation.patience=7"], capsys
    )


@pytest.mark.requirement("V-12")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_records_can_be_replayed(
    start_server,  # noqa: F811
    run_command,  # noqa: F811
    flite,
    tmp_path,
    how,
):
    """Real time, real sockets, real processes; killed or not."""
    pcm = bytes(16_000) + flite("what time is it") + bytes(96_000) + flite("tell me a joke")
    folder = tmp_path / "recordings"
    async with start_server("--record", str(folder)) as server:
        with trio.fail_after(60):
            await converse(server.websocket, pcm + bytes(64_000), turns=2)
        if how is signal.SIGKILL:
            server.process.kill()
            await server.process.wait()
        else:
            assert await server.end() == 0
    (path,) = folder.iterdir()
    done = await run_command("replay", str(path), "--check", "--tolerance", "3")
    assert done.returncode == 0, done.stdout
    assert "tell me a joke →" in done.stdout
    assert not done.stderr


@pytest.mark.requirement("V-12")
async def test_nothing_is_recorded_without_being_asked(start_server, tmp_path):  # noqa: F811
    async with start_server() as server:
        await converse(server.websocket, bytes(16_000))
        assert await server.end() == 0
    assert not list(tmp_path.rglob("*.jsonl"))


async def test_a_folder_that_cannot_be_written_ends_the_start(run_command, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("")
    done = await run_command("serve", "--port", "0", "--record", str(tmp_path / "file"))
    assert done.returncode == 2
    assert "recording.dir" in done.stderr

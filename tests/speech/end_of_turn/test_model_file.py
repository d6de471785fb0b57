"""Files and machines on which the model cannot run: each is told in plain words, without a path."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.speech.end_of_turn.tiny_onnx import DOUBLE, network
from voicechat.errors import SettingError, expected
from voicechat.speech.end_of_turn import smart_turn
from voicechat.speech.end_of_turn.smart_turn import SmartTurn

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.requirement("V-4")


async def refusal(path: Path) -> str:
    """The message with which the file is refused, after checking that it leaks nothing."""
    with pytest.raises(SettingError) as caught, trio.fail_after(30):
        await SmartTurn(path).run()
    error = caught.value
    told = f"{error.message} {error.suggested_action}"
    assert path.name in error.message
    assert "speech.end_of_turn" in error.message
    assert str(path.parent) not in told
    assert "ONNXRuntime" not in told
    assert error.suggested_action
    return error.message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "damaged or no ONNX model"),
        (b"GIF89a, and more of that sort", "damaged or no ONNX model"),
        (network()[:-40], "damaged or no ONNX model"),
        (network(then=["NoSuchOperator"]), "damaged or no ONNX model"),
        (network(("batch", 80, 3000)), "another kind"),
        (network(("batch", 128, 800)), "another kind"),
        (network(("batch", 16_000)), "another kind"),
        (network(("batch", 80, "time")), "another kind"),
        (network((4, 80, 800)), "another kind"),
        (network(element=DOUBLE), "another kind"),
        (network(inputs=["input_features", "state"]), "another kind"),
        (network(then=["Identity"]), "no probabilities"),
        (network(then=["Log"]), "no probabilities"),
        (network(then=["Sigmoid"], mean=False), "no probabilities"),
    ],
    ids=[
        *("empty", "no model", "cut off", "unknown operator"),
        *("30 seconds", "128 bands", "waveform", "free length", "batch of four", "double"),
        *("two inputs", "a logit", "not a number", "many numbers"),
    ],
)
async def test_bad_files(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert why in await refusal(path)


async def test_a_missing_file(tmp_path: Path) -> None:
    assert "no file" in await refusal(tmp_path / "nowhere" / "model.onnx")


async def test_a_folder(tmp_path: Path) -> None:
    assert "no file" in await refusal(tmp_path)


async def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    os.mkfifo(path)
    with trio.fail_after(10):
        assert "no file" in await refusal(path)


async def test_a_file_that_belongs_to_somebody_else(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(tiny), "read_bytes", denied)  # root could read it all the same
    assert "cannot be read" in await refusal(tiny)


async def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "language-model.gguf"
    with path.open("wb") as file:
        file.truncate(smart_turn._LARGEST + 1)  # takes no room on the disk
    assert "too large" in await refusal(path)


async def test_a_missing_package(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "onnxruntime is not installed" in await refusal(tiny)


@pytest.mark.parametrize("operator", ["NoSuchOperator", "NoS\udc80chOperator"])
async def test_onnxruntime_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], operator: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(network(then=[operator]))
    await refusal(path)
    assert capfd.readouterr() == ("", "")


def test_onnxruntime_reports_nothing_to_its_maker(tiny: Path, tmp_path: Path) -> None:
    """Its reports begin with a database below the home folder and a thread that sends them."""
    code = (
        "import pathlib, psutil, sys, trio\n"
        "from voicechat.speech.end_of_turn.smart_turn import SmartTurn\n"
        "async def main():\n"
        "    await trio.to_thread.run_sync(lambda: None)\n"
        "    before = psutil.Process().num_threads()\n"
        "    async with trio.open_nursery() as nursery:\n"
        "        await nursery.start(SmartTurn(pathlib.Path(sys.argv[1])).run)\n"
        "        print(psutil.Process().num_threads() - before)\n"
        "        nursery.cancel_scope.cancel()\n"
        "trio.run(main)\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    kept_out = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {key: value for key, value in os.environ.items() if key not in kept_out}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tiny)],
        env={**environment, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == "0"
    assert list(home.iterdir()) == []


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
async def test_no_damage_gives_another_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(network())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    refused: list[BaseExceptionGroup] = []
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(SmartTurn(path).run)
            nursery.cancel_scope.cancel()
    except* SettingError as group:
        refused.append(group)
    assert all("damaged.onnx" in str(expected(group)) for group in refused)

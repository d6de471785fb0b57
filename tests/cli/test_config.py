"""`voicechat config`, and how the command line reports what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import attrs
import pytest
import trio

from voicechat import __version__, cli
from voicechat.cli.app import app
from voicechat.cli.config import as_toml, plain_values
from voicechat.errors import EngineFailed, SettingError
from voicechat.settings import MASK, leaves, load, values

pytestmark = pytest.mark.requirement("P-6")

RUN = "import sys; from voicechat.cli import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("VOICECHAT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Make `voicechat fail` raise what a test puts here."""
    planned: dict[str, BaseException] = {}

    def fail() -> None:
        raise planned["error"]

    monkeypatch.setattr(app, "_commands", dict(app._commands))
    app.command(fail)
    return planned


def test_table_shows_value_and_source(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("voicechat.toml").write_text("[server]\nport = 9000\n", encoding="utf-8")
    monkeypatch.setenv("VOICECHAT_LOG_LEVEL", "debug")
    assert cli.main(["config", "--set", "speech.rate_wpm=200"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows.keys() == leaves().keys()
    assert rows["server.port"].split(maxsplit=2)[1:] == ["9000", "voicechat.toml:server.port"]
    assert rows["log.level"].endswith("environment variable VOICECHAT_LOG_LEVEL")
    assert rows["speech.rate_wpm"].split() == ["speech.rate_wpm", "200", "flag"]
    assert rows["server.host"].split() == ["server.host", '"127.0.0.1"', "default"]


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "--format", "json", "--set", "server.allowed_hosts=a,b"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["server.allowed_hosts"] == {"value": ["a", "b"], "source": "flag"}
    assert shown["server.tls_cert"] == {"value": None, "source": "default"}


def test_toml_gives_the_same_settings_again(tmp_path: Path) -> None:
    wanted = {
        "server.allowed_origins": 'https://a.example,b"c',
        "server.tls_cert": "/c.pem",
        "server.tls_key": "/k.pem",
        "speech.stt_rejection": "-0.004",
        "conversation.max_utterance_s": "12.5",
    }
    before = load(config=None, environ={"HOME": str(tmp_path)}, overrides=wanted)
    path = tmp_path / "again.toml"
    path.write_text(as_toml(before), encoding="utf-8")
    tomllib.loads(path.read_text(encoding="utf-8"))
    after = load(config=path, environ={"HOME": "/elsewhere"}, overrides={})
    assert after.settings == before.settings


def test_secrets_are_masked() -> None:
    effective = load(config=None, environ={"HOME": "/h"}, overrides={"speech.voice": "planted"})
    known = leaves()
    known["speech.voice"] = attrs.evolve(known["speech.voice"], secret=True)
    shown = plain_values(effective, known)
    assert shown.pop("speech.voice") == MASK
    assert shown.keys() == values(effective.settings).keys() - {"speech.voice"}
    assert "planted" not in json.dumps(shown)


def test_mask_is_no_value_in_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    known = leaves()
    known["speech.voice"] = attrs.evolve(known["speech.voice"], secret=True)
    monkeypatch.setattr("voicechat.cli.config.leaves", lambda: known)
    effective = load(config=None, environ={"HOME": "/h"}, overrides={"speech.voice": "planted"})
    text = as_toml(effective)
    assert "planted" not in text
    assert "voice" not in tomllib.loads(text)["speech"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["config", "--set", "server.port=99999"], "server.port is '99999' (flag); allowed:"),
        (["config", "--set", "server.prot=1"], "Did you mean server.port?"),
        (["config", "--set", "server.port"], "--set server.port has no value"),
        (["config", "--config", "none.toml"], "there is no settings file none.toml"),
        (["config", "--format", "xml"], '"table", "toml", "json"'),
        (["config", "--prot", "1"], "--prot"),
        (["config", "extra"], "unexpected argument extra"),
        (["confg"], "there is no command confg"),
    ],
)
def test_bad_usage_is_told_in_two_lines(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert len(captured.err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingError("bad\nvalue", suggested_action="Do this."), 2, "error: bad value\n"),
        (EngineFailed("it broke"), 1, "error: it broke\n"),
        (ExceptionGroup("n", [ExceptionGroup("m", [SettingError("deep")])]), 2, "error: deep\n"),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("n", [KeyboardInterrupt()]), 130, ""),
        (ExceptionGroup("n", [BrokenPipeError()]), 1, ""),
    ],
)
def test_expected_failures_have_exit_codes(
    error: BaseException,
    code: int,
    told: str,
    failing: dict[str, BaseException],
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing["error"] = error
    assert cli.main(["fail"]) == code
    written = capsys.readouterr().err
    assert written.startswith(told)
    assert bool(written) is bool(told)


def test_what_is_not_expected_is_not_hidden(failing: dict[str, BaseException]) -> None:
    failing["error"] = ExceptionGroup("n", [SettingError("known"), ZeroDivisionError()])
    with pytest.raises(ExceptionGroup):
        cli.main(["fail"])


def test_async_commands_run_on_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_commands", dict(app._commands))

    async def answer() -> int:
        await trio.lowlevel.checkpoint()
        return 42

    app.command(answer)
    assert cli.main(["answer"]) == 42


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(cli.__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
    )


def test_real_process() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"voicechat {__version__}")
    done = run("config", "--set", "server.host=0.0.0.0")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: server.host is '0.0.0.0'")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["config"], ["--help"], ["--version"]])
def test_a_reader_that_has_gone_is_not_told_so(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_config_and_help_load_no_engine() -> None:
    check = (
        "import sys; from voicechat.cli import main; main(sys.argv[1:]);"
        "heavy = {'numpy', 'trio', 'quart', 'hypercorn', 'structlog'} & sys.modules.keys();"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    for arguments in (["config"], ["--help"], ["wrong"]):
        done = subprocess.run(
            [sys.executable, "-c", check, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        )
        assert done.returncode == 0, done.stderr


def test_help_is_quick() -> None:
    best = 10.0
    for _ in range(3):
        begin = time.perf_counter()
        assert run("--help").returncode == 0
        best = min(best, time.perf_counter() - begin)
    assert best < 1.5  # 0.3 s on an idle machine; the bound only tells a heavy import


def test_linear_algebra_uses_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    cli.main(["config"])
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "2"

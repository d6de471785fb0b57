"""Settings: which layer wins, and what a bad value is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import SettingError
from voicechat.protocol.frames import MAX_FRAME_BYTES
from voicechat.protocol.messages.conversation import MAX_TEXT
from voicechat.settings import (
    Layer,
    Settings,
    leaves,
    load,
    values,
)
from voicechat.settings.kinds import Integer

pytestmark = pytest.mark.requirement("P-6")

HOME = {"HOME": "/home/somebody"}


def written(folder: Path, text: str) -> Path:
    path = folder / "voicechat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(**how: Any) -> SettingError:
    layers: dict[str, Any] = {"config": None, "environ": HOME, "overrides": {}} | how
    with pytest.raises(SettingError) as raised:
        load(**layers)
    return raised.value


def test_defaults_are_those_of_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    effective = load(config=None, environ=HOME, overrides={})
    assert effective.settings.server.host == "127.0.0.1"
    assert effective.settings.server.port == 8000
    assert effective.settings.server.max_message_bytes == 1_048_576
    assert effective.settings.conversation.barge_in_ms == 250
    assert effective.settings.speech.stt_rejection == "auto"
    assert effective.settings.server.data_dir == Path("/home/somebody/.local/share/voicechat")
    assert effective.sources.keys() == leaves().keys()
    assert {source.layer for source in effective.sources.values()} == {Layer.DEFAULT}


def test_every_setting_has_help_a_range_and_a_valid_default() -> None:
    for key, described in leaves().items():
        assert described.help.endswith("."), key
        assert described.kind.allowed, key
        described.kind.check(values(Settings())[key])


def test_file_of_the_current_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "[server]\nport = 9000\n")
    monkeypatch.chdir(tmp_path)
    effective = load(config=None, environ=HOME, overrides={})
    assert effective.settings.server.port == 9000
    assert str(effective.sources["server.port"]) == "voicechat.toml:server.port"


PORTS = st.none() | st.integers(0, 65_535)


@given(in_file=PORTS, in_environ=PORTS, in_flag=PORTS)
def test_the_strongest_layer_wins(
    in_file: int | None,
    in_environ: int | None,
    in_flag: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = written(
        tmp_path_factory.mktemp("layers"),
        "[server]\n" + (f"port = {in_file}\n" if in_file is not None else ""),
    )
    effective = load(
        config=path,
        environ=HOME | ({} if in_environ is None else {"VOICECHAT_SERVER_PORT": str(in_environ)}),
        overrides={} if in_flag is None else {"server.port": str(in_flag)},
    )
    expected: tuple[int, Layer] = (8000, Layer.DEFAULT)
    for given_value, layer in (
        (in_file, Layer.FILE),
        (in_environ, Layer.ENVIRONMENT),
        (in_flag, Layer.FLAG),
    ):
        if given_value is not None:
            expected = (given_value, layer)
    found = (effective.settings.server.port, effective.sources["server.port"].layer)
    assert found == expected
    others = [s.layer for key, s in effective.sources.items() if key != "server.port"]
    assert set(others) == {Layer.DEFAULT}


@given(data=st.data())
def test_layers_mix_setting_by_setting(data: st.DataObject) -> None:
    numbers = ["server.port", "speech.rate_wpm", "speech.volume", "conversation.pre_roll_ms"]
    chosen = {key: data.draw(st.sampled_from(["", "environment", "flag"])) for key in numbers}
    effective = load(
        config=None,
        environ=HOME
        | {
            f"VOICECHAT_{key.replace('.', '_').upper()}": "101"
            for key, layer in chosen.items()
            if layer
        },
        overrides={key: "102" for key, layer in chosen.items() if layer == "flag"},
    )
    for key, layer in chosen.items():
        expected = {"": values(Settings())[key], "environment": 101, "flag": 102}[layer]
        assert values(effective.settings)[key] == expected


BAD_TOML = [
    ("[server]\nport = 65536", "server.port", "65536", "from 0 to 65535"),
    ("[server]\nport = true", "server.port", "True", "a whole number"),
    ("[server]\nport = 8000.0", "server.port", "8000.0", "a whole number"),
    ('[server]\nport = "8000"', "server.port", "'8000'", "a whole number"),
    ('[server]\ninsecure = "yes"', "server.insecure", "'yes'", "true or false"),
    ("[server]\ninsecure = 1", "server.insecure", "1", "true or false"),
    ("[server]\nhost = 7", "server.host", "7", "an address"),
    ('[server]\nhost = ""', "server.host", "''", "an address"),
    ('[server]\nallowed_hosts = "a"', "server.allowed_hosts", "'a'", "a list of host names"),
    ("[server]\nallowed_hosts = [1]", "server.allowed_hosts", "[1]", "a list of host names"),
    ("[server]\ntls_cert = 1", "server.tls_cert", "1", "a path"),
    ("[server]\ngrace_s = nan", "server.grace_s", "nan", "from 0 to 3600 seconds"),
    ("[server]\ngrace_s = inf", "server.grace_s", "inf", "from 0 to 3600 seconds"),
    ('[speech]\nvad = ""', "speech.vad", "''", "the name of an installed detector: silero, webrtc"),
    ('[log]\nformat = "xml"', "log.format", "'xml'", '"auto" or "console" or "json"'),
    ("[server]\nmax_message_bytes = 131071", "max_message_bytes", "131071", "from 131072 to"),
    ('[speech]\nstt_rejection = "no"', "speech.stt_rejection", "'no'", 'or "auto"'),
    ("[conversation]\nbarge_in_ms = 99", "barge_in_ms", "99", "100 to 5000"),
]


@pytest.mark.parametrize(("text", "key", "value", "allowed"), BAD_TOML)
def test_bad_value_in_a_file(text: str, key: str, value: str, allowed: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    message = refused(config=path).message
    assert key in message
    assert f"is {value} ({path}:" in message
    assert allowed in message


BAD_TEXT = [
    ("server.port", "http"),
    ("server.port", "-1"),
    ("server.port", ""),
    ("server.insecure", "maybe"),
    ("speech.vad_threshold", "1.01"),
    ("speech.vad_threshold", "nan"),
    ("log.level", "INFO!"),
    ("server.allowed_hosts", "a,,b"),
    ("server.data_dir", ""),
]


@pytest.mark.parametrize(("key", "text"), BAD_TEXT)
def test_bad_text_of_a_variable_and_a_flag(key: str, text: str) -> None:
    name = f"VOICECHAT_{key.replace('.', '_').upper()}"
    message = refused(environ=HOME | {name: text}).message
    assert message.startswith(f"{key} is {text!r} (environment variable {name}); allowed: ")
    message = refused(overrides={key: text}).message
    assert message.startswith(f"{key} is {text!r} (flag); allowed: ")


GOOD_TEXT: list[tuple[str, str, Any]] = [
    ("server.tls_self_signed", "Yes", True),
    ("server.tls_self_signed", "off", False),
    ("server.allowed_hosts", "a.example, b.example", ("a.example", "b.example")),
    ("server.allowed_hosts", "", ()),
    ("server.tls_cert", "", None),
    ("server.grace_s", "2", 2.0),
    ("speech.stt_rejection", "-0.004", -0.004),
    ("speech.stt_rejection", "auto", "auto"),
    ("server.data_dir", "~/talk", Path("/home/somebody/talk")),
]


@pytest.mark.parametrize(("key", "text", "value"), GOOD_TEXT)
def test_text_is_parsed_by_type(key: str, text: str, value: Any) -> None:
    found = values(load(config=None, environ=HOME, overrides={key: text}).settings)[key]
    assert found == value
    assert type(found) is type(value)


@given(key=st.sampled_from(sorted(leaves())), text=st.text(max_size=12))
def test_any_text_is_a_value_or_a_setting_error(key: str, text: str) -> None:
    try:
        load(config=None, environ=HOME, overrides={key: text})
    except SettingError as error:
        assert key in error.message  # noqa: PT017  (either outcome is right, no other error is)


def test_unknown_keys_say_what_was_probably_meant(tmp_path: Path) -> None:
    error = refused(config=written(tmp_path, "[server]\nprot = 1"))
    assert "unknown setting server.prot" in error.message
    assert error.suggested_action == "Did you mean server.port?"
    error = refused(config=written(tmp_path, "[sever]\nport = 1"))
    assert "unknown section sever" in error.message
    assert error.suggested_action == "Did you mean server?"
    error = refused(environ=HOME | {"VOICECHAT_SERVER_PROT": "1"})
    assert error.suggested_action == "Did you mean VOICECHAT_SERVER_PORT?"
    error = refused(overrides={"zzz": "1"})
    assert "voicechat config" in error.suggested_action


def test_names_of_the_tests_own_variables_are_no_settings() -> None:
    load(config=None, environ=HOME | {"VOICECHAT_CI": "1"}, overrides={})


def test_what_kubernetes_says_of_a_service_is_no_setting() -> None:
    told = {
        "VOICECHAT_SERVICE_HOST": "10.0.0.7",
        "VOICECHAT_SERVICE_PORT": "8000",
        "VOICECHAT_SERVICE_PORT_HTTP": "8000",
        "VOICECHAT_PORT": "tcp://10.0.0.7:8000",
        "VOICECHAT_PORT_8000_TCP": "tcp://10.0.0.7:8000",
        "VOICECHAT_PORT_8000_TCP_PROTO": "tcp",
        "VOICECHAT_PORT_8000_TCP_PORT": "8000",
        "VOICECHAT_PORT_8000_TCP_ADDR": "10.0.0.7",
    }
    effective = load(config=None, environ=HOME | told, overrides={})
    assert {source.layer for source in effective.sources.values()} == {Layer.DEFAULT}
    error = refused(environ=HOME | {"VOICECHAT_PORT": "8080"})
    assert error.suggested_action == "Did you mean VOICECHAT_SERVER_PORT?"


@pytest.mark.parametrize("key", ["speech.vad", "speech.stt", "speech.tts", "agent.kind"])
def test_engines_of_other_packages_can_be_named(key: str) -> None:
    found = load(config=None, environ=HOME, overrides={key: "somebodys-own"}).settings
    assert values(found)[key] == "somebodys-own"


def test_the_smallest_message_limit_holds_what_every_client_is_promised() -> None:
    allowed = leaves()["server.max_message_bytes"].kind
    assert isinstance(allowed, Integer)
    assert allowed.low >= max(4 * MAX_TEXT, MAX_FRAME_BYTES)


def test_unusable_files(tmp_path: Path) -> None:
    assert "there is no settings file" in refused(config=tmp_path / "none.toml").message
    assert "cannot read" in refused(config=tmp_path).message
    assert "line 1" in refused(config=written(tmp_path, "server = =")).message
    assert "must be a section" in refused(config=written(tmp_path, "server = 3")).message
    bytes_file = tmp_path / "bytes.toml"
    bytes_file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused(config=bytes_file).message


def test_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    path = written(
        tmp_path, '[server]\ntls_cert = "cert.pem"\ntls_key = "~/key.pem"\ndata_dir = "/var/talk"\n'
    )
    server = load(config=path, environ=HOME, overrides={}).settings.server
    assert server.tls_cert == tmp_path / "cert.pem"
    assert server.tls_key == Path("/home/somebody/key.pem")
    assert server.data_dir == Path("/var/talk")


@pytest.mark.parametrize(
    ("home", "folder"),
    [("/data", "/data/voicechat"), ("relative", "/home/somebody/.local/share/voicechat")],
)
def test_data_folder_follows_xdg(home: str, folder: str) -> None:
    effective = load(config=None, environ=HOME | {"XDG_DATA_HOME": home}, overrides={})
    assert effective.settings.server.data_dir == Path(folder)

"""Settings that only make sense together: an address that others reach, halves of a pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicechat.errors import SettingError
from voicechat.settings import (
    Log,
    Server,
    is_loopback,
    load,
)

pytestmark = pytest.mark.requirement("P-6")

HOME = {"HOME": "/home/somebody"}


def refused(**how: Any) -> SettingError:
    layers: dict[str, Any] = {"config": None, "environ": HOME, "overrides": {}} | how
    with pytest.raises(SettingError) as raised:
        load(**layers)
    return raised.value


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "pi.local", "128.0.0.1"])
def test_open_address_needs_a_word(host: str) -> None:
    error = refused(overrides={"server.host": host})
    assert f"server.host is {host!r} (flag)" in error.message
    assert "--insecure" in error.suggested_action
    both = {"server.host": host, "server.insecure": "true"}
    assert load(config=None, environ=HOME, overrides=both).settings.server.host == host


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "Localhost."]
)
def test_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    load(config=None, environ=HOME, overrides={"server.host": host})


def test_half_a_certificate_is_refused() -> None:
    assert "needs server.tls_key" in refused(overrides={"server.tls_cert": "/c.pem"}).message
    assert "needs server.tls_cert" in refused(overrides={"server.tls_key": "/k.pem"}).message
    three = {
        "server.tls_cert": "/c.pem",
        "server.tls_key": "/k.pem",
        "server.tls_self_signed": "true",
    }
    assert "cannot be combined" in refused(overrides=three).message


def test_sections_check_what_code_gives_them() -> None:
    assert Server(port=0).port == 0
    with pytest.raises(SettingError, match="port is 70000; allowed: a whole number"):
        Server(port=70_000)
    with pytest.raises(SettingError, match="level"):
        Log(level="loud")


@pytest.mark.requirement("T-9")
def test_a_mistyped_alias_is_noticed():
    with pytest.raises(SettingError) as caught:
        load(config=Path("/dev/null"), environ={"THERMAL_TRIGER_THRESHOLD": "80"}, overrides={})
    assert "THERMAL_TRIGGER_THRESHOLD" in caught.value.suggested_action

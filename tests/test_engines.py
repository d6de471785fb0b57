"""Engines by name: built in, brought by another package, unknown, broken."""

from __future__ import annotations

import sys

import pytest

from voicechat import engines
from voicechat.errors import SettingError
from voicechat.settings import Settings


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Another package, installed, that announces engines."""
    (tmp_path / "otherspeech.py").write_text(
        "def make(settings):\n    return ('made from', settings.speech.voice)\n"
        "def broken(settings):\n    raise RuntimeError('/secret/path')\n"
        "def picky(settings):\n"
        "    from voicechat.errors import SettingError\n"
        "    raise SettingError('no such voice')\n"
    )
    info = tmp_path / "otherspeech-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: otherspeech\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[voicechat.text_to_speech]\nother = otherspeech:make\nbroken = otherspeech:broken\n"
        "picky = otherspeech:picky\nmissing = nowhere:make\nespeak = otherspeech:make\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("otherspeech", None)


def make(name):
    return engines.make("speech.tts", name, Settings(), {"espeak": lambda: "ours"})


@pytest.mark.requirement("A-1")
def test_an_installed_package_can_bring_an_engine(package):
    assert make("other") == ("made from", "en")
    assert make("espeak") == "ours", "what is built in cannot be replaced unseen"


@pytest.mark.requirement("A-1")
def test_an_unknown_engine_is_told_with_those_that_are_there(package):
    with pytest.raises(SettingError) as caught:
        make("nonsense")
    for word in ("speech.tts", "'nonsense'", "espeak", "other"):
        assert word in caught.value.message


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_a_broken_package_is_one_line(package, name):
    with pytest.raises(SettingError) as caught:
        make(name)
    assert "does not work" in caught.value.message
    assert "secret" not in caught.value.message


def test_an_engine_may_refuse_a_setting_itself(package):
    with pytest.raises(SettingError, match="no such voice"):
        make("picky")

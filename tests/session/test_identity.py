"""Ids can be logged, secrets not guessed, and both are the same after a restart."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest
import structlog

from voicechat.errors import UsageError
from voicechat.session import identity
from voicechat.session.identity import Secrets, kept_in

pytestmark = pytest.mark.requirement("S-4")


def key_file(folder):
    (path,) = folder.iterdir()
    return path


def test_ids_and_keys_are_not_the_same_twice():
    for make, length in ((identity.new_session_id, 16), (identity.new_user_key, 32)):
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert {len(each) for each in made} == {length}


def test_a_user_is_named_by_the_hash_of_the_key():
    assert identity.user_id_of("key") == hashlib.sha256(b"key").hexdigest()[:16]
    assert identity.user_id_of("kéy") != identity.user_id_of("key")


def test_a_secret_is_known_by_its_hash():
    kept = identity.hash_of("secret")
    assert kept == hashlib.sha256(b"secret").digest()
    assert identity.is_secret("secret", kept)
    for wrong in ("", "Secret", "secret ", "sécret"):
        assert not identity.is_secret(wrong, kept)


def test_each_session_has_a_secret_of_its_own():
    secrets = Secrets(b"k" * 32)
    assert secrets.of("one") == secrets.of("one")
    assert secrets.of("one") != secrets.of("two")
    assert Secrets(b"l" * 32).of("one") != secrets.of("one")
    assert Secrets().of("one") != Secrets().of("one")
    assert len(secrets.of("one")) == 43, "256 bits"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_key_is_made_for_nobody_else(tmp_path, umask):
    folder = tmp_path / "data" / "here"
    before = os.umask(umask)
    try:
        kept_in(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(key_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(key_file(folder).read_bytes()) == 32


def test_secrets_are_the_same_after_a_restart(tmp_path):
    first = kept_in(tmp_path).of("s")
    key = key_file(tmp_path).read_bytes()
    assert kept_in(tmp_path).of("s") == first
    assert key_file(tmp_path).read_bytes() == key


@pytest.mark.parametrize("damaged", [b"", b"short", b"k" * 33])
def test_a_damaged_key_is_replaced_and_that_is_said(tmp_path, damaged):
    first = kept_in(tmp_path).of("s")
    key_file(tmp_path).write_bytes(damaged)
    with structlog.testing.capture_logs() as logs:
        second = kept_in(tmp_path)
    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("the key of sessions is damaged", "error")
    ]
    assert damaged.decode() not in str(logs) or not damaged
    assert second.of("s") != first
    assert kept_in(tmp_path).of("s") == second.of("s")
    assert stat.S_IMODE(key_file(tmp_path).stat().st_mode) == 0o600


def test_what_was_left_half_made_is_no_key(tmp_path):
    (tmp_path / "sessions.new").write_bytes(b"half")
    first = kept_in(tmp_path).of("s")
    assert kept_in(tmp_path).of("s") == first
    assert key_file(tmp_path).name == "sessions.key"


def test_a_folder_that_cannot_be_used_is_told_without_its_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        kept_in(tmp_path / "file" / "data")
    assert str(tmp_path) not in caught.value.message
    assert "server.data_dir" in caught.value.suggested_action

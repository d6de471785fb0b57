"""Who may do what with a session: ids that can be logged, and secrets that nobody can guess.

A user is whoever knows a user key; a session can also be resumed with its own secret. Both are made
here and compared in constant time; none is kept, only their hashes are.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final

import structlog

from voicechat.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_KEY_BYTES: Final = 32
_FILE: Final = "sessions.key"


def new_session_id() -> str:
    """Safe to log and to show."""
    return secrets.token_hex(8)


def new_user_key() -> str:
    """Proves that somebody is a user: to be kept like a password."""
    return secrets.token_urlsafe(24)


def user_id_of(user_key: str) -> str:
    """Names the user who knows this key; safe to log."""
    return hashlib.sha256(user_key.encode()).hexdigest()[:16]


def hash_of(secret: str) -> bytes:
    """What is kept of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, kept: bytes) -> bool:
    """Whether a secret is the one of which `kept` is the hash."""
    return hmac.compare_digest(hash_of(secret), kept)


class Secrets:
    """Makes the secret of a session from its id: the same again after a restart.

    Args:
        key: Without it nobody can make one.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(_KEY_BYTES)

    def of(self, session_id: str) -> str:
        """The secret of a session."""
        digest = hmac.digest(self._key, session_id.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def kept_in(folder: Path) -> Secrets:
    """Secrets with the key of a data folder, which is made when there is none.

    Raises:
        UsageError: It can be neither read nor written.
    """
    path = folder / _FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            key = path.read_bytes()
            if len(key) == _KEY_BYTES:
                return Secrets(key)
            log.error("the key of sessions is damaged", advice="they resume by user key only")
        key = secrets.token_bytes(_KEY_BYTES)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise UsageError(
            f"Nothing can be kept in the data folder: {error.strerror}.",
            suggested_action="Choose another one with server.data_dir, or keep nothing with "
            "sessions.store=memory.",
        ) from None
    return Secrets(key)

"""Lets one server at a time use a folder; the kernel gives it free when that one dies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import structlog

from voicechat.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_NAME: Final = "sessions.lock"


class FolderLock:
    """A lock on a file of the folder, from its making until `release`.

    Args:
        folder: Which is there and may be written.

    Raises:
        UsageError: Another server has it.
        OSError: The file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
        self._file: int | None = os.open(folder / _NAME, flags, 0o600)
        try:
            _take(self._file)
        except UsageError:
            self.release()
            raise

    def release(self) -> None:
        """Give it free."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _take(file: int) -> None:
    try:
        import fcntl  # noqa: PLC0415  (not on all systems; SQLite's own locks keep the file whole)
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            "Another voicechat server keeps its conversations in the same folder.",
            suggested_action="End that one, or give this one another --data-dir, or"
            " --set sessions.store=memory to keep nothing.",
        ) from None
    except OSError as error:  # some network file systems have no locks
        log.warning("the folder of conversations cannot be locked", error=error.strerror)

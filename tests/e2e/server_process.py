"""A server process that can be killed, and started again where it was with all that it had kept."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ServerProcess:
    """See the module; made by `server_in`.

    Attributes:
        port: Where it listens, the same after each start.
        log: All that it and those before it have logged.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("VOICECHAT_")}
        self._environment = kept | {"HOME": str(folder)} | environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "server.log"
        self.port = 0

    @property
    def link(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "voicechat", "serve", "--port", str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
            )
        line = self._process.stdout.readline().decode()
        assert line, self.log.read_text()
        self.port = int(line.rsplit(":", 1)[1].strip(" /\n"))

    def kill(self) -> None:
        """End it without a chance to do anything about it."""
        self._process.kill()
        self._gone()

    def terminate(self) -> None:
        """Ask it to end; `ended` waits for that."""
        self._process.terminate()

    def ended(self, timeout_s: float = 20) -> int:
        """The exit code."""
        code = self._process.wait(timeout_s)
        self._gone()
        return code

    def _gone(self) -> None:
        process, self._process = self._process, None
        process.wait()
        process.stdout.close()

    def stop(self) -> None:
        """The end of a test: it ends well, and nothing went wrong that it did not expect."""
        if self._process is not None:
            self.terminate()
            assert self.ended() == 0
        log = self.log.read_text()
        assert "Traceback" not in log, log


@contextmanager
def server_in(folder: Path, **environment: str) -> Iterator[ServerProcess]:
    """Run a server until the end of the block."""
    server = ServerProcess(folder, environment)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        if server._process is not None:
            server.kill()

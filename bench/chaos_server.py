"""A real server process that can be killed and started again, and what it leaves behind.

It stands on Linux's process descriptors: whether a worker of a killed server has ended is waited
for, and not guessed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
START_TIMEOUT_S = 60
END_TIMEOUT_S = 30
ORPHAN_S = 10.0
"""So long the workers of a killed server may take to end."""


class NoHistory(Exception):
    """A session is not there."""


class ChaosServer:
    """One folder of data, and one server process after another on the same port.

    Args:
        folder: For its data and its log.

    Attributes:
        port: Where it listens; the first process chooses it.
        starts: How many processes there were.
        ready_at: When the present one said so (Trio's clock).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: trio.Process | None = None
        self._children: list[psutil.Process] = []
        self.port = 0
        self.starts = 0
        self.ready_at = 0.0

    @property
    def link(self) -> str:
        """Of its page."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Start a process and wait until it listens.

        Raises:
            RuntimeError: It does not.
        """
        command = [sys.executable, "-m", "voicechat", "serve", "--port", str(self.port)]
        command += ["--set", f"server.data_dir={self._folder / 'data'}", "--log-level", "warning"]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("VOICECHAT_")}
        with self._log.open("ab") as log:
            self._running = await trio.lowlevel.open_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(__file__).parents[1],
                env=kept | {"HOME": str(self._folder)},
            )
        said = bytearray()
        with trio.fail_after(START_TIMEOUT_S):
            while b"\n" not in said:
                data = await self._output.receive_some()
                if not data:
                    raise RuntimeError(f"the server did not start: {self._log.read_text()}")
                said += data
        self.ready_at = trio.current_time()
        self.port = int(said.split()[3].rpartition(b":")[2].strip(b"/"))
        self.starts += 1

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._output.aclose()

    async def orphans(self) -> list[str]:
        """Names of the killed server's workers that go on living; they are ended then."""
        left = [child for child in self._children if not await _ends(child, ORPHAN_S)]
        names = [" ".join(child.cmdline()[-2:]) for child in left]
        for child in left:
            child.kill()
        return names

    async def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        with trio.fail_after(END_TIMEOUT_S):
            await self._process.wait()
        await self._output.aclose()

    async def messages(self, session_id: str, key: str) -> list[dict[str, Any]]:
        """What the server keeps of a session, as everybody may ask for it with a key.

        Raises:
            NoHistory: It does not tell.
        """
        async with httpx.AsyncClient(base_url=self.link, timeout=20) as http:
            answer = await http.get(
                f"/api/v1/sessions/{session_id}/messages?limit=1000",
                headers={"Authorization": f"Bearer {key}"},
            )
            if answer.is_error:
                raise NoHistory(f"the server answers {answer.status_code}: {answer.text}")
            said: list[dict[str, Any]] = answer.json()["messages"]
            return said

    async def integrity(self) -> str:
        """What SQLite says of a copy of the file as it lies there; "ok" if all is well."""
        return await trio.to_thread.run_sync(_integrity, self._folder / "data")

    def complaints(self) -> list[str]:
        """Errors in its log."""
        found = []
        for line in self._log.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                event = {"level": "error", "event": line}
            if event.get("level") in {"error", "critical"}:
                found.append(line[:400])
        return found

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    @property
    def alive(self) -> bool:
        """Whether a process is there."""
        return self._running is not None and self._running.returncode is None

    @property
    def _process(self) -> trio.Process:
        if self._running is None:
            raise RuntimeError("the server was never started")
        return self._running

    @property
    def _output(self) -> trio.abc.ReceiveStream:
        if self._process.stdout is None:
            raise AssertionError("it was started with a pipe")
        return self._process.stdout


@asynccontextmanager
async def chaos_server() -> AsyncIterator[ChaosServer]:
    """A server with real engines and a new folder, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="voicechat-chaos-") as folder:
        server = ChaosServer(Path(folder))
        try:
            await server.start()
            yield server
        finally:
            with trio.CancelScope(shield=True):
                if server.alive:
                    await server.stop()


async def _ends(process: psutil.Process, within_s: float) -> bool:
    """Wait for the end of a process that is no child of ours."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.is_running():  # another one has its number
            return True
        with trio.move_on_after(within_s):
            await trio.lowlevel.wait_readable(descriptor)
            return True
        return False
    finally:
        os.close(descriptor)


def _integrity(folder: Path) -> str:
    """Check a copy: looking at the file itself would mend what a kill has left."""
    with tempfile.TemporaryDirectory(prefix="voicechat-copy-") as copies:
        files = [path for path in folder.iterdir() if path.suffix in {".db", ".sqlite", ".sqlite3"}]
        if not files:
            return f"no database among {[path.name for path in folder.iterdir()]}"
        for path in folder.glob(f"{files[0].name}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, copies)
        with sqlite3.connect(Path(copies) / files[0].name) as database:
            answer: str = database.execute("PRAGMA integrity_check").fetchone()[0]
        database.close()
        return answer

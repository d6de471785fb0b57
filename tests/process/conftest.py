"""The real server as a child process, with its log and its link."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import psutil
import pytest
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

START_TIMEOUT_S = 30
END_TIMEOUT_S = 20


@attrs.define
class ServerProcess:
    """A running `voicechat serve`."""

    process: trio.Process
    log: Path
    link: str = ""
    output: bytearray = attrs.field(factory=bytearray)

    @property
    def websocket(self) -> str:
        return self.link.replace("http", "ws", 1) + "/ws"

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def log_lines(self) -> list[dict]:
        """Every line of standard error, each of which must be an event of the log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def read_link(self) -> None:
        while b"\n" not in self.output:
            data = await self.process.stdout.receive_some()
            assert data, f"the server ended: {self.log.read_text()}"
            self.output += data
        self.link = self.output.decode().split()[-1]

    async def end(self, how: int = signal.SIGTERM) -> int:
        """Signal it, wait, and check that it ended cleanly; the exit code."""
        children = self.children()
        self.process.send_signal(how)
        with trio.fail_after(END_TIMEOUT_S):
            code = await self.process.wait()
        self.output += await self.process.stdout.receive_some()
        assert not [child for child in children if child.is_running()], "a child was left"
        return code


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "voicechat", *arguments]


def environment(home: Path) -> dict[str, str]:
    """Ours without any setting of voicechat, and with a home of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("VOICECHAT_")}
    return kept | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}


@pytest.fixture
def start_server(tmp_path):
    """An async context manager that runs the server with the given flags."""

    @asynccontextmanager
    async def start(*flags: str) -> AsyncIterator[ServerProcess]:
        log = tmp_path / "server.log"
        with log.open("wb") as stderr:
            process = await trio.lowlevel.open_process(
                command("serve", "--port", "0", "--log-level", "debug", *flags),
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=tmp_path,
                env=environment(tmp_path),
            )
        server = ServerProcess(process, log)
        try:
            with trio.fail_after(START_TIMEOUT_S):
                await server.read_link()
            yield server
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                await process.stdout.aclose()

    return start


@pytest.fixture
def open_command(tmp_path):
    """An async context manager that runs a `voicechat` command with pipes for what it writes."""

    @asynccontextmanager
    async def opened(*arguments: str, **environ: str) -> AsyncIterator[trio.Process]:
        process = await trio.lowlevel.open_process(
            command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(tmp_path) | environ,
        )
        try:
            with trio.fail_after(60):
                yield process
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                await process.stdout.aclose()
                await process.stderr.aclose()

    return opened


@pytest.fixture
def run_command(tmp_path):
    """Run a `voicechat` command to its end; returns the completed process with text output."""

    async def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        with trio.fail_after(60):
            done = await trio.run_process(
                command(*arguments),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                cwd=tmp_path,
                env=environment(tmp_path) | environ,
            )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run

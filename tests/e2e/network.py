"""A network between browser and server that goes away and comes back when a test says so.

A test with a browser has no Trio loop, so the proxy runs as a process of its own, which this
module is as well: it takes one command a line and answers each when it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from tests.chaos.proxy import Proxy, running_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


class Network:
    """The way to a server; made by `network_to`.

    Attributes:
        link: Where the browser finds the server.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.link = f"http://127.0.0.1:{self._answer()}"

    def goes(self) -> None:
        """All connections break, and no new one can be made."""
        self._do("goes")

    def comes_back(self) -> None:
        """New connections can be made."""
        self._do("comes_back")

    def breaks(self) -> None:
        """All connections break; new ones can be made at once."""
        self._do("breaks")

    def _do(self, command: str) -> None:
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()
        assert self._answer() == "done"

    def _answer(self) -> str:
        return self._process.stdout.readline().decode().strip()


@contextmanager
def network_to(port: int) -> Iterator[Network]:
    """Run a network to the server at `port` until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.network", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        try:
            yield Network(process)
        finally:
            process.stdin.close()  # it ends with its commands
            assert process.wait(10) == 0


async def obey(proxy: Proxy, command: str) -> None:
    match command:
        case "goes":
            proxy.close_door()
            proxy.cut()
        case "comes_back":
            await proxy.open_door()
        case "breaks":
            proxy.cut()


async def main(port: int) -> None:
    async with (
        running_proxy("127.0.0.1", port) as proxy,
        trio.lowlevel.FdStream(os.dup(0)) as commands,
        trio.lowlevel.FdStream(os.dup(1)) as answers,
    ):
        await answers.send_all(f"{proxy.port}\n".encode())
        async for line in commands:  # a command is answered before the next one is sent
            await obey(proxy, line.decode().strip())
            await answers.send_all(b"done\n")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))

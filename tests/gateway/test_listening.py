"""Opening the port: plain words where it cannot be opened, and the links to where it was."""

from __future__ import annotations

import resource
import socket

import pytest
import trio

from voicechat.errors import UsageError
from voicechat.gateway.front_door import DoorSettings, serve
from voicechat.gateway.http import new_app
from voicechat.gateway.listening import Bound

pytestmark = pytest.mark.requirement("P-4")


async def serve_briefly(**where) -> None:
    shutdown = trio.Event()
    shutdown.set()
    await serve(
        new_app("x"), lambda ws: ws.close(), settings=DoorSettings(**where), shutdown=shutdown
    )


async def test_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError) as error:
            await serve_briefly(port=port)
    assert error.value.message == (
        f"port {port} on 127.0.0.1 is in use; stop the other program or use --port"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "999.1.1.1", "no host"])
async def test_bad_host_is_one_clear_line(host) -> None:
    with pytest.raises(UsageError, match="--host") as error:
        await serve_briefly(host=host, port=0)
    assert "\n" not in error.value.message


async def test_too_many_open_files_do_not_end_the_server(open_door, caplog) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with open_door() as door:
        waiting = trio.socket.socket()
        lowest_free = waiting.fileno() + 1
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            await waiting.connect(("127.0.0.1", door.port))
            with trio.fail_after(5):
                while "EMFILE" not in caplog.text:
                    await trio.lowlevel.checkpoint()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        stream = trio.SocketStream(waiting)
        async with stream:
            await stream.send_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


def test_bound_addresses_are_links() -> None:
    assert Bound("http", "127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Bound("https", "::1", 8000).url == "https://[::1]:8000"

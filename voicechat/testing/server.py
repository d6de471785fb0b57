"""A server for the length of a test, in its process: a free port, and nothing kept on disk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from voicechat.server import serve
from voicechat.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def running_server(settings: Settings | None = None) -> AsyncIterator[str]:
    """Run a whole server with its engines, at a free port of this machine.

    Args:
        settings: Its settings; address, port and `sessions.store` are replaced. Defaults otherwise.

    Yields:
        Its link, for `open_client`.

    Raises:
        ExceptionGroup: Around what the block raises, or what keeps the server from starting.
    """
    settings = settings or Settings()
    settings = attrs.evolve(
        settings,
        server=attrs.evolve(settings.server, host="127.0.0.1", port=0),
        sessions=attrs.evolve(settings.sessions, store="memory"),
    )
    send, receive = trio.open_memory_channel[list[str]](1)
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await serve(settings, on_ready=send.send_nowait, signals=False)

        nursery.start_soon(run)
        yield (await receive.receive())[0]
        nursery.cancel_scope.cancel()

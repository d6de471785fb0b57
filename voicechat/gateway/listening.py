"""Opens the one TCP port, and says in one plain line why it cannot be opened."""

from __future__ import annotations

import errno
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

import attrs
import trio

from voicechat.errors import UsageError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

BACKLOG = 1024


@attrs.frozen
class Bound:
    """An address on which the server listens."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The link to it, without a path."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


Listening: TypeAlias = "tuple[list[trio.SocketListener], list[Bound]]"


@asynccontextmanager
async def listening(host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[Listening]:
    """Open the port; close it at the end of the block, whoever had it.

    Args:
        host: Address or name to listen on; a name may have several addresses.
        port: TCP port; 0 takes a free one.
        tls: None accepts plain connections.

    Yields:
        The listeners, and the address of each.

    Raises:
        UsageError: It cannot listen there; says why and what to do.
    """
    listeners = await _open(host, port)
    scheme = "http" if tls is None else "https"
    bound = [Bound(scheme, *listener.socket.getsockname()[:2]) for listener in listeners]
    try:
        if tls is None:
            yield listeners, bound
        else:
            secured = [trio.SSLListener(one, tls, https_compatible=True) for one in listeners]
            # They differ in the streams that they give; who accepts takes both kinds.
            yield cast("list[trio.SocketListener]", secured), bound
    finally:
        for listener in listeners:
            listener.socket.close()


async def _open(host: str, port: int) -> list[trio.SocketListener]:
    where = f"port {port} on {host}"
    try:
        return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except socket.gaierror:
        raise UsageError(
            f"{host!r} is not an address of this machine; use 127.0.0.1 or change --host"
        ) from None
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            line = f"{where} is in use; stop the other program or use --port"
        elif number in {errno.EACCES, errno.EPERM}:
            line = f"{where} needs more rights; use a port above 1023"
        elif number in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            line = f"{host} is not an address of this machine; change --host"
        else:
            line = f"cannot listen on {where}; check --host and --port"
        raise UsageError(line) from None

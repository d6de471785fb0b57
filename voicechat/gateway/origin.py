"""Decides which pages and host names may talk to this server. PURE.

A browser lets any page open a WebSocket to any server, and a page whose name suddenly resolves to
127.0.0.1 (DNS rebinding) looks same-origin to it. So the server checks itself: the ``Host`` must be
a name that it knows (an IP address cannot be rebound, so those are always fine), and the ``Origin``
must be the server's own or one that was allowed.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection

AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})))"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\s]+)", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@attrs.frozen
class Authority:
    """A host and maybe a port, normalised so that equal ones compare equal."""

    host: str
    port: int | None
    is_ip: bool

    @classmethod
    def parse(cls, text: str) -> Authority | None:
        """Read ``name``, ``1.2.3.4`` or ``[v6]``, maybe with ``:port``; None if it is none."""
        match = AUTHORITY.fullmatch(text)
        if match is None:
            return None
        port = int(match["port"]) if match["port"] else None
        if port is not None and not 0 < port < 65_536:
            return None
        try:
            if match["ipv6"]:
                return cls(str(ipaddress.IPv6Address(match["ipv6"])), port, is_ip=True)
            return cls(str(ipaddress.IPv4Address(match["name"])), port, is_ip=True)
        except ipaddress.AddressValueError:
            if match["ipv6"]:
                return None
        return cls(match["name"].lower().removesuffix("."), port, is_ip=False)


def check_host(host: str | None, allowed: Collection[str] = ()) -> bool:
    """Tell whether a ``Host`` header names this server.

    Args:
        host: The header's value, None if there was none.
        allowed: Names, each with or without a port (without one, any port is fine). ``localhost``
            and IP addresses need not be listed.
    """
    asked = None if host is None else Authority.parse(host)
    if asked is None:
        return False
    if asked.is_ip or asked.host == "localhost":
        return True
    names = (Authority.parse(name) for name in allowed)
    return any(
        name is not None and name.host == asked.host and name.port in {None, asked.port}
        for name in names
    )


def check_origin(
    origin: str | None, host: str | None, scheme: str, allowed: Collection[str] = ()
) -> bool:
    """Tell whether a page of this origin may talk to this server.

    Args:
        origin: The ``Origin`` header; None (no browser sent this) is fine, ``null`` never is.
        host: The ``Host`` header.
        scheme: ``http`` or ``https``: what the request came over.
        allowed: Further origins, as ``https://name`` or ``https://name:port``.
    """
    if origin is None:
        return True
    asked = _origin(origin)
    if asked is None:
        return False
    own = None if host is None else _origin(f"{scheme}://{host}")
    return asked == own or any(asked == _origin(other) for other in allowed)


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin; None if it is not one."""
    match = ORIGIN.fullmatch(text)
    authority = Authority.parse(match["authority"]) if match else None
    if match is None or authority is None:
        return None
    port = DEFAULT_PORTS[match["scheme"]] if authority.port is None else authority.port
    return match["scheme"], authority.host, port


@attrs.frozen
class Refusal:
    """Why a request is turned away, in words for a person.

    Attributes:
        status: The HTTP status.
        error: A code for programs.
        message: What is wrong.
        suggested_action: What to do about it.
    """

    status: int
    error: str
    message: str
    suggested_action: str

    def as_json(self) -> dict[str, str]:
        """The body of the answer."""
        return {
            "error": self.error,
            "message": self.message,
            "suggested_action": self.suggested_action,
        }


UNKNOWN_HOST = Refusal(
    421,
    "forbidden",
    "This server does not answer under the host name of the request.",
    "Open it as localhost or by its IP address, or add the name to the allowed hosts.",
)
FOREIGN_ORIGIN = Refusal(
    403,
    "forbidden",
    "Pages of another origin may not talk to this server.",
    "Open the server's own page, or add the page's origin to the allowed origins.",
)


@attrs.frozen
class Guard:
    """The two checks with their lists.

    Attributes:
        hosts: Names under which the server is reached, beside localhost and IP addresses.
        origins: Origins of pages that may talk to it, beside its own.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def refuse_request(
        self, *, method: str, host: str | None, origin: str | None, scheme: str
    ) -> Refusal | None:
        """Why an HTTP request is refused; None if it is not.

        Reading is left to the browser's own same-origin rule; what changes something is not, since
        a browser sends a simple POST to another origin without asking.
        """
        if not check_host(host, self.hosts):
            return UNKNOWN_HOST
        if method in SAFE_METHODS or check_origin(origin, host, scheme, self.origins):
            return None
        return FOREIGN_ORIGIN

    def refuse_upgrade(
        self, *, host: str | None, origin: str | None, scheme: str
    ) -> Refusal | None:
        """Why a WebSocket is refused; None if it is not. Always 403, which clients know."""
        if not check_host(host, self.hosts):
            return attrs.evolve(UNKNOWN_HOST, status=403)
        return None if check_origin(origin, host, scheme, self.origins) else FOREIGN_ORIGIN

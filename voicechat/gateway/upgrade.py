"""Tells from the first bytes of a request whether it asks for a WebSocket on our path. PURE.

The answer has to come early: a plain HTTP request is passed on at its first byte that differs, and
only what may still be an upgrade is held back until its head is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto

import attrs
import h11

END_OF_HEAD = re.compile(rb"\n\r?\n")
"""As lenient as h11, or a client with bare line feeds would be held until it times out."""


class Verdict(Enum):
    """What the bytes so far are."""

    NO = auto()
    UNDECIDED = auto()
    YES = auto()


class BadHead(Exception):
    """The head of the request is not valid HTTP/1.1."""


def judge(data: bytes, path: bytes, limit: int) -> Verdict:
    """Decide whether a request is a WebSocket upgrade for a path.

    Args:
        data: The request's first bytes.
        path: For example ``b"/ws"``; a query may follow.
        limit: Bytes of an unfinished head after which it is left to HTTP to refuse it (431).
    """
    want = b"GET " + path
    if data[: len(want)] != want[: len(data)]:
        return Verdict.NO
    if data[len(want) : len(want) + 1] not in {b"", b" ", b"?"}:
        return Verdict.NO
    end = END_OF_HEAD.search(data)
    if end is None:
        return Verdict.UNDECIDED if len(data) < limit else Verdict.NO
    for line in data[: end.start()].split(b"\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"upgrade" and value.strip().lower() == b"websocket":
            return Verdict.YES
    return Verdict.NO


class Headers(Mapping[str, str]):
    """Header fields by name, whatever its case; repeated ones are joined by ``", "``."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        fields: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:  # names only: values can be secrets
        return f"Headers({sorted(self._fields)})"


@attrs.frozen
class Upgrade:
    """The head of a request for a WebSocket, and what came behind it.

    Attributes:
        path: Without the query.
        query: The raw query, without ``?``; may be empty.
        headers: Every field of the head.
        head: The bytes of the head.
        rest: Bytes after it: frames of a client that did not wait for the answer.
    """

    path: str
    query: str
    headers: Headers
    head: bytes = attrs.field(repr=False)
    rest: bytes = attrs.field(repr=False)

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client offers, in its order."""
        names = self.headers.get("sec-websocket-protocol", "").split(",")
        return tuple(stripped for name in names if (stripped := name.strip()))


def parse(data: bytes) -> Upgrade:
    """Take the head of a request apart.

    Args:
        data: Bytes for which `judge` said yes.

    Raises:
        BadHead: They break the rules of HTTP/1.1 (for example two ``Host`` fields).
    """
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise BadHead from error
    if not isinstance(request, h11.Request):
        raise BadHead
    rest = bytes(parser.trailing_data[0])
    path, _, query = request.target.decode("ascii").partition("?")
    head = data[: len(data) - len(rest)]
    return Upgrade(path=path, query=query, headers=Headers(request.headers), head=head, rest=rest)

"""Knows every open WebSocket: how many there may be, whose they are, and what passes over them.

A socket counts from its handshake on, before its client has said anything, so that clients that
never do are bounded as well. Nothing is done for a message here: its socket counts (`Traffic`), and
sums are made when somebody asks.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import attrs
import structlog
import trio

from voicechat.errors import CapacityExceeded
from voicechat.gateway.connection_state import ConnectionEvent, ConnectionState, after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voicechat.gateway.reader import Traffic

log = structlog.get_logger()


class Socket(Protocol):
    """What the registry needs of a WebSocket."""

    @property
    def peer(self) -> str:
        """The client's IP address."""
        ...

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        ...

    @property
    def traffic(self) -> Traffic:
        """Counts what passes."""
        ...


@attrs.define(eq=False, kw_only=True)
class Entry:
    """One open connection. The connection that owns it changes it; others read.

    Attributes:
        id: Safe to log; the same as in the connection's lines in the log.
        peer: The client's IP address.
        user_agent: At most 200 printable characters; the client's own words, so nothing to rely on.
        connected_at: With zone.
        traffic: What has passed so far.
        session_id: The session that it drives now.
        rooms: The rooms that it is in.
    """

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    peer: str = attrs.field(on_setattr=attrs.setters.frozen)
    user_agent: str = attrs.field(on_setattr=attrs.setters.frozen)
    connected_at: datetime = attrs.field(on_setattr=attrs.setters.frozen)
    traffic: Traffic = attrs.field(on_setattr=attrs.setters.frozen)
    session_id: str | None = None
    rooms: frozenset[str] = frozenset()
    _opened: float
    _of_users: dict[str, set[Entry]] = attrs.field(repr=False)
    _user: str | None = attrs.field(default=None, init=False)
    _state: ConnectionState = attrs.field(default=ConnectionState.CONNECTING, init=False)

    @property
    def user(self) -> str | None:
        """The id of its user; None before the hello."""
        return self._user

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life."""
        return self._state

    @property
    def last_activity_at(self) -> datetime:
        """When its client's last message came, with zone; at first when it connected."""
        return self.connected_at + timedelta(seconds=max(0.0, self.last_activity() - self._opened))

    def last_activity(self) -> float:
        """The same in Trio's seconds."""
        return self.traffic.last_message

    def welcome(self, user: str) -> None:
        """Its client has said who it is.

        Args:
            user: The id of the user, safe to log.

        Raises:
            ValueError: It was welcomed before.
        """
        self._happened(ConnectionEvent.WELCOMED)
        if self._state is ConnectionState.CONNECTED:
            self._user = user
            self._of_users.setdefault(user, set()).add(self)

    def goodbye(self) -> None:
        """One side begins to close it; later ones change nothing."""
        self._happened(ConnectionEvent.GOODBYE)

    def gone(self) -> None:
        """Its socket is gone; `Registry.connection` says so."""
        self._happened(ConnectionEvent.GONE)
        self.session_id, self.rooms = None, frozenset()
        if self._user is not None and (own := self._of_users.get(self._user)) is not None:
            own.discard(self)
            if not own:
                del self._of_users[self._user]

    def _happened(self, event: ConnectionEvent) -> None:
        self._state = after(self._state, event)


@attrs.frozen(kw_only=True)
class ConnectionStatistics:
    """What all connections together did since the server was started.

    Attributes:
        open: Connections now.
        limit: As many as there may be at once.
        total: Connections so far, with those that are open.
        refused: Those that were too many.
        messages_in: Messages from clients.
        bytes_in: Bytes in those.
        messages_out: Messages to clients.
        bytes_out: Bytes in those.
    """

    open: int
    limit: int
    total: int
    refused: int
    messages_in: int
    bytes_in: int
    messages_out: int
    bytes_out: int


def _now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The open connections of one server.

    Args:
        limit: So many at once; further ones are refused.
        now: The wall clock.
    """

    def __init__(self, limit: int, *, now: Callable[[], datetime] = _now) -> None:
        self._limit = limit
        self._now = now
        self._entries: dict[str, Entry] = {}
        self._of_users: dict[str, set[Entry]] = {}
        self._total = 0
        self._refused = 0
        self._past = (0, 0, 0, 0)  # of the connections that are closed

    def __len__(self) -> int:
        return len(self._entries)

    @contextmanager
    def connection(self, ws: Socket) -> Iterator[Entry]:
        """Have a socket among the open ones, until the end of the block.

        Raises:
            CapacityExceeded: There are as many as there may be.
        """
        if len(self._entries) >= self._limit:
            self._refused += 1
            log.warning("too many connections", limit=self._limit, peer=ws.peer)
            raise CapacityExceeded(
                "The server has as many connections as it may have.",
                suggested_action="Close another page that talks to it, or try again later.",
            )
        entry = Entry(
            id=self._free_id(),
            peer=ws.peer,
            user_agent=ws.user_agent,
            connected_at=self._now(),
            traffic=ws.traffic,
            opened=trio.current_time(),
            of_users=self._of_users,
        )
        self._entries[entry.id] = entry
        self._total += 1
        try:
            yield entry
        finally:
            del self._entries[entry.id]
            self._past = _sum(self._past, entry.traffic)
            entry.gone()

    def all(self) -> tuple[Entry, ...]:
        """Every open connection, the oldest first."""
        return tuple(self._entries.values())

    def get(self, connection_id: str) -> Entry | None:
        """The open connection with this id."""
        return self._entries.get(connection_id)

    def of_user(self, user: str) -> tuple[Entry, ...]:
        """A user's open connections, in no order."""
        return tuple(self._of_users.get(user, ()))

    def count(self, user: str | None = None) -> int:
        """How many connections are open, of one user or of all."""
        return len(self._entries) if user is None else len(self._of_users.get(user, ()))

    def statistics(self) -> ConnectionStatistics:
        """The sums so far; costs some 0.1 µs for each open connection."""
        sums = self._past
        for entry in self._entries.values():
            sums = _sum(sums, entry.traffic)
        messages_in, bytes_in, messages_out, bytes_out = sums
        return ConnectionStatistics(
            open=len(self._entries),
            limit=self._limit,
            total=self._total,
            refused=self._refused,
            messages_in=messages_in,
            bytes_in=bytes_in,
            messages_out=messages_out,
            bytes_out=bytes_out,
        )

    def _free_id(self) -> str:
        """The id that the log uses for this connection, or another one if there is none."""
        bound = structlog.contextvars.get_contextvars().get("connection_id")
        if isinstance(bound, str) and bound not in self._entries:
            return bound
        return secrets.token_hex(6)


def _sum(sums: tuple[int, int, int, int], traffic: Traffic) -> tuple[int, int, int, int]:
    messages_in, bytes_in, messages_out, bytes_out = sums
    return (
        messages_in + traffic.messages_in,
        bytes_in + traffic.bytes_in,
        messages_out + traffic.messages_out,
        bytes_out + traffic.bytes_out,
    )

"""Where a connection is in its life, as a literal table of transitions. PURE."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConnectionState(StrEnum):
    """Where a connection is in its life.

    ``connecting``: its socket is open, and the client has not said who it is. ``connected``: it
    has. ``closing``: one side has said goodbye. ``closed``: the socket is gone.
    """

    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSING = "closing"
    CLOSED = "closed"


class ConnectionEvent(StrEnum):
    """What can happen to a connection.

    ``welcomed``: the client's hello was good. ``goodbye``: one side begins to close. ``gone``: the
    socket is closed, or the network took it.
    """

    WELCOMED = "welcomed"
    GOODBYE = "goodbye"
    GONE = "gone"


_S, _E = ConnectionState, ConnectionEvent

# Both sides, and the network, can end a connection at any moment: whatever comes late then changes
# nothing. Only a second welcome to the same client is a fault of ours, so it is not in the table.
TRANSITIONS: Final[Mapping[tuple[ConnectionState, ConnectionEvent], ConnectionState]] = (
    MappingProxyType(
        {
            (_S.CONNECTING, _E.WELCOMED): _S.CONNECTED,
            (_S.CONNECTING, _E.GOODBYE): _S.CLOSING,
            (_S.CONNECTING, _E.GONE): _S.CLOSED,
            (_S.CONNECTED, _E.GOODBYE): _S.CLOSING,
            (_S.CONNECTED, _E.GONE): _S.CLOSED,
            (_S.CLOSING, _E.WELCOMED): _S.CLOSING,
            (_S.CLOSING, _E.GOODBYE): _S.CLOSING,
            (_S.CLOSING, _E.GONE): _S.CLOSED,
            (_S.CLOSED, _E.WELCOMED): _S.CLOSED,
            (_S.CLOSED, _E.GOODBYE): _S.CLOSED,
            (_S.CLOSED, _E.GONE): _S.CLOSED,
        }
    )
)


def after(state: ConnectionState, event: ConnectionEvent) -> ConnectionState:
    """The state that follows.

    Raises:
        ValueError: It cannot happen in this state.
    """
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise ValueError(f"a connection that is {state} cannot be {event}")
    return following

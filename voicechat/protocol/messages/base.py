"""The two roots of all messages: direction is a type, so neither side can send the other's."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

U32_MAX = 2**32 - 1
"""Largest turn, stream or sequence number on the wire."""


@attrs.frozen
class ClientMessage:
    """Base of what a client sends. Each subclass names its wire `type`.

    Those that are `numbered` belong to the session: a client that acknowledges counts them from 1,
    keeps them until `InputAck`, and sends them again after a reconnect.
    """

    type: ClassVar[str]
    numbered: ClassVar[bool] = False


@attrs.frozen
class ServerMessage:
    """Base of what the server sends. Each subclass names its wire `type`."""

    type: ClassVar[str]


def has_own_seq(kind: type[Any]) -> bool:
    """Whether `seq` is a field of the message, about the numbers of others, and not its own number.

    Such messages are of the connection, which numbers nothing.
    """
    return any(field.name == "seq" for field in attrs.fields(kind))

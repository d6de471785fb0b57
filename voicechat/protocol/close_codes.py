"""Codes with which the server closes a WebSocket: each says whether to come back.

From 4000 to 4499 a client should reconnect, from 4500 to 4999 it should not, as with centrifuge.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """Why the server closes.

    The first ones are RFC 6455's. ``INTERNAL``: a fault; its session may be resumed.
    ``TRY_LATER``: a limit is reached. ``VANISHED``: the client gave no sign of life. ``SLOW``: it
    does not take or acknowledge what it is sent. ``IDLE``: nothing came from it for long.
    ``OPENED_ELSEWHERE``: another connection drives the session now.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    POLICY = 1008
    TOO_LARGE = 1009
    INTERNAL = 1011
    TRY_LATER = 1013
    VANISHED = 4000
    SLOW = 4001
    OUT_OF_ORDER = 4002
    OPENED_ELSEWHERE = 4500
    IDLE = 4501


FINAL: Final = frozenset({CloseCode.NORMAL, CloseCode.POLICY, CloseCode.TOO_LARGE})
"""Below 4000, those after which a client should not connect again."""


def reconnects(code: int) -> bool:
    """Whether a client that is closed with `code` should connect again."""
    return code not in FINAL and not 4500 <= code <= 4999

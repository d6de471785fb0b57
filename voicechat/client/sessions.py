"""Which session a client wants, which one it has asked for, and which one it drives. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from voicechat.errors import ErrorCode
from voicechat.protocol.messages.session import SessionReady, SessionRestored
from voicechat.protocol.messages.sessions import CreateSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.client.known import Begin, KnownSession, Restored
    from voicechat.protocol.messages.connection import Error
    from voicechat.protocol.messages.session import SessionTerminated

MAX_LEFT: Final = 8
"""Sessions that were left and whose numbers are remembered."""


class Sessions:
    """The sessions of one client.

    Args:
        begin: How to come to the first one.
        client: Whose numbers they are, see `Resume.client`.
        new: Makes what is known of a session.

    Attributes:
        wanted: What is said is for this one.
        driven: What the server sends is of this one; None while it drives none.
        asked: Waits for the server's answer. One at a time, so that answers are unmistakable.
    """

    def __init__(self, begin: Begin, client: str, new: Callable[[Begin], KnownSession]) -> None:
        self._new = new
        self._client = client
        self._left: dict[str, KnownSession] = {}
        self.wanted = new(begin)
        self.driven: KnownSession | None = None
        self.asked: KnownSession | None = None

    @property
    def speaks(self) -> KnownSession | None:
        """The session for which what is said can be sent now."""
        return self.driven if self.driven is self.wanted else None

    def disconnected(self) -> None:
        """The socket is new, or gone: nothing of the old one will be answered."""
        self.driven = self.asked = None

    def turn_to(self, begin: Begin) -> None:
        """Want another session, or one that has ended once more."""
        here, name = self.wanted, None if isinstance(begin, CreateSession) else begin.session_id
        if here.key is not None:
            if here.key.session_id == name and not here.over:
                return
            self._left[here.key.session_id] = here
            if len(self._left) > MAX_LEFT:
                del self._left[next(iter(self._left))]
        there = self._left.pop(name, None) if name is not None else None
        if there is None:
            there = self._new(begin)
        there.begin, there.over = begin, False
        self.wanted = there

    def ask(self) -> Begin | None:
        """What to ask the server for; None where it drives what is wanted, or nothing is."""
        if self.driven is self.wanted or self.wanted.over:
            return None
        self.asked = self.wanted
        opening = self.wanted.opening()
        return None if opening is None else attrs.evolve(opening, client=self._client)

    def arrived(self, message: SessionReady | SessionRestored) -> Restored | None:
        """The server drives the session that was asked for."""
        known, self.asked = self.asked or self.wanted, None
        self.driven = known
        if isinstance(message, SessionReady):
            return known.ready(message)
        return known.restored(message)

    def terminated(self, message: SessionTerminated) -> bool:
        """A session has ended; whether it did because the server ends."""
        ended = [
            known
            for known in (self.wanted, *self._left.values())
            if known.key is not None and known.key.session_id == message.session_id
        ]
        for known in ended:
            known.terminated(message)
            if known is self.driven:
                self.driven = None
        return any(known.reopen for known in ended)

    def refused(self, error: Error) -> bool:
        """What was asked for cannot be had; False where the client is left without a session."""
        if self.driven is not None:  # which goes on
            asked, self.asked = self.asked, None
            if asked is self.wanted:
                self.wanted = self.driven
            return True
        # In these cases a new session follows.
        return error.code in {ErrorCode.SESSION_EXPIRED, ErrorCode.SESSION_NOT_FOUND}

"""A session that is alive, with all that its manager knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import attrs

from voicechat.protocol.messages.session import EndReason, SessionState
from voicechat.session.store.ports import SessionRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.keeper import Keeper
    from voicechat.session.lifecycle import Life
    from voicechat.session.session import Session


class Make(Protocol):
    """Builds a session; it starts nothing."""

    def __call__(
        self,
        session_id: str,
        hello: Hello,
        /,
        *,
        keeper: Keeper | None = None,
        past: SessionRecord | None = None,
    ) -> Session:
        """Build it."""
        ...


@attrs.define(eq=False, kw_only=True)
class Alive:
    """One session.

    Attributes:
        session: It.
        life: Where it is.
        user_id: Whose it is.
        secret: Resumes it.
        created_at: When it was first made.
        title: Given by the user, as far as that happened while it was alive.
        words: Whether anything was said in it, ever.
        news: Whether anything was said in it since it began or was brought back.
        busy: Whether something is being answered, or its agent has work of its own.
        reason: Why it ends, once that is decided.
    """

    session: Session
    life: Life
    user_id: str
    secret: str
    created_at: datetime
    title: str = ""
    words: bool = False
    news: bool = False
    busy: bool = False
    reason: EndReason | None = None

    @property
    def id(self) -> str:
        """Of the session."""
        return self.session.id

    @property
    def worth_keeping(self) -> bool:
        """Whether more would be lost with it than its history can bring back."""
        heard = self.session.incoming.position.stream is not None
        return self.news or self.busy or heard

    def fits(self, hello: Hello) -> bool:
        """Whether a client can drive it as it is: with its rate of speech, and paced its way."""
        mine = self.session.hello
        return (mine.output_rate, mine.reports_playback, mine.acknowledges) == (
            hello.output_rate,
            hello.reports_playback,
            hello.acknowledges,
        )


_SOON_BACK_S: Final = 30.0
"""Who comes back does so within this time, as a rule."""
ENDINGS = {
    EndReason.CLOSED: "The conversation has ended with its connection.",
    EndReason.EXPIRED: "Nobody came back to this conversation for long, so it has ended.",
    EndReason.MAX_DURATION: "This conversation has lasted as long as one may.",
    EndReason.DESTROYED: "This conversation was deleted.",
    EndReason.FAILED: "Something went wrong in this conversation.",
    EndReason.SHUTDOWN: "The server ends.",
    EndReason.CRASHED: "The server has ended without a word.",
}
"""What a person is told."""


def longest_away(sessions: Iterable[Alive], now: float) -> Alive | None:
    """Which session makes room for another one: its client has gone, and nothing is in flight.

    One with nothing new in it goes at once, others when their client has had time to come back.
    """
    away = [
        alive
        for alive in sessions
        if alive.life.state is SessionState.DISCONNECTED
        and not alive.busy
        and (not alive.worth_keeping or alive.life.since <= now - _SOON_BACK_S)
    ]
    return min(away, key=lambda alive: (alive.worth_keeping, alive.life.since), default=None)


def record_of(alive: Alive, secret_hash: bytes) -> SessionRecord:
    """What is to be kept of a session that begins."""
    return SessionRecord(
        session_id=alive.id,
        user_id=alive.user_id,
        secret_hash=secret_hash,
        state=SessionState.ACTIVE,
        created_at=alive.created_at,
        last_active_at=alive.created_at,
    )

"""What sessions need of whoever keeps them: a file and a dictionary fit alike.

What is to be kept comes as changes, a batch of them as one transaction: after `Store.apply` has
returned, not even ``kill -9`` can take it back. Secrets are kept as hashes only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from voicechat.protocol.messages.conversation import Origin
    from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker


@attrs.frozen(kw_only=True)
class SessionRecord:
    """What is kept of a session beside its messages.

    Attributes:
        session_id: Safe to log.
        user_id: Whose it is; safe to log.
        secret_hash: SHA-256 of its secret, 32 bytes.
        title: Given by the user, or from the first words; may be empty.
        state: Where it is in its life.
        created_at: With zone.
        last_active_at: When something was last said in it; with zone.
        subprocess_pid: Of its engine, where it has a process of its own.
        message_count: Messages that are kept of it.
        total_cost_usd: What its engine has cost.
        is_resumable: Whether it can go on from its history.
        terminated_reason: Why it ended, if it has.
        client_seq: The last number of its client that was kept with a message.
        stream: The microphone stream that `samples` counts.
        samples: How much of it is settled, at its own rate.
        last_turn: The largest number of a turn.
    """

    session_id: str
    user_id: str
    secret_hash: bytes
    title: str = ""
    state: SessionState
    created_at: datetime
    last_active_at: datetime
    subprocess_pid: int | None = None
    message_count: int = 0
    total_cost_usd: float = 0.0
    is_resumable: bool = True
    terminated_reason: EndReason | None = None
    client_seq: int = 0
    stream: int | None = None
    samples: int = 0
    last_turn: int = 0


@attrs.frozen(kw_only=True)
class MessageRecord:
    """Something that was said; unique in its session by `turn` and `speaker`.

    Attributes:
        turn: The turn that it began, or that it answers.
        speaker: Who said it.
        text: All of it.
        heard: The part of an answer that the user has heard.
        origin: What began the turn.
        status: How far it has come.
        at: With zone.
        client_seq: The client's number for it, where it was typed.
    """

    turn: int
    speaker: Speaker
    text: str
    heard: str = ""
    origin: Origin
    status: EntryStatus
    at: datetime
    client_seq: int | None = None


@attrs.frozen
class Found:
    """Where a search found its words.

    Attributes:
        session: In this session.
        snippet: The words in what is around them, each in ``[`` and ``]``; the title, if they are
            only there.
    """

    session: SessionRecord
    snippet: str


# -- changes ------------------------------------------------------------------------------------


@attrs.frozen
class Begin:
    """A session is there."""

    session: SessionRecord


@attrs.frozen(kw_only=True)
class Update:
    """Something about a session has changed; what is None stays as it is.

    Attributes:
        session_id: Which one; nothing happens if there is none.
        title: See `SessionRecord`, as the others.
        state: …
        last_active_at: …
        subprocess_pid: …
        total_cost_usd: …
        is_resumable: …
        terminated_reason: …; a `state` other than expired or terminated forgets it.
        secret_hash: …
    """

    session_id: str
    title: str | None = None
    state: SessionState | None = None
    last_active_at: datetime | None = None
    subprocess_pid: int | None = None
    total_cost_usd: float | None = None
    is_resumable: bool | None = None
    terminated_reason: EndReason | None = None
    secret_hash: bytes | None = None


@attrs.frozen
class Put:
    """Something was said, or has become more: replaces what has the same turn and speaker.

    The session's `message_count`, `last_turn` and `last_active_at` follow; so do `client_seq`, and
    `title` where that is empty (the first line of the user's words, 60 characters at most).

    Attributes:
        session_id: In this session; nothing happens if there is none.
        message: What.
        stream: The microphone stream that the words came from; with `samples`, they and what was
            before them in it are settled.
        samples: See `stream`.
    """

    session_id: str
    message: MessageRecord
    stream: int | None = None
    samples: int = 0


@attrs.frozen
class Forget:
    """The words of `turn` were only the beginning of others: they and its answer are not kept."""

    session_id: str
    turn: int


@attrs.frozen
class Delete:
    """All that is kept of a session is deleted so that it cannot be found in the file any more."""

    session_id: str


Change = Begin | Update | Put | Forget | Delete


def session_id_of(change: Change) -> str:
    """Which session a change is about."""
    return change.session.session_id if isinstance(change, Begin) else change.session_id


class Store(Protocol):
    """Keeps sessions. All but `running` may be called while `running` only."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Open it, and close it at the end of the block.

        Sessions that were alive when the server last ended without a word are terminated with
        `EndReason.CRASHED`, resumable; a question without a whole answer gets one that is
        `EntryStatus.LOST`, and an open answer becomes so; sessions without a message are deleted.

        Raises:
            UsageError: Another server uses the same file, or it may not be written.
        """
        ...

    async def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """Make changes, all or none, in their order.

        Returns:
            Sessions of which nothing was kept, and to try again is no use, because what is kept of
            them is damaged or does not fit; all other changes are made. Usually none.

        Raises:
            StoreFailed: They could not be kept; none was.
        """
        ...

    async def get(self, session_id: str) -> SessionRecord | None:
        """What is kept of a session; None if there is nothing.

        Raises:
            StoreFailed: It cannot be read; lists leave such a session out.
        """
        ...

    async def of_user(self, user_id: str, *, limit: int) -> tuple[SessionRecord, ...]:
        """The sessions of a user, that with the newest words first."""
        ...

    async def active(self, *, limit: int) -> tuple[SessionRecord, ...]:
        """Sessions that are neither expired nor terminated, the newest first."""
        ...

    async def count(self, user_id: str | None = None) -> int:
        """How many sessions are kept, of one user or of all."""
        ...

    async def messages(
        self, session_id: str, *, limit: int, before: int | None = None
    ) -> tuple[MessageRecord, ...]:
        """The newest messages of a session, oldest first (by turn, the user's words first).

        Args:
            session_id: Which one.
            limit: As many at most.
            before: Only those of smaller turns.
        """
        ...

    async def search(self, user_id: str, words: str, *, limit: int) -> tuple[Found, ...]:
        """Sessions of a user in whose title or messages all words occur, the best first.

        The last word may be only the beginning of one. Nothing in `words` is an operator.
        """
        ...

    async def older_than(self, moment: datetime) -> tuple[str, ...]:
        """Sessions that are expired or terminated, and in which nothing was said since."""
        ...

"""Keeps what is said in one session, before the client is told that it was taken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voicechat.session.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from voicechat.protocol.frames import AudioFrame
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.session.store.ports import Change, MessageRecord

    OnKept = Callable[[bool], None]
    Write = Callable[[Sequence[Change], OnKept], None]


def utc_now() -> datetime:
    """The time as it is kept."""
    return datetime.now(UTC)


class Keeper:
    """Of one session.

    Args:
        session_id: Which one.
        write: Keeps changes, and tells when that is done; None keeps nothing.
        before: What was said before, oldest first.
        now: The wall clock.

    Attributes:
        transcript: All that was said.
    """

    def __init__(
        self,
        session_id: str,
        write: Write | None = None,
        before: Iterable[MessageRecord] = (),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.transcript = Transcript(session_id, before)
        self._write = write
        self._now = now

    def typed(self, turn: int, text: str, client_seq: int | None) -> list[Change]:
        """The user typed this; to be given to `keep` with what tells them so."""
        return self.transcript.typed(turn, text, client_seq, self._now())

    def follow(self, item: ServerMessage | AudioFrame) -> list[Change]:
        """The session sends this; to be given to `keep`."""
        return self.transcript.follow(item, self._now())

    def end(self) -> None:
        """The session ends: keep what has no answer as such."""
        self.keep(self.transcript.end(self._now()), lambda _: None)

    def keep(self, changes: Sequence[Change], on_kept: OnKept) -> bool:
        """Keep changes.

        Args:
            changes: What has changed.
            on_kept: Told when they are kept, or that they cannot be; not before this returns.

        Returns:
            Whether it will be called: nothing need be waited for where nothing is to be kept.
        """
        if self._write is None or not changes:
            return False
        self._write(changes, on_kept)
        return True

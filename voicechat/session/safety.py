"""Acknowledges only what is on disk.

While the disk fails, what is said goes on without that, so that people can talk; the client is told
so once, and goes on keeping what it has said until the disk has it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from voicechat.errors import StoreFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import TranscriptFinal
from voicechat.session.requests import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.protocol.messages.conversation import MessageReceived
    from voicechat.session.incoming import Incoming
    from voicechat.session.keeper import Keeper
    from voicechat.session.outgoing import Item, Outgoing


class Safety:
    """Of one session.

    Args:
        keeper: Keeps what is said.
        incoming: Told what of the client's is safe.
        on_words: Told whenever something was said or answered.
        tell: Reaches the client at once.
    """

    def __init__(
        self,
        keeper: Keeper,
        incoming: Incoming,
        on_words: Callable[[], None],
        tell: Callable[[ServerMessage], None],
    ) -> None:
        self._keeper = keeper
        self._incoming = incoming
        self._on_words = on_words
        self._tell = tell
        self._failing = False  # the client knows that what is said cannot be kept

    def typed(
        self, message: MessageReceived, text: str, outbox: Outgoing, *, numbered: bool
    ) -> bool:
        """The user typed; the client is told with `message`. Returns whether that is safe now."""
        seq, waits = message.client_seq, False
        changes = self._keeper.typed(message.turn, text, seq if numbered else None)

        def keep(on_kept: Callable[[bool], None]) -> bool:
            def kept(well: bool) -> None:  # noqa: FBT001  (the scribe has one argument)
                self._kept(well=well)
                if well:
                    self._incoming.settle(seq)
                on_kept(well)

            nonlocal waits
            waits = self._keeper.keep(changes, kept)
            return waits

        outbox.post(message, keep)
        self._on_words()
        return not waits

    def keep(self, item: Item, on_kept: Callable[[bool], None]) -> bool:
        """Keep what `item` tells the client, before it is told; see `Outgoing`."""
        if isinstance(item, AudioFrame):
            return False
        changes = self._keeper.follow(item)
        if isinstance(item, TranscriptFinal):
            self._incoming.final()

        def kept(well: bool) -> None:  # noqa: FBT001  (the scribe has one argument)
            self._kept(well=well)
            if well and isinstance(item, TranscriptFinal):
                self._incoming.final_kept(item.stream, item.until)
            on_kept(well)

        waits = self._keeper.keep(changes, kept)
        if isinstance(item, TranscriptFinal) and not waits:
            self._incoming.final_kept(item.stream, item.until)
        if changes:
            self._on_words()
        return waits

    def _kept(self, *, well: bool) -> None:
        """Something was kept, or could not be yet: that is told once, until it goes well again."""
        if well or self._failing:
            self._failing = not well
            return
        self._failing = True
        error = StoreFailed(
            "What is said cannot be kept just now.",
            suggested_action="Go on talking; free some space on the server's disk.",
        )
        with suppress(trio.ClosedResourceError):  # it has ended meanwhile
            self._tell(told(error))

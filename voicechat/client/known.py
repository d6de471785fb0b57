"""All that a client knows of one of its sessions, and how it asks for it. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.client.incoming import Incoming
from voicechat.client.outgoing import Outgoing
from voicechat.protocol.messages.session import EndReason, Resume, SessionReady, SessionRestored
from voicechat.protocol.messages.sessions import CreateSession, SwitchSession

if TYPE_CHECKING:
    from voicechat.protocol.messages.audio import Playback
    from voicechat.protocol.messages.session import SessionTerminated

Begin = CreateSession | Resume | SwitchSession
"""The ways to come to a session."""


@attrs.frozen
class SessionKey:
    """What resumes a session, also from another program.

    Attributes:
        session_id: Safe to log.
        secret: To be kept like a password.
    """

    session_id: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class Restored:
    """The session is there again; what was said meanwhile is on its way.

    Attributes:
        session_id: Which one.
        fresh: It is a new session, because the time to come back to the old one was over.
        restarted: The server had to begin anew with what it keeps: `SessionRestored.history` is all
            that was said.
        audio_lost_s: Seconds that the microphone heard and that were too many to be kept.
    """

    session_id: str
    fresh: bool = False
    restarted: bool = False
    audio_lost_s: float = 0.0


@attrs.define(eq=False)
class KnownSession:
    """One session as its client knows it.

    Attributes:
        begin: How to ask for it until it was there for the first time, and after it had ended; None
            while it can be resumed.
        key: None before it was there.
        incoming: What has come of it.
        outgoing: What was said in it.
        over: Whether it has ended: there is nothing to ask for.
        reopen: Whether to go on from its history if need be.
    """

    begin: Begin | None
    key: SessionKey | None = None
    incoming: Incoming = attrs.field(factory=Incoming)
    outgoing: Outgoing = attrs.field(factory=Outgoing)
    over: bool = False
    reopen: bool = False
    _playback: Playback | None = None
    _playback_due: bool = False
    _again: bool = False  # speech that was not played will be sent once more

    def opening(self) -> Begin | None:
        """What to ask for on a new connection; None if there is nothing to ask for."""
        if self.over:
            return None
        epoch, first = self.incoming.epoch, self.outgoing.first_seq
        seq = None if epoch is None else self.incoming.seq
        if isinstance(self.begin, CreateSession):
            return self.begin
        if self.begin is not None:
            self._again = not self.begin.buffered
            return attrs.evolve(self.begin, epoch=epoch, seq=seq, client_seq=first)
        if self.key is None:
            raise AssertionError("a session that was there has a key")
        self._again = not self.incoming.whole
        return Resume(
            session_id=self.key.session_id,
            secret=self.key.secret,
            epoch=epoch,
            seq=seq,
            buffered=self.incoming.whole,
            client_seq=first,
            reopen=self.reopen,
        )

    def ready(self, message: SessionReady) -> Restored | None:
        """It is new; what was said for a session that is over goes to it."""
        fresh = not isinstance(self.begin, CreateSession) or self.key is not None
        if fresh:
            self.outgoing.renumber()
        self._is_there(message)
        self.incoming.begin(message.epoch, 0)
        self._playback = None
        if not fresh:
            return None
        return Restored(message.session_id, fresh=True, audio_lost_s=self.outgoing.take_lost_s())

    def restored(self, message: SessionRestored) -> Restored:
        """It is there again: both sides go on with what the other one lacks."""
        before = self.incoming.epoch
        where = (message.stream, message.samples)
        if before == message.epoch:
            self.outgoing.resend(message.client_seq, message.own_seq, *where)
        elif before is None:
            self.outgoing.renumber(message.client_seq, message.stream)
        else:
            self.outgoing.restart(message.client_seq, *where, message.history or ())
        if before != message.epoch:
            self._playback = None  # its turn is void
        if before != message.epoch or message.history is not None:
            self.incoming.begin(message.epoch, message.seq)
        self.incoming.resumed()
        if message.speech_lost:
            self.incoming.confirm()
        if self._again:
            self.incoming.expect_again()
        self._is_there(message)
        self._playback_due = self._playback is not None
        return Restored(
            message.session_id,
            restarted=before not in {None, message.epoch},
            audio_lost_s=self.outgoing.take_lost_s(),
        )

    def report(self, playback: Playback) -> None:
        """Where the loudspeaker is: the newest is told, and told again on a new connection."""
        self._playback, self._playback_due = playback, True

    def take_report(self) -> Playback | None:
        """The same, when it is due."""
        due, self._playback_due = self._playback_due, False
        return self._playback if due else None

    def terminated(self, message: SessionTerminated) -> None:
        """It has ended: with the server, which may come back with it, or for good."""
        self.reopen = message.reason is EndReason.SHUTDOWN and message.resumable
        self.over = not self.reopen

    def _is_there(self, message: SessionReady | SessionRestored) -> None:
        self.key = SessionKey(message.session_id, message.secret)
        self.begin, self.over, self.reopen = None, False, False

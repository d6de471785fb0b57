"""What a client may ask about sessions on its connection: begin, resume, switch, list, end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import structlog

from voicechat.errors import ErrorCode, ProtocolError, VoicechatError
from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.messages.session import (
    Resume,
    SessionCreating,
    SessionReady,
    SessionRestored,
)
from voicechat.protocol.messages.sessions import (
    CreateSession,
    DestroySession,
    ListSessions,
    RenameSession,
    SessionList,
    SwitchSession,
)
from voicechat.session.requests import told

if TYPE_CHECKING:
    from voicechat.gateway.line import ClientLine
    from voicechat.gateway.registry import Entry
    from voicechat.protocol.messages.base import ClientMessage
    from voicechat.protocol.messages.connection import Hello
    from voicechat.protocol.messages.session import HistoryEntry
    from voicechat.session.alive import Alive
    from voicechat.session.kept import KeptSessions
    from voicechat.session.library import Library
    from voicechat.session.manager import SessionManager

log = structlog.get_logger()

_HISTORY_BYTES: Final = 512 * 1024
"""Of what was said, the newest is told: clients take messages of a megabyte at most."""
_ENTRY_BYTES: Final = 256
"""Of an entry beside its text, at most."""

REQUESTS = (CreateSession, DestroySession, ListSessions, RenameSession, Resume, SwitchSession)
"""What is to be brought here."""


class SessionDesk:
    """Of one connection.

    Args:
        sessions: Those that are alive.
        kept: Finds those that may be driven again.
        library: Those of a user.
        line: Reaches the client.
        entry: The connection, for the registry.
        hello: What the client said it is.
        user_id: Whose sessions they are.

    Attributes:
        comes_back: Whether the client may come back when the connection ends: one that says
            goodbye with code 1000 does not.
    """

    def __init__(
        self,
        sessions: SessionManager,
        kept: KeptSessions,
        library: Library,
        line: ClientLine,
        entry: Entry,
        hello: Hello,
        user_id: str,
    ) -> None:
        self._sessions = sessions
        self._kept = kept
        self._library = library
        self._line = line
        self._entry = entry
        self._hello = hello
        self._user_id = user_id
        self.comes_back = True
        line.on_drives = self._drives

    async def handle(self, message: ClientMessage) -> None:
        """Do what a message asks for.

        Raises:
            VoicechatError: It cannot be done.
        """
        match message:
            case CreateSession(client=client):
                await self.create(client)
            case Resume() | SwitchSession():
                await self._restore(message)
            case DestroySession(session_id=session_id):
                await self._library.destroy(session_id, self._user_id)
                await self._tell_list()
            case RenameSession(session_id=session_id, title=title):
                await self._library.rename(session_id, self._user_id, title)
                await self._tell_list()
            case ListSessions(query=query):
                await self._tell_list(query)
            case _:
                raise TypeError(message.type)

    async def create(self, client: str = "") -> None:
        """Let the connection drive a new session, for the program or page of this name.

        Raises:
            VoicechatError: There cannot be one; a connection without any closes.
        """
        self._line.tell(SessionCreating())
        try:
            alive = self._sessions.create(self._hello, self._user_id)
        except VoicechatError as error:
            if self._line.alive is None:
                self._line.tell(told(error))
                self._line.close(CloseCode.TRY_LATER, error.code)
                return
            raise
        await self._leave()
        self._line.tell(
            SessionReady(
                alive.id,
                alive.secret,
                alive.session.driver.epoch,
                alive.created_at.isoformat(timespec="seconds"),
            )
        )
        self._sessions.drive(alive, self._line, CreateSession(client))
        self._take(alive)

    async def leave(self) -> None:
        """The connection ends."""
        await self._leave()

    # -- inside --------------------------------------------------------------------------------

    async def _restore(self, point: Resume | SwitchSession) -> None:
        self._line.tell(SessionCreating())
        try:
            if isinstance(point, Resume):
                alive = await self._kept.resume(point, self._hello)
            else:
                alive = await self._kept.switch(point, self._hello, self._user_id)
        except VoicechatError as error:
            if self._line.alive is not None:
                raise
            self._line.tell(told(error))
            if error.code in {ErrorCode.SESSION_EXPIRED, ErrorCode.SESSION_NOT_FOUND}:
                await self.create(point.client)
            else:
                self._line.close(CloseCode.TRY_LATER, error.code)
            return
        if self._line.alive is not alive:
            await self._leave()
        attached = self._sessions.drive(alive, self._line, point)
        history = None if attached.history is None else _newest(attached.history)
        self._line.tell(
            SessionRestored(
                alive.id,
                alive.secret,
                alive.session.driver.epoch,
                attached.seq,
                alive.title,
                attached.client_seq,
                attached.own_seq,
                attached.stream,
                attached.samples,
                history,
                attached.speech_lost,
                attached.truncated or (history or ()) != (attached.history or ()),
            )
        )
        alive.session.conversation.speak = self._hello.speak
        self._take(alive)

    def _take(self, alive: Alive) -> None:
        self._line.alive = alive
        self._line.wake()
        self._line.ack()
        log.info("session driven", session_id=alive.id, peer=self._entry.peer)

    def _drives(self, session_id: str | None) -> None:
        self._entry.session_id = session_id

    async def _leave(self) -> None:
        alive, self._line.alive = self._line.alive, None
        if alive is not None:
            await self._sessions.leave(alive, self._line, comes_back=self.comes_back)

    async def _tell_list(self, query: str = "") -> None:
        if not self._user_id:
            raise ProtocolError(
                "This connection belongs to no user.",
                suggested_action="Give the user_key of an earlier welcome in the hello.",
            )
        sessions = await self._library.infos(self._user_id, query)
        current = None if self._line.alive is None else self._line.alive.id
        self._line.tell(SessionList(query, sessions, current))


def _newest(history: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    """As much of it as one message can take."""
    room, kept = _HISTORY_BYTES, len(history)
    while kept and (room := room - _ENTRY_BYTES - len(json.dumps(history[kept - 1].text))) >= 0:
        kept -= 1
    return history[kept:]

"""The family of one session: resume it after the network was lost, acknowledge, and its end.

A session outlives its connection. What the server sends of it is numbered (`seq`) and kept until
the client acknowledges it; what the client sends of it is numbered by the client, and kept there
until the server acknowledges it. So after a reconnect both sides know what the other one lacks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import attrs

from voicechat.protocol.fields import number, text
from voicechat.protocol.messages.base import U32_MAX, ClientMessage, ServerMessage
from voicechat.protocol.messages.conversation import Origin  # noqa: TC001  (the codec resolves it)

MAX_ID = 64
"""Longest id of a session, and of an epoch, in characters."""
MAX_CLIENT = 64
"""Longest name of a program or page in characters."""
_SECRET = 128


class SessionState(StrEnum):
    """Where a session is in its life.

    ``creating``: it is being made. ``active``: a connection drives it. ``idle``: one does, but
    nothing was said for long, and what answers was released. ``disconnected``: no connection; it
    goes on and waits for one. ``expired``: nobody came back; its history is kept.
    ``terminated``: it was ended; its history is kept unless the session was destroyed.
    """

    CREATING = "creating"
    ACTIVE = "active"
    IDLE = "idle"
    DISCONNECTED = "disconnected"
    EXPIRED = "expired"
    TERMINATED = "terminated"


class EndReason(StrEnum):
    """Why a session ended.

    ``closed``: its client went, and is not one that comes back. ``expired``: its client did not
    come back in time. ``max_duration``: it lasted as long as a session may. ``destroyed``: by its
    user, with its history. ``failed``: by a fault inside. ``shutdown``: the server ended.
    ``crashed``: the server ended without a word.
    """

    CLOSED = "closed"
    EXPIRED = "expired"
    MAX_DURATION = "max_duration"
    DESTROYED = "destroyed"
    FAILED = "failed"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"


class Speaker(StrEnum):
    """Who said something."""

    USER = "user"
    ASSISTANT = "assistant"


class EntryStatus(StrEnum):
    """How far something that was said has come.

    ``open``: it is being said. ``complete``: it is whole. ``interrupted``: it stopped early.
    ``failed``: it could not be made. ``lost``: the server ended before it was there; asking again
    gives an answer.
    """

    OPEN = "open"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    LOST = "lost"


# -- from the client ---------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Resume(ClientMessage):
    """Drive a session again, from where this client has come.

    The session may be driven by another connection, which is then closed.

    Attributes:
        session_id: Which session.
        secret: Of the session, from `SessionReady`.
        epoch: From `SessionReady` or `SessionRestored`; None if the client has nothing of it.
        seq: The last message or frame of the session that the client has; None as with `epoch`.
        buffered: True when the speech up to `seq` that was not played yet is still there and will
            be; False has it sent again.
        client_seq: The first number that this client will send again or anew.
        reopen: Go on from its history when the time to resume is over; False begins a new session
            instead.
        client: Random, and new for each program or page: whose messages the numbers were. Clients
            of one session count in one row, and one may take over from another. Empty for who does
            not share its session, and where a `Hello` with `start` began it.
    """

    type: ClassVar[str] = "resume"
    session_id: str = text(min_length=1, max_length=MAX_ID)
    secret: str = text(min_length=1, max_length=_SECRET)
    epoch: str | None = text(max_length=MAX_ID, default=None)
    seq: int | None = number(ge=0, le=U32_MAX, default=None)
    buffered: bool = False
    client_seq: int = number(ge=1, le=U32_MAX, default=1)
    reopen: bool = False
    client: str = text(max_length=MAX_CLIENT, default="")


@attrs.frozen
class Ack(ClientMessage):
    """The client has everything of its session up to `seq`: the server need not keep it."""

    type: ClassVar[str] = "ack"
    seq: int = number(ge=0, le=U32_MAX)


# -- from the server ---------------------------------------------------------------------------


@attrs.frozen
class SessionCreating(ServerMessage):
    """A session is being made or brought back."""

    type: ClassVar[str] = "session_creating"


@attrs.frozen
class SessionReady(ServerMessage):
    """This connection drives a new session.

    Attributes:
        session_id: Safe to log and show.
        secret: Resumes the session: to be kept like a password.
        epoch: Of the numbers that follow, which begin with 1.
        created_at: ISO 8601 with zone.
    """

    type: ClassVar[str] = "session_ready"
    session_id: str
    secret: str
    epoch: str
    created_at: str


@attrs.frozen
class HistoryEntry:
    """Something that was said.

    Attributes:
        turn: The turn that it began, or that it answers.
        speaker: Who said it.
        text: All of it.
        origin: What began the turn.
        status: How far it has come.
        at: When, ISO 8601 with zone.
        client_seq: The client's number for it, where it was typed.
    """

    turn: int
    speaker: Speaker
    text: str
    origin: Origin
    status: EntryStatus
    at: str
    client_seq: int | None = None


@attrs.frozen
class SessionRestored(ServerMessage):
    """This connection drives a session that was there before.

    Attributes:
        session_id: Which one.
        secret: Of the session, for a client that switched to it.
        epoch: Of the numbers that follow. A new one says that what the client had of the answer in
            flight and of its microphone streams is void: `history` tells what there is.
        seq: What follows comes after this number; with `Resume.buffered` False, speech that was
            not played comes again with numbers up to it.
        title: See `SessionInfo`.
        client_seq: The last number that the server has taken, from whichever client; with a new
            epoch the last that was kept. What it lacks is to be numbered from the next one on.
        own_seq: The last of these that this client (see `Resume.client`) has said in this epoch; 0
            if there is none. Up to it the server has what the client said and is not to get it
            again, but it may not be on disk yet: to be forgotten when `InputAck` covers it.
        stream: The microphone stream that the server knows; None if there is none.
        samples: How much of it the server has, at its own rate: what is above it is to be sent
            again. With a new epoch it is how much is settled, see `InputAck`.
        history: What was said, oldest first, where the client has nothing or another epoch; of a
            long conversation the newest part. Else None, and what the client lacks follows. With
            another epoch all of it is on disk; it tells what of the client's own was kept.
        speech_lost: Whether speech had to be forgotten that the client has not got; its text is
            there. Told until the client says or acknowledges something.
        truncated: Whether `history` lacks the oldest part of what was said.
    """

    type: ClassVar[str] = "session_restored"
    session_id: str
    secret: str
    epoch: str
    seq: int
    title: str
    client_seq: int
    own_seq: int
    stream: int | None
    samples: int
    history: tuple[HistoryEntry, ...] | None
    speech_lost: bool
    truncated: bool


@attrs.frozen
class InputAck(ServerMessage):
    """What the client need not keep of what it has sent; not numbered, about every quarter second.

    Attributes:
        client_seq: Its messages up to this number have been handled, and kept where they are part
            of the conversation.
        stream: The microphone stream that `samples` counts; None if none was opened.
        samples: Audio up to here is settled, at the stream's own rate: it was no speech, or its
            words are kept. What is above it can be asked for again after a crash.
    """

    type: ClassVar[str] = "input_ack"
    client_seq: int
    stream: int | None
    samples: int


@attrs.frozen
class SessionWarning(ServerMessage):
    """The session will end in `remaining_seconds`, because it has lasted for long."""

    type: ClassVar[str] = "session_warning"
    remaining_seconds: float


@attrs.frozen
class SessionRestarting(ServerMessage):
    """What answers had been released, and is being made again; the conversation is kept."""

    type: ClassVar[str] = "session_restarting"
    reason: str


@attrs.frozen
class SessionTerminated(ServerMessage):
    """The session has ended; the connection lives on and can begin or resume another.

    Attributes:
        session_id: Which one.
        reason: Why.
        message: The same for a person.
        resumable: Whether `SwitchSession` can go on from its history.
    """

    type: ClassVar[str] = "session_terminated"
    session_id: str
    reason: EndReason
    message: str
    resumable: bool

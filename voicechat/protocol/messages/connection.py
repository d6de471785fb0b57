"""The family that opens, keeps and ends a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from voicechat.errors import ErrorCode  # noqa: TC001  (the codec resolves it at run time)
from voicechat.protocol.fields import number, text
from voicechat.protocol.messages.base import U32_MAX, ClientMessage, ServerMessage

if TYPE_CHECKING:
    from voicechat.errors import VoicechatError

PROTOCOL_VERSION = 1


@attrs.frozen
class Hello(ClientMessage):
    """The first message of a client: what it speaks and how it wants to hear.

    Attributes:
        protocol: Version of this protocol.
        client: Name and version of the client, for logs.
        output_rate: Sample rate in Hz at which the client wants speech.
        speak: False for answers as text only.
        reports_playback: True for a client that sends `Playback` while it plays, several times a
            second and at once when it stops: speech is then sent as it is played. For others the
            server goes by the clock.
        user_key: Proves which user's sessions this client may list and switch to: what an earlier
            `Welcome` gave, or empty to be given one.
        start: True to begin a new session at once; False to say next what to do: `CreateSession`,
            `Resume` or `SwitchSession`.
        acknowledges: True for a client that comes back after its network was lost: it numbers what
            it says, keeps it until `InputAck`, and sends `Ack`. For others the session ends with
            the connection, and its history is kept.
    """

    type: ClassVar[str] = "hello"
    protocol: int = number(ge=1, le=U32_MAX)
    client: str = text(max_length=200, default="")
    output_rate: int = number(ge=8_000, le=96_000, default=24_000)
    speak: bool = True
    reports_playback: bool = False
    user_key: str = text(max_length=128, default="")
    start: bool = True
    acknowledges: bool = False


@attrs.frozen
class Recognizer:
    """What the configured speech recogniser can understand.

    Attributes:
        kind: ``commands`` (only the sentences of the assistant) or ``open`` (free speech).
        examples: Sentences to try.
        hint: What to tell the user about it.
    """

    kind: str
    examples: tuple[str, ...]
    hint: str


@attrs.frozen
class Welcome(ServerMessage):
    """The answer to `Hello`: what the server is and how audio must be sent.

    `SessionReady` or `SessionRestored` follows when this connection drives a session.

    Attributes:
        protocol: Version of this protocol.
        server: Version of voicechat.
        input_rate: Microphone rate in Hz that needs no resampling; others are accepted.
        output_rate: Rate in Hz of the speech that will be sent.
        patience: The configured patience; see `Settings`.
        max_text: Longest user message in characters.
        max_audio_bytes: Largest microphone frame in bytes, header included.
        recognizer: What can be understood.
        user_key: For the next `Hello` of this user: to be kept like a password.
    """

    type: ClassVar[str] = "welcome"
    protocol: int
    server: str
    input_rate: int
    output_rate: int
    patience: float
    max_text: int
    max_audio_bytes: int
    recognizer: Recognizer
    user_key: str


@attrs.frozen
class Settings(ClientMessage):
    """Changes how the session behaves from now on; what is left out stays as it is.

    Attributes:
        speak: False for answers as text only.
        patience: How long to wait in a pause before the user is taken to have finished, from 0
            (fast) to 1 (slow).
    """

    type: ClassVar[str] = "settings"
    numbered: ClassVar[bool] = True
    speak: bool | None = None
    patience: float | None = number(ge=0, le=1, default=None)


@attrs.frozen
class Ping(ClientMessage):
    """Asks for a `Pong`, for browsers, which cannot send protocol pings."""

    type: ClassVar[str] = "ping"
    nonce: str = text(max_length=64, default="")


@attrs.frozen
class Pong(ServerMessage):
    """The answer to `Ping`, with its nonce."""

    type: ClassVar[str] = "pong"
    nonce: str


@attrs.frozen
class Error(ServerMessage):
    """Something that the client sent could not be done; the connection lives on.

    Attributes:
        code: One of the closed set.
        message: What happened, for a person.
        retryable: Whether the same again can succeed later.
        suggested_action: What to do next; may be empty.
        correlation_id: Finds the matching lines in the server's log.
        client_seq: The `seq` of the message that caused it, where known.
    """

    type: ClassVar[str] = "error"
    code: ErrorCode
    message: str
    retryable: bool
    suggested_action: str
    correlation_id: str
    client_seq: int | None = None

    @classmethod
    def of(cls, error: VoicechatError, correlation_id: str) -> Error:
        """The message that tells a client of `error`."""
        return cls(
            error.code,
            error.message,
            error.retryable,
            error.suggested_action,
            correlation_id,
            getattr(error, "client_seq", None),
        )


@attrs.frozen
class ServerShuttingDown(ServerMessage):
    """The server ends; a turn in flight may finish within `grace_s` seconds."""

    type: ClassVar[str] = "server_shutting_down"
    grace_s: float

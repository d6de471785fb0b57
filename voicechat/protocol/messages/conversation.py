"""The family of a turn: what the user said, what the assistant answers, how the turn ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import attrs

from voicechat.errors import ErrorCode  # noqa: TC001  (the codec resolves it at run time)
from voicechat.protocol.fields import number, text
from voicechat.protocol.messages.base import U32_MAX, ClientMessage, ServerMessage

if TYPE_CHECKING:
    from voicechat.errors import VoicechatError

MAX_TEXT = 32_000
"""Longest user message in characters."""


class Origin(StrEnum):
    """What began a turn.

    ``voice``, ``text``: the user. ``assistant``: the assistant itself, as with a timer that rings.
    ``notice``: the server, to say by voice what a message of another type tells as well.
    """

    VOICE = "voice"
    TEXT = "text"
    ASSISTANT = "assistant"
    NOTICE = "notice"


class StopReason(StrEnum):
    """Why an answer stopped before its end.

    ``interrupted``: by an `Interrupt`. ``barge_in``: by the user's voice. ``reopened``: the user
    had not finished; a later turn answers all that was said. ``new_turn``: by another request.
    """

    INTERRUPTED = "interrupted"
    BARGE_IN = "barge_in"
    REOPENED = "reopened"
    NEW_TURN = "new_turn"
    SHUTDOWN = "shutdown"


@attrs.frozen
class UserMessage(ClientMessage):
    """What the user typed."""

    type: ClassVar[str] = "user_message"
    numbered: ClassVar[bool] = True
    text: str = text(min_length=1, max_length=MAX_TEXT)


@attrs.frozen
class Interrupt(ClientMessage):
    """Stops the answer in flight: that of `turn`, or whichever it is."""

    type: ClassVar[str] = "interrupt"
    numbered: ClassVar[bool] = True
    turn: int | None = number(ge=1, le=U32_MAX, default=None)


@attrs.frozen
class MessageReceived(ServerMessage):
    """The user's message with sequence `client_seq` was taken and began `turn`."""

    type: ClassVar[str] = "message_received"
    client_seq: int | None
    turn: int


@attrs.frozen
class TranscriptPartial(ServerMessage):
    """What the words seem to be so far; the next one replaces it.

    Attributes:
        text: The whole text so far.
    """

    type: ClassVar[str] = "transcript_partial"
    text: str


@attrs.frozen
class TranscriptFinal(ServerMessage):
    """What was heard in one utterance.

    Attributes:
        text: The words; empty when nothing was recognised, or needs to be shown.
        accepted: False when the recogniser takes it for speech that it cannot understand. An empty
            text that is accepted was nothing: a cough, assent, the assistant's own echo.
        turn: The turn that it begins, or None where it begins none.
        confidence: How sure the recogniser is, on a scale of its own; None where it cannot say.
        replaces: An earlier turn whose words are the beginning of these: the user went on.
        stream: The microphone stream that they came from.
        until: Where in it they end, at its own rate: audio up to there is settled, see `InputAck`.
    """

    type: ClassVar[str] = "transcript_final"
    text: str
    accepted: bool
    turn: int | None
    confidence: float | None = None
    replaces: int | None = None
    stream: int | None = None
    until: int = 0


@attrs.frozen
class TurnStarted(ServerMessage):
    """An answer begins; everything that belongs to it carries `turn`."""

    type: ClassVar[str] = "turn_started"
    turn: int
    origin: Origin


@attrs.frozen
class StreamDelta(ServerMessage):
    """The next piece of the answer's text."""

    type: ClassVar[str] = "stream_delta"
    turn: int
    text: str


@attrs.frozen
class TurnTimings:
    """When each stage was reached, in ms after the user had finished (or began waiting).

    For speech the zero is the end of speech as voice activity saw it; for text the receipt of the
    message; for the assistant's own turns their begin. None: the stage was not reached.

    Attributes:
        endpoint_ms: The end of the turn was decided.
        stt_final_ms: The final transcript was there.
        first_token_ms: The agent gave its first text.
        first_audio_ms: The first frame of speech left for the client.
        first_played_ms: The client said for the first time that it plays.
    """

    endpoint_ms: float | None = None
    stt_final_ms: float | None = None
    first_token_ms: float | None = None
    first_audio_ms: float | None = None
    first_played_ms: float | None = None


@attrs.frozen
class ResponseComplete(ServerMessage):
    """The answer is whole and its speech, if any, has been sent.

    Attributes:
        turn: Which answer.
        text: The whole text.
        timings: Its waterfall.
    """

    type: ClassVar[str] = "response_complete"
    turn: int
    text: str
    timings: TurnTimings


@attrs.frozen
class Duck(ServerMessage):
    """Somebody may be interrupting: play the speech of `turn` at `gain` (0…1) from now on.

    A gain of 1 says that it was a false alarm.
    """

    type: ClassVar[str] = "duck"
    turn: int
    gain: float


@attrs.frozen
class StreamInterrupted(ServerMessage):
    """The answer stopped early: drop what is queued of it."""

    type: ClassVar[str] = "stream_interrupted"
    turn: int
    reason: StopReason


@attrs.frozen
class StreamError(ServerMessage):
    """The answer failed; what came before stands.

    Attributes:
        turn: Which answer.
        code: One of the closed set.
        message: What happened, for a person.
        retryable: Whether asking again can succeed.
        suggested_action: What to do next; may be empty.
        correlation_id: Finds the matching lines in the server's log.
    """

    type: ClassVar[str] = "stream_error"
    turn: int
    code: ErrorCode
    message: str
    retryable: bool
    suggested_action: str
    correlation_id: str

    @classmethod
    def of(cls, turn: int, error: VoicechatError, correlation_id: str) -> StreamError:
        """The message that tells a client how `turn` failed."""
        return cls(
            turn,
            error.code,
            error.message,
            error.retryable,
            error.suggested_action,
            correlation_id,
        )

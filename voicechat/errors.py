"""Every error that voicechat raises on purpose, so that callers and clients can tell them apart.

    VoicechatError
    ├── UsageError            a person typed something wrong: one line on stderr, exit code 2
    │   ├── SettingError      a setting has a bad value: names key, value and what is allowed
    │   ├── AudioFileError    a WAV that cannot be used
    │   └── RecordingError    a recorded session that cannot be used
    ├── ProtocolError         a client sent something wrong: it is told, the connection lives
    ├── EngineFailed          a speech engine or agent broke down
    ├── SensorFailed          a thermometer cannot be read
    ├── StoreFailed           sessions cannot be kept or read
    └── CapacityExceeded      a limit is reached; trying again later can work

Each carries a code of the closed set `ErrorCode`, a message for people, whether trying again can
help, and what to do next. None may hold a path, a key, or a library's own text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """The closed set of codes that clients can meet on the wire."""

    INVALID_JSON = "invalid_json"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_TYPE = "unknown_type"
    MESSAGE_TOO_LARGE = "message_too_large"
    INVALID_AUDIO = "invalid_audio"
    HELLO_REQUIRED = "hello_required"
    UNSUPPORTED_PROTOCOL = "unsupported_protocol"
    FORBIDDEN = "forbidden"
    CAPACITY_EXCEEDED = "capacity_exceeded"
    SESSION_NOT_FOUND = "session_not_found"
    SESSION_EXPIRED = "session_expired"
    SESSION_REQUIRED = "session_required"
    OUT_OF_ORDER = "out_of_order"
    STORAGE_FAILED = "storage_failed"
    BACKPRESSURE = "backpressure"
    ENGINE_FAILED = "engine_failed"
    INTERNAL = "internal"
    SERVER_SHUTTING_DOWN = "server_shutting_down"
    THERMAL_PAUSED = "thermal_paused"
    USAGE = "usage"


class VoicechatError(Exception):
    """Base of all of them.

    Args:
        message: What happened, in one sentence for a person.
        suggested_action: What to do next, in one sentence; may be empty.
        code: Replaces the class's own code.
    """

    code: ErrorCode = ErrorCode.INTERNAL
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, suggested_action: str = "", code: ErrorCode | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.suggested_action = suggested_action
        if code is not None:
            self.code = code


class UsageError(VoicechatError):
    """Bad input of the person at the command line; the process ends with exit code 2."""

    code = ErrorCode.USAGE


class SettingError(UsageError):
    """A setting's value is not allowed; the message names key, value and what is allowed."""


class AudioFileError(UsageError):
    """A WAV file is missing, truncated or of a format that cannot be used."""


class RecordingError(UsageError):
    """A recorded session is missing, damaged, of another version, or needs what is not here."""


class ProtocolError(VoicechatError):
    """A client's message or frame is wrong; it is told so and the connection lives."""

    code = ErrorCode.INVALID_MESSAGE
    client_seq: int | None = None
    """The `seq` of the message that caused it, where it could be read."""


class EngineFailed(VoicechatError):
    """A speech engine or an agent could not do its work."""

    code = ErrorCode.ENGINE_FAILED
    retryable = True


class SensorFailed(VoicechatError):
    """A thermometer cannot be read, or tells nonsense."""

    retryable = True


class StoreFailed(VoicechatError):
    """Sessions cannot be kept or read: the disk is full, or the file is damaged."""

    code = ErrorCode.STORAGE_FAILED
    retryable = True


class CapacityExceeded(VoicechatError):
    """A configured limit is reached."""

    code = ErrorCode.CAPACITY_EXCEEDED
    retryable = True


def expected(error: BaseException) -> VoicechatError | None:
    """The error that was raised on purpose, out of the groups that nurseries make.

    None when something else went wrong as well: that deserves a traceback.
    """
    if isinstance(error, BaseExceptionGroup) and error.split(VoicechatError)[1] is not None:
        return None
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, VoicechatError) else None

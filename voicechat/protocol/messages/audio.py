"""The family around microphone streams and playback; samples travel in binary frames."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import attrs

from voicechat.protocol.fields import number
from voicechat.protocol.messages.base import U32_MAX, ClientMessage, ServerMessage


class ListenMode(StrEnum):
    """How the end of a turn is found.

    ``hands_free``: the server decides from voice activity. ``push_to_talk``: the whole stream is
    one turn, ended by `AudioClose`.
    """

    HANDS_FREE = "hands_free"
    PUSH_TO_TALK = "push_to_talk"


@attrs.frozen
class AudioOpen(ClientMessage):
    """A microphone stream begins; its frames carry `stream` and count samples from 0.

    Attributes:
        stream: Number chosen by the client, larger than that of any stream before.
        rate: Sample rate in Hz of the frames, mono 16-bit.
        mode: How its turns end.
    """

    type: ClassVar[str] = "audio_open"
    numbered: ClassVar[bool] = True
    stream: int = number(ge=1, le=U32_MAX)
    rate: int = number(ge=8_000, le=96_000)
    mode: ListenMode = ListenMode.HANDS_FREE


@attrs.frozen
class AudioClose(ClientMessage):
    """The microphone stream ends: speech that is still open is a finished turn."""

    type: ClassVar[str] = "audio_close"
    numbered: ClassVar[bool] = True
    stream: int = number(ge=1, le=U32_MAX)


@attrs.frozen
class Playback(ClientMessage):
    """Where the client's loudspeaker is.

    Attributes:
        turn: The turn whose speech is playing.
        played: Samples of it that have been heard, at the output rate.
        done: True when nothing of it is left to play.
    """

    type: ClassVar[str] = "playback"
    turn: int = number(ge=1, le=U32_MAX)
    played: int = number(ge=0, le=2**53)
    done: bool = False


@attrs.frozen
class SpeechStarted(ServerMessage):
    """Voice activity began at sample `at` of microphone stream `stream` (client's rate)."""

    type: ClassVar[str] = "speech_started"
    stream: int
    at: int


@attrs.frozen
class SpeechEnded(ServerMessage):
    """Voice activity paused at sample `at`; the turn is over only when a transcript is final."""

    type: ClassVar[str] = "speech_ended"
    stream: int
    at: int

"""What the user of a client is told, beside what the server says. PURE."""

from __future__ import annotations

import attrs

from voicechat.client.known import Restored
from voicechat.client.state import State  # noqa: TC001  (attrs reads it)
from voicechat.errors import ErrorCode, VoicechatError
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.base import ServerMessage


@attrs.frozen
class StateChanged:
    """The client has another `State`."""

    state: State


Event = ServerMessage | AudioFrame | Restored | StateChanged
"""Messages and frames of speech, each exactly once, and what happens to the connection."""


class DisconnectedError(VoicechatError):
    """What was asked for needs a connection or a session, and there is none."""

    code = ErrorCode.SESSION_REQUIRED
    retryable = True

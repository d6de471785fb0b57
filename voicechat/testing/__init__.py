"""For tests of programs that talk to voicechat: a real server in this process, and the client."""

from __future__ import annotations

from voicechat.client.client import Client, open_client
from voicechat.client.events import DisconnectedError, Event, StateChanged
from voicechat.client.known import Restored, SessionKey
from voicechat.client.state import Phase, Reason, State
from voicechat.testing.server import running_server

__all__ = [
    "Client",
    "DisconnectedError",
    "Event",
    "Phase",
    "Reason",
    "Restored",
    "SessionKey",
    "State",
    "StateChanged",
    "open_client",
    "running_server",
]

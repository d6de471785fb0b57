"""From settings to everything that the server's tree starts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from voicechat.gateway import front_door
from voicechat.gateway.connection import ConnectionHandler
from voicechat.recording.recorder import Recordings
from voicechat.session.manager import SessionManager
from voicechat.wiring import heat
from voicechat.wiring.core import build_core, build_gate
from voicechat.wiring.door import door_settings, http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import trio

    from voicechat.conversation.notice import Notice
    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.session import Session
    from voicechat.settings import Settings
    from voicechat.speech.ports import Engine
    from voicechat.thermal.crowd import Crowd
    from voicechat.thermal.governor import Governor


@attrs.frozen
class Parts:
    """What the tree starts.

    Attributes:
        engines: Speech engines; each is ready before the port opens.
        notice: To be prepared while it is cool, when the engines are ready.
        governor: Watches the heat.
        crowd: Simulated conversations.
        sessions: The branch of sessions.
        probe: Fails with a clear error if the port cannot be opened.
        door: Serves the port until the shutdown is over; reports started with the addresses on
            which clients can then connect.
    """

    engines: tuple[Engine, ...]
    notice: Notice
    governor: Governor
    crowd: Crowd
    sessions: SessionManager
    probe: Callable[[], Awaitable[None]]
    door: Callable[..., Awaitable[None]]


def build(settings: Settings, shutdown: trio.Event) -> Parts:
    """Make every part; nothing runs yet.

    Args:
        settings: The whole tree.
        shutdown: Set when the server begins to end.

    Raises:
        UsageError: A setting does not fit this machine.
    """
    gate = build_gate(settings)
    governor = heat.governor(settings, gate)
    core = build_core(settings, gate, lambda: governor.status.celsius)
    recordings = Recordings(settings) if settings.recording.dir is not None else None

    def make_session(session_id: str, hello: Hello) -> Session:
        tap = None if recordings is None else recordings.begin(session_id, hello)
        return core.session(session_id, hello, tap=tap, climate=governor)

    sessions = SessionManager(make_session, limit=settings.server.max_connections)
    handler = ConnectionHandler(
        sessions=sessions,
        codec=core.codec,
        recognizer=core.recognizer,
        shutdown=shutdown,
        grace_s=settings.server.grace_s,
    )
    where = door_settings(settings.server)
    app = http(sessions, governor, gate)
    return Parts(
        engines=core.engines,
        notice=core.notice,
        governor=governor,
        crowd=heat.crowd(settings, gate),
        sessions=sessions,
        probe=partial(front_door.probe, where),
        door=partial(front_door.serve, app, handler, settings=where, shutdown=shutdown),
    )

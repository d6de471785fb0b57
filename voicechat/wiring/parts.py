"""From settings to everything that the server's tree starts."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import attrs

from voicechat.gateway import front_door
from voicechat.gateway.connection import ConnectionHandler
from voicechat.gateway.registry import Registry
from voicechat.recording.recorder import Recordings
from voicechat.wiring import heat
from voicechat.wiring.core import build_core, build_gate
from voicechat.wiring.door import door_settings, http
from voicechat.wiring.sessions import build as build_sessions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import trio

    from voicechat.conversation.notice import Notice
    from voicechat.protocol.messages.connection import Hello
    from voicechat.session.keeper import Keeper
    from voicechat.session.session import Session
    from voicechat.session.store.ports import SessionRecord
    from voicechat.settings import Settings
    from voicechat.speech.ports import Engine
    from voicechat.thermal.crowd import Crowd
    from voicechat.thermal.governor import Governor
    from voicechat.wiring.sessions import SessionParts


@attrs.frozen
class Parts:
    """What the tree starts.

    Attributes:
        engines: Speech engines; each is ready before the port opens.
        notice: To be prepared while it is cool, when the engines are ready.
        governor: Watches the heat.
        crowd: Simulated conversations.
        sessions: The branch of sessions, with what keeps them and looks after them.
        drain: Ends the sessions when the server begins to end.
        probe: Fails with a clear error if the port cannot be opened.
        door: Serves the port until the shutdown is over; reports started with the addresses on
            which clients can then connect.
    """

    engines: tuple[Engine, ...]
    notice: Notice
    governor: Governor
    crowd: Crowd
    sessions: SessionParts
    drain: Callable[[], Awaitable[None]]
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

    def make_session(
        session_id: str,
        hello: Hello,
        /,
        *,
        keeper: Keeper | None = None,
        past: SessionRecord | None = None,
    ) -> Session:
        tap = None if recordings is None else recordings.begin(session_id, hello)
        return core.session(session_id, hello, tap=tap, climate=governor, keeper=keeper, past=past)

    sessions = build_sessions(settings, make_session)
    server = settings.server
    registry = Registry(server.max_connections)
    handler = ConnectionHandler(
        sessions=sessions.manager,
        kept=sessions.kept,
        library=sessions.library,
        registry=registry,
        codec=core.codec,
        recognizer=core.recognizer,
        patience=settings.conversation.patience,
        shutdown=shutdown,
        heartbeat_s=server.heartbeat_s,
        idle_s=math.inf if isinstance(server.idle_timeout_s, str) else server.idle_timeout_s,
    )
    where = door_settings(server)
    app = http(sessions, registry, governor, gate)

    async def drain() -> None:
        await shutdown.wait()
        await sessions.manager.drain(server.grace_s)

    return Parts(
        engines=core.engines,
        notice=core.notice,
        governor=governor,
        crowd=heat.crowd(settings, gate),
        sessions=sessions,
        drain=drain,
        probe=partial(front_door.probe, where),
        door=partial(front_door.serve, app, handler, settings=where, shutdown=shutdown),
    )

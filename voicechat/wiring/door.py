"""From settings to the port: the application behind it, who may use it, and its certificate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import structlog

from voicechat.api import debug, health, thermal, turns
from voicechat.api import sessions as kept_sessions
from voicechat.gateway import tls
from voicechat.gateway.app import new_app
from voicechat.gateway.front_door import DoorSettings
from voicechat.gateway.origin import Guard
from voicechat.gateway.page import page_blueprint
from voicechat.gateway.reader import SocketLimits
from voicechat.session.store.memory import MemoryStore
from voicechat.settings import is_loopback

if TYPE_CHECKING:
    import ssl

    from quart_trio import QuartTrio

    from voicechat.gateway.registry import Registry
    from voicechat.settings import Server
    from voicechat.thermal.gate import InferenceGate
    from voicechat.thermal.governor import Governor
    from voicechat.wiring.sessions import SessionParts

log = structlog.get_logger()

_LAST_CLOSE_S = 2.0


def http(
    sessions: SessionParts, registry: Registry, governor: Governor, gate: InferenceGate
) -> QuartTrio:
    """The application: page and API.

    Args:
        sessions: Those that live, and those that are kept.
        registry: The connections.
        governor: Watches the heat.
        gate: What it limits.
    """
    app = new_app("voicechat")
    app.register_blueprint(
        health.blueprint(
            lambda: len(sessions.manager),
            lambda: governor.status,
            partial(_statistics, sessions, registry),
        )
    )
    app.register_blueprint(thermal.blueprint(governor, gate))
    app.register_blueprint(debug.blueprint())
    app.register_blueprint(turns.blueprint(sessions.manager.turns))
    app.register_blueprint(kept_sessions.blueprint(sessions.library))
    app.register_blueprint(page_blueprint())
    return app


def _statistics(sessions: SessionParts, registry: Registry) -> dict[str, Any]:
    in_memory = isinstance(sessions.store, MemoryStore)
    kept = {"kept": "failing" if sessions.scribe.failing else "nowhere" if in_memory else "ok"}
    if aside := getattr(sessions.store, "moved_aside", None):
        kept["moved_aside"] = aside
    return {
        "session_states": sessions.manager.statistics(),
        "connections": attrs.asdict(registry.statistics()),
        "conversations": kept,
    }


def door_settings(server: Server) -> DoorSettings:
    """Where the port is, and who may use it.

    Raises:
        UsageError: The certificate cannot be used.
    """
    own_names = frozenset() if is_loopback(server.host) else tls.machine_names()
    return DoorSettings(
        host=server.host,
        port=server.port,
        tls=_tls(server),
        guard=Guard(
            hosts=own_names | {server.host, *server.allowed_hosts},
            origins=frozenset(server.allowed_origins),
        ),
        # Connections end by themselves within the grace period; this is for those that do not.
        grace_period=server.grace_s + _LAST_CLOSE_S,
        sockets=SocketLimits(max_message=server.max_message_bytes),
    )


def _tls(server: Server) -> ssl.SSLContext | None:
    if server.tls_cert is not None and server.tls_key is not None:
        return tls.server_context(server.tls_cert, server.tls_key)
    if not server.tls_self_signed:
        return None
    names = tls.certificate_names()
    names = attrs.evolve(names, lasting=names.lasting | set(server.allowed_hosts))
    made = tls.self_signed(server.data_dir / "tls", names)
    log.info("self-signed certificate", sha256=made.fingerprint, names=sorted(made.names))
    return tls.server_context(made.cert, made.key)

"""Whether the server lives and is ready, for people, service managers and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
from quart import Blueprint, jsonify

import voicechat

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Response

    from voicechat.thermal.status import Status


def blueprint(
    sessions: Callable[[], int],
    thermal: Callable[[], Status],
    statistics: Callable[[], dict[str, Any]] = dict,
) -> Blueprint:
    """Routes `/health`, `/api/v1/health/live` and `/api/v1/health/ready`.

    Args:
        sessions: How many sessions are alive.
        thermal: How hot the machine is.
        statistics: What sessions, connections and the store tell of themselves.
    """
    routes = Blueprint("health", __name__)
    began = trio.current_time()

    @routes.get("/health")
    async def health() -> Response:
        heat = thermal()
        return jsonify(
            status="ok",
            version=voicechat.__version__,
            uptime_s=round(trio.current_time() - began, 1),
            sessions=sessions(),
            thermal={
                "state": heat.state,
                "temperature_c": None if heat.celsius is None else round(heat.celsius, 1),
                "since": heat.since_wall.isoformat(timespec="seconds"),
            },
            **statistics(),
        )

    # The port opens only when every engine is ready: whoever gets an answer gets a ready server.
    @routes.get("/api/v1/health/live")
    @routes.get("/api/v1/health/ready")
    async def ready() -> Response:
        return jsonify(status="ok")

    return routes

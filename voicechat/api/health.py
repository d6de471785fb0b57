"""Whether the server lives and is ready, for people, service managers and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from quart import Blueprint, jsonify

import voicechat

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Response


def blueprint(sessions: Callable[[], int]) -> Blueprint:
    """Routes `/health`, `/api/v1/health/live` and `/api/v1/health/ready`.

    Args:
        sessions: How many sessions are alive.
    """
    routes = Blueprint("health", __name__)
    began = trio.current_time()

    @routes.get("/health")
    async def health() -> Response:
        return jsonify(
            status="ok",
            version=voicechat.__version__,
            uptime_s=round(trio.current_time() - began, 1),
            sessions=sessions(),
        )

    # The port opens only when every engine is ready: whoever gets an answer gets a ready server.
    @routes.get("/api/v1/health/live")
    @routes.get("/api/v1/health/ready")
    async def ready() -> Response:
        return jsonify(status="ok")

    return routes

"""The live task tree, so that "what is it doing?" has an answer while it happens."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from quart import Blueprint, Response, jsonify, request

from voicechat.observability.tasks import render, task_tree

if TYPE_CHECKING:
    from quart.typing import ResponseReturnValue


FORWARDED = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)
"""A reverse proxy on this machine adds at least one: who asks is then somebody behind it."""


def blueprint() -> Blueprint:
    """Route `/api/v1/debug/tasks`: plain text, only for programs on this machine.

    A request that came through a proxy is refused wherever the proxy runs. One that adds no header
    at all cannot be noticed: it should not pass on `/api/v1/debug`.
    """
    routes = Blueprint("debug", __name__)

    @routes.get("/api/v1/debug/tasks")
    async def tasks() -> ResponseReturnValue:
        if not _is_local(request.remote_addr) or any(name in request.headers for name in FORWARDED):
            return jsonify(
                error="forbidden",
                message="The task tree is shown only on the server's own machine.",
            ), 403
        return Response(render(task_tree()), content_type="text/plain; charset=utf-8")

    return routes


def _is_local(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

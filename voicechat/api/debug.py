"""The live task tree, so that "what is it doing?" has an answer while it happens."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from quart import Blueprint, Response, jsonify, request

from voicechat.observability.tasks import render, task_tree

if TYPE_CHECKING:
    from quart.typing import ResponseReturnValue


def blueprint() -> Blueprint:
    """Route `/api/v1/debug/tasks`: plain text, only for programs on this machine."""
    routes = Blueprint("debug", __name__)

    @routes.get("/api/v1/debug/tasks")
    async def tasks() -> ResponseReturnValue:
        if not _is_local(request.remote_addr):
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

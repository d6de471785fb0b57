"""The live task tree, so that "what is it doing?" has an answer while it happens."""

from __future__ import annotations

from quart import Blueprint, Response

from voicechat.api.local import refuse_others
from voicechat.observability.tasks import render, task_tree


def blueprint() -> Blueprint:
    """Route `/api/v1/debug/tasks`: plain text, only for programs on this machine."""
    routes = Blueprint("debug", __name__)
    routes.before_request(refuse_others)

    @routes.get("/api/v1/debug/tasks")
    async def tasks() -> Response:
        return Response(render(task_tree()), content_type="text/plain; charset=utf-8")

    return routes

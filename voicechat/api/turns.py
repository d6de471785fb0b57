"""The records of a session's turns, so that "why was it so slow?" has an answer afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from quart import Blueprint, jsonify

from voicechat.api.local import refuse_others

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quart.typing import ResponseReturnValue

    from voicechat.protocol.messages.trace import TurnTrace


def blueprint(turns: Callable[[str], Sequence[TurnTrace] | None]) -> Blueprint:
    """Route `/api/v1/sessions/{id}/turns`, only for programs on this machine.

    Args:
        turns: The newest turns of a live session by its id, oldest first; None if there is none.
    """
    routes = Blueprint("turns", __name__)
    routes.before_request(refuse_others)

    @routes.get("/api/v1/sessions/<session_id>/turns")
    async def of_session(session_id: str) -> ResponseReturnValue:
        found = turns(session_id)
        if found is None:
            return jsonify(
                error="session_not_found",
                message="There is no such session, or it has ended.",
            ), 404
        return jsonify(session_id=session_id, turns=[attrs.asdict(trace) for trace in found])

    return routes

"""Who may look inside the server, as long as there are no keys: programs on its own machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from quart import jsonify, request

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


async def refuse_others() -> ResponseReturnValue | None:
    """Answer 403 to a request from elsewhere: a `before_request` of a blueprint.

    A request that came through a proxy is refused wherever the proxy runs. One that adds no header
    at all cannot be noticed: it should not pass these routes on.
    """
    if _is_local(request.remote_addr) and not any(name in request.headers for name in FORWARDED):
        return None
    return jsonify(
        error="forbidden", message="This is only for programs on the server's own machine."
    ), 403


def _is_local(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

"""Makes the HTTP application: Quart with our limits, errors in plain words, and the guard.

Quart's own error pages can carry text of libraries; every answer here is made of our own words.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from voicechat.errors import (
    CapacityExceeded,
    EngineFailed,
    ErrorCode,
    ProtocolError,
    StoreFailed,
    VoicechatError,
)
from voicechat.gateway.origin import Guard, Refusal

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        Scope,
    )

log = structlog.get_logger()

MAX_BODY = 1024 * 1024
"""Bytes of a request's body, unless an endpoint allows itself more."""

STATUS_OF: dict[type, int] = {
    ProtocolError: 400,
    CapacityExceeded: 503,
    EngineFailed: 502,
    StoreFailed: 503,
}
HINTS = {
    404: "Check the address.",
    405: "Use one of the methods in the Allow header.",
    413: "Send less at once.",
    500: "Try again; if it happens again, look at the server's log.",
}
UPGRADES_ELSEWHERE = Refusal(
    404, "not_found", "There is no WebSocket at this address.", "Connect to /ws."
)


class App(QuartTrio):
    """Quart on Trio whose unexpected errors go to our log."""

    def log_exception(self, exception_info: Any) -> None:
        """Log an error that no handler expected; the client gets a plain 500."""
        log.error("request failed", path=request.path, exc_info=exception_info)


def new_app(name: str) -> App:
    """Make an application without routes.

    A response may take as long as it needs (Quart's default of 60 s would cut event streams); a
    client that does not read is dropped by the connection instead. Errors are JSON under ``/api``
    and for clients that do not ask for HTML, a plain page otherwise.

    Args:
        name: The import name, usually ``__name__``.
    """
    app = App(name, static_folder=None)
    app.config["RESPONSE_TIMEOUT"] = None
    app.config["BODY_TIMEOUT"] = 60
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(VoicechatError, _voicechat_error)
    app.after_request(_no_sniffing)
    return app


async def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is an exception too
        return error.get_response()  # type: ignore[return-value]
    code = ErrorCode.INTERNAL.value if status == 500 else HTTPStatus(status).name.lower()
    message = f"{HTTPStatus(status).phrase}."
    response = _answer(Refusal(status, code, message, HINTS.get(status, "")))
    for header in ("Allow", "Retry-After"):
        if value := dict(error.get_headers()).get(header):
            response.headers[header] = value
    return response


async def _voicechat_error(error: VoicechatError) -> Response:
    status = next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), 500)
    response = _answer(Refusal(status, error.code.value, error.message, error.suggested_action))
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


def _answer(refusal: Refusal) -> Response:
    wants_html = "text/html" in request.headers.get("Accept", "")
    if request.path.startswith("/api/") or not wants_html:
        body, kind = json.dumps(refusal.as_json()), "application/json"
    else:
        body = (
            "<!doctype html><html lang=en><meta charset=utf-8>"
            f"<title>{refusal.message}</title><h1>{refusal.message}</h1>"
            f"<p>{refusal.suggested_action}</p><p><a href=/>To the start page</a></p>"
        )
        kind = "text/html; charset=utf-8"
    return Response(body, status=refusal.status, content_type=kind)


async def _no_sniffing(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def guarded(app: ASGIFramework, guard: Guard) -> ASGIFramework:
    """Put the guard in front of every route, and refuse WebSockets that are not at our path.

    It stands before the application rather than in it, so that no blueprint can forget it.
    """

    async def checked(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        refusal: Refusal | None = None
        kind = "http"
        if scope["type"] == "http":
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            refusal = guard.refuse_request(
                method=scope["method"],
                host=headers.get(b"host"),
                origin=headers.get(b"origin"),
                scheme=scope["scheme"],
            )
        elif scope["type"] == "websocket":
            kind, refusal = "websocket.http", UPGRADES_ELSEWHERE
        if refusal is None:
            await app(scope, receive, send)
            return
        body = json.dumps(refusal.as_json()).encode()
        start: Any = {
            "type": f"{kind}.response.start",
            "status": refusal.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
        end: Any = {"type": f"{kind}.response.body", "body": body, "more_body": False}
        await receive()
        await send(start)
        await send(end)

    return checked

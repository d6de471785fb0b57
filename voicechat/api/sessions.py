"""A user's own conversations over HTTP: find, read, take away, rename and delete them.

Who asks shows a key, as ``Authorization: Bearer …``: the user's key opens all sessions of the user,
a session's secret opens that session. A session that the key does not open is not there: nobody can
find out which ones exist.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import trio
from quart import Blueprint, Response, g, jsonify, request

from voicechat.api import conversations
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.sessions import MAX_QUERY, MAX_TITLE
from voicechat.session.identity import is_secret, user_id_of

if TYPE_CHECKING:
    from quart.typing import ResponseReturnValue

    from voicechat.api.ports import Sessions
    from voicechat.session.store.ports import SessionRecord

PATH: Final = "/api/v1/sessions"
ONE: Final = f"{PATH}/<session_id>"
MAX_BODY: Final = 4096
"""Bytes of a new title in JSON, however it is escaped."""
LIMIT: Final = 100
"""Sessions in a list, where nothing else was asked for."""
MESSAGES: Final = 200
"""Messages of a page, likewise."""
MAX_LIMIT: Final = 1000
_HINT: Final = 'Send something like {"title": "Holidays"}.'
_MAX_ID: Final = 64
_KEY: Final = re.compile(r"[!-~]{1,128}", re.ASCII)
_AT_ONCE: Final = 2
"""Conversations that are read and written out at once: each is in memory as a whole meanwhile."""


def blueprint(sessions: Sessions) -> Blueprint:
    """Routes `/api/v1/sessions` and those below it.

    Args:
        sessions: Who keeps them.
    """
    routes = Blueprint("sessions", __name__)

    @routes.before_request
    async def authorise() -> ResponseReturnValue | None:
        """Before every route, so that none can forget it; leaves what it opened in `g`."""
        if (key := _key()) is None:
            return _unauthorized()
        g.user_id = user_id_of(key)
        session_id = (request.view_args or {}).get("session_id")
        if session_id is None:
            return None
        record = await sessions.find(session_id) if len(session_id) <= _MAX_ID else None
        if record is None or not _opens(key, record):
            return _not_found()
        g.session = record
        return None

    @routes.errorhandler(ProtocolError)
    async def wrong(error: ProtocolError) -> ResponseReturnValue:
        missing = error.code is ErrorCode.SESSION_NOT_FOUND  # it ended in this moment
        return _not_found() if missing else _refused(400, error)

    @routes.after_request
    async def not_kept(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    _add_reading(routes, sessions)
    _add_changing(routes, sessions)
    return routes


def _add_reading(routes: Blueprint, sessions: Sessions) -> None:
    turn = trio.Semaphore(_AT_ONCE)
    threads = trio.CapacityLimiter(_AT_ONCE)

    @routes.get(PATH)
    async def listed() -> ResponseReturnValue:
        found = await sessions.list(g.user_id, _query(), _limit(LIMIT))
        return jsonify(
            sessions=[_session(each.session) | {"snippet": each.snippet} for each in found]
        )

    @routes.get(ONE)
    async def one(session_id: str) -> ResponseReturnValue:  # noqa: ARG001  (found by its guard)
        return jsonify(_session(g.session))

    @routes.get(f"{ONE}/messages")
    async def messages(session_id: str) -> ResponseReturnValue:
        limit, before = _limit(MESSAGES), _before()
        async with turn:
            # Two more: one may be of a turn that is divided, one tells that there are more.
            said = await sessions.messages(session_id, limit=limit + 2, before=before)
            content = await trio.to_thread.run_sync(
                conversations.page, session_id, said, limit, before, limiter=threads
            )
        return Response(content, content_type="application/json")

    @routes.get(f"{ONE}/export")
    async def export(session_id: str) -> ResponseReturnValue:
        kind = request.args.get("format", "json")
        if kind not in {"json", "markdown"}:
            raise ProtocolError(
                "There is no such format.", suggested_action="Ask for format=json or markdown."
            )
        async with turn:
            said = await sessions.messages(session_id)
            content = await trio.to_thread.run_sync(
                conversations.exported, kind, g.session, said, limiter=threads
            )
        if await sessions.find(session_id) is None:  # deleted while it was read: it may have holes
            return _not_found()
        if kind == "json":
            return _file(content, "application/json", "json")
        return _file(content, "text/markdown", "md")


def _add_changing(routes: Blueprint, sessions: Sessions) -> None:
    @routes.patch(ONE)
    async def rename(session_id: str) -> ResponseReturnValue:
        if request.mimetype != "application/json":
            answer = jsonify(
                error="unsupported_media_type",
                message="The title must come as application/json.",
                suggested_action=_HINT,
            )
            return answer, 415
        body = await request.get_data(cache=False)
        if len(body) > MAX_BODY:
            return _refused(413, _wrong("The body is too long.", ErrorCode.MESSAGE_TOO_LARGE))
        await sessions.rename(session_id, g.session.user_id, _title(body))
        renamed = await sessions.find(session_id)
        return _not_found() if renamed is None else jsonify(_session(renamed))

    @routes.delete(ONE)
    async def destroy(session_id: str) -> ResponseReturnValue:
        await sessions.destroy(session_id, g.session.user_id)
        answer = Response("", status=204)
        del answer.headers["Content-Length"]  # an answer without a body has none
        return answer


# -- who asks -----------------------------------------------------------------------------------


def _key() -> str | None:
    """The key that was sent with the request; None without a well-formed one."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip(" ")
    return key if scheme.lower() == "bearer" and _KEY.fullmatch(key) else None


def _opens(key: str, session: SessionRecord) -> bool:
    """Whether it is the key of the session's user, or the session's own secret."""
    of_user = hmac.compare_digest(user_id_of(key).encode(), session.user_id.encode())
    return is_secret(key, session.secret_hash) or of_user


# -- what they sent -----------------------------------------------------------------------------


def _query() -> str:
    query = request.args.get("q", "")
    if len(query) > MAX_QUERY:
        raise ProtocolError(f"A search may have {MAX_QUERY} characters.")
    return query


def _limit(usual: int) -> int:
    text = request.args.get("limit", str(usual))
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ProtocolError(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _before() -> int | None:
    text = request.args.get("before")
    if text is not None and not re.fullmatch("[0-9]{1,18}", text):
        raise ProtocolError("before must be the number of a turn.")
    return None if text is None else int(text)


def _title(body: str | bytes) -> str:
    """The new title, on one line.

    Raises:
        ProtocolError: The body is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("The body is not valid JSON.", ErrorCode.INVALID_JSON) from None
    if not isinstance(value, dict) or value.keys() != {"title"}:
        raise _wrong("The body must be an object with the one key title.")
    title = " ".join(value["title"].split()) if isinstance(value["title"], str) else ""
    half = any("\ud800" <= char <= "\udfff" for char in title)  # of a pair: nothing can encode it
    if half or not 1 <= len(title) <= MAX_TITLE:
        raise _wrong(f"title must be a text of 1 to {MAX_TITLE} characters.")
    return title


def _wrong(message: str, code: ErrorCode = ErrorCode.INVALID_MESSAGE) -> ProtocolError:
    return ProtocolError(message, suggested_action=_HINT, code=code)


# -- what they get ------------------------------------------------------------------------------


def _session(session: SessionRecord) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "title": session.title,
        "state": session.state,
        "created_at": session.created_at.isoformat(timespec="milliseconds"),
        "last_active_at": session.last_active_at.isoformat(timespec="milliseconds"),
        "message_count": session.message_count,
        "total_cost_usd": session.total_cost_usd,
        "is_resumable": session.is_resumable,
        "terminated_reason": session.terminated_reason,
    }


def _file(content: bytes, kind: str, ending: str) -> Response:
    """An answer that a browser saves under the conversation's title."""
    full, plain = conversations.file_names(
        g.session.title, f"{g.session.created_at:%Y-%m-%d}.{ending}"
    )
    response = Response(content, content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"
    )
    return response


def _unauthorized() -> ResponseReturnValue:
    action = "Send it as Authorization: Bearer, followed by the key from the welcome message."
    answer = jsonify(
        error="unauthorized", message="A valid key is needed.", suggested_action=action
    )
    return answer, 401, {"WWW-Authenticate": "Bearer"}


def _not_found() -> ResponseReturnValue:
    message = "There is no such session, or this key does not open it."
    return _refused(404, ProtocolError(message, code=ErrorCode.SESSION_NOT_FOUND))


def _refused(status: int, error: ProtocolError) -> ResponseReturnValue:
    return jsonify(
        error=error.code, message=error.message, suggested_action=error.suggested_action
    ), status

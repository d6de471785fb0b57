"""What the tests of conversations over HTTP share."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import attrs

from voicechat.api import sessions as api
from voicechat.gateway.app import new_app
from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import Found, MessageRecord, SessionRecord

NOON = dt.datetime(2026, 3, 1, 12, 0, 0, 123_456, dt.UTC)
ADA, BOB = "key-of-ada-0123456789", "key-of-bob-0123456789"
SECRET = "secret-of-the-first-session"


def user_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def record(session_id: str, key: str, *, secret: str = "", **more: Any) -> SessionRecord:
    fields = {
        "session_id": session_id,
        "user_id": user_of(key),
        "secret_hash": hashlib.sha256((secret or f"secret-{session_id}").encode()).digest(),
        "title": f"Title of {session_id}",
        "state": SessionState.DISCONNECTED,
        "created_at": NOON,
        "last_active_at": NOON + dt.timedelta(hours=1),
        "message_count": 2,
    }
    return SessionRecord(**fields | more)


SAID = (
    MessageRecord(
        turn=1,
        speaker=Speaker.USER,
        text="What is <b>one</b> and one?",
        origin=Origin.TEXT,
        status=EntryStatus.COMPLETE,
        at=NOON,
        client_seq=1,
    ),
    MessageRecord(
        turn=1,
        speaker=Speaker.ASSISTANT,
        text="Two, I should say.",
        heard="Two,",
        origin=Origin.TEXT,
        status=EntryStatus.INTERRUPTED,
        at=NOON,
    ),
)


class Sessions:
    """Keeps three sessions in a dictionary."""

    def __init__(self) -> None:
        over = {"state": SessionState.TERMINATED, "terminated_reason": EndReason.MAX_DURATION}
        self.kept = {
            each.session_id: each
            for each in (
                record("first", ADA, secret=SECRET),
                record("second", ADA, **over),
                record("others", BOB),
            )
        }
        self.asked: list[tuple] = []

    async def list(self, user_id, query, limit):
        self.asked.append((user_id, query, limit))
        snippet = f"[{query}] is here" if query else ""
        return [Found(each, snippet) for each in self.kept.values() if each.user_id == user_id]

    async def find(self, session_id):
        return self.kept.get(session_id)

    async def messages(self, session_id, *, limit=10**6, before=None):
        self.asked.append(("messages", session_id))
        return SAID[-limit:] if before is None else ()

    async def rename(self, session_id, user_id, title):
        assert self.kept[session_id].user_id == user_id
        self.asked.append(("rename", session_id, title))
        self.kept[session_id] = attrs.evolve(self.kept[session_id], title=title)

    async def destroy(self, session_id, user_id):
        assert self.kept[session_id].user_id == user_id
        self.asked.append(("destroy", session_id))
        del self.kept[session_id]


@attrs.define
class Api:
    sessions: Sessions = attrs.field(factory=Sessions)
    app: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.app = new_app("test")
        self.app.register_blueprint(api.blueprint(self.sessions))

    async def ask(self, method: str, path: str = "", *, key: str | None = ADA, **more: Any):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        response = await self.app.test_client().open(
            f"/api/v1/sessions{path}",
            method=method,
            headers=headers | more.pop("headers", {}),
            **more,
        )
        assert response.headers["Cache-Control"] == "no-store"
        return response

    async def get(self, path: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        response = await self.ask("GET", path, **more)
        return response.status_code, await response.get_json()


FIRST = {
    "session_id": "first",
    "title": "Title of first",
    "state": "disconnected",
    "created_at": "2026-03-01T12:00:00.123+00:00",
    "last_active_at": "2026-03-01T13:00:00.123+00:00",
    "message_count": 2,
    "total_cost_usd": 0.0,
    "is_resumable": True,
    "terminated_reason": None,
}

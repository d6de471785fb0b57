"""A user's own conversations over HTTP, and nobody else's."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicechat.api import sessions as api
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.gateway.app import new_app
from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState, Speaker
from voicechat.session.store.ports import Found, MessageRecord, SessionRecord

pytestmark = pytest.mark.requirement("S-10")

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

    async def messages(self, session_id):
        self.asked.append(("messages", session_id))
        return SAID

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


async def test_a_user_has_their_own_sessions():
    one = Api()
    status, body = await one.get()
    assert status == 200
    assert [each["session_id"] for each in body["sessions"]] == ["first", "second"]
    assert body["sessions"][0] == FIRST | {"snippet": ""}
    assert body["sessions"][1]["terminated_reason"] == "max_duration"
    assert one.sessions.asked == [(user_of(ADA), "", 100)]
    assert await one.get(key="nobody-has-this-key") == (200, {"sessions": []})


async def test_search():
    one = Api()
    _, body = await one.get("?q=caf%C3%A9%20%22a&limit=7")
    assert one.sessions.asked == [(user_of(ADA), 'café "a', 7)]
    assert body["sessions"][0]["snippet"] == '[café "a] is here'


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=%D9%A3", "q=" + "x" * 201],
)
async def test_wrong_queries(query):
    one = Api()
    status, body = await one.get(f"?{query}")
    assert (status, body["error"], one.sessions.asked) == (400, "invalid_message", [])


async def test_one_session_and_what_was_said():
    one = Api()
    assert await one.get("/first") == (200, FIRST)
    assert await one.get("/first/messages") == (
        200,
        {
            "session_id": "first",
            "messages": [
                {
                    "turn": 1,
                    "speaker": "user",
                    "text": "What is <b>one</b> and one?",
                    "heard": "",
                    "origin": "text",
                    "status": "complete",
                    "at": "2026-03-01T12:00:00.123+00:00",
                },
                {
                    "turn": 1,
                    "speaker": "assistant",
                    "text": "Two, I should say.",
                    "heard": "Two,",
                    "origin": "text",
                    "status": "interrupted",
                    "at": "2026-03-01T12:00:00.123+00:00",
                },
            ],
        },
    )


# -- who may ------------------------------------------------------------------------------------

ROUTES = [
    ("GET", ""),
    ("GET", "/first"),
    ("GET", "/first/messages"),
    ("GET", "/first/export"),
    ("PATCH", "/first"),
    ("DELETE", "/first"),
]


@pytest.mark.requirement("C-3")
@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {ADA}",
        ADA,
        "Bearer two keys",
        "Bearer clé",
        f"Bearer {'x' * 129}",
    ],
)
async def test_without_a_key_nothing_is_told(method, path, header):
    one = Api()
    headers = {} if header is None else {"Authorization": header}
    response = await one.ask(method, path, key=None, headers=headers, json={"title": "x"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    body = await response.get_json()
    assert (body["error"], body["message"]) == ("unauthorized", "A valid key is needed.")
    assert one.sessions.asked == []
    assert len(one.sessions.kept) == 3


@pytest.mark.requirement("S-10", "C-3")
@pytest.mark.parametrize(("method", "path"), ROUTES[1:])
@pytest.mark.parametrize("key", [BOB, "wrong", "secret-second", user_of(ADA)])
async def test_a_session_of_somebody_else_is_not_there(method, path, key):
    one = Api()
    found = await one.ask(method, path, key=key, json={"title": "x"})
    missing = await one.ask(method, path.replace("first", "none"), key=key, json={"title": "x"})
    too_long = await one.ask(method, path.replace("first", "x" * 65), key=key, json={"title": "x"})
    assert found.status_code == missing.status_code == too_long.status_code == 404
    texts = [await each.get_data() for each in (found, missing, too_long)]
    assert texts[0] == texts[1] == texts[2]
    assert json.loads(texts[0])["error"] == "session_not_found"
    assert one.sessions.asked == []
    assert one.sessions.kept["first"] == Sessions().kept["first"]


@pytest.mark.requirement("S-10", "C-3")
async def test_the_secret_of_a_session_opens_this_one_only():
    one = Api()
    assert (await one.get("/first", key=SECRET))[0] == 200
    assert (await one.get("/first/messages", key=SECRET))[0] == 200
    assert (await one.get("/second", key=SECRET))[0] == 404
    assert await one.get(key=SECRET) == (200, {"sessions": []})


@pytest.mark.requirement("C-3")
async def test_the_name_of_the_scheme_may_have_any_case():
    one = Api()
    assert (await one.get(key=None, headers={"Authorization": f"bEARER  {ADA}"}))[0] == 200


async def test_neither_secret_nor_user_is_told():
    one = Api()
    for path in ("", "/first", "/first/messages", "/first/export", "/first/export?format=markdown"):
        text = await (await one.ask("GET", path)).get_data(as_text=True)
        kept = one.sessions.kept["first"]
        assert kept.secret_hash.hex() not in text
        assert kept.user_id not in text
        assert ADA not in text


# -- changes ------------------------------------------------------------------------------------


async def test_another_title():
    one = Api()
    response = await one.ask("PATCH", "/first", json={"title": "  Été\n à Nice  "})
    assert response.status_code == 200
    assert await response.get_json() == FIRST | {"title": "Été à Nice"}
    assert one.sessions.asked == [("rename", "first", "Été à Nice")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b"[" * 4000, "invalid_json"),
        (b"[]", "invalid_message"),
        (b"null", "invalid_message"),
        (b"{}", "invalid_message"),
        (b'{"title":"x","user_id":"y"}', "invalid_message"),
        (b'{"title":1}', "invalid_message"),
        (b'{"title":null}', "invalid_message"),
        (b'{"title":" \\n "}', "invalid_message"),
        (b'{"title":"\\ud800"}', "invalid_message"),
        (json.dumps({"title": "x" * 121}).encode(), "invalid_message"),
    ],
)
async def test_wrong_titles(body, code):
    one = Api()
    kind = {"Content-Type": "application/json"}
    response = await one.ask("PATCH", "/first", data=body, headers=kind)
    assert response.status_code == 400
    assert (await response.get_json())["error"] == code
    assert one.sessions.asked == []


async def test_the_longest_title_fits_however_it_is_escaped():
    one = Api()
    title = "😀" * 120
    assert (await one.ask("PATCH", "/first", json={"title": title})).status_code == 200
    assert one.sessions.kept["first"].title == title


async def test_a_title_of_another_kind_or_too_large():
    one = Api()
    assert (await one.ask("PATCH", "/first", data=b'{"title":"x"}')).status_code == 415
    kind = {"Content-Type": "application/json"}
    response = await one.ask("PATCH", "/first", data=b" " * 5000 + b"{}", headers=kind)
    assert response.status_code == 413
    assert one.sessions.asked == []


async def test_a_session_that_goes_in_this_moment_is_not_there():
    one = Api()

    async def gone(*_):
        raise ProtocolError("It has ended.", code=ErrorCode.SESSION_NOT_FOUND)

    async def going(session_id, *_):
        del one.sessions.kept[session_id]

    one.sessions.rename = one.sessions.destroy = gone
    assert (await one.ask("PATCH", "/first", json={"title": "x"})).status_code == 404
    assert (await one.ask("DELETE", "/first")).status_code == 404
    one.sessions.rename = going
    assert (await one.ask("PATCH", "/first", json={"title": "x"})).status_code == 404


@pytest.mark.parametrize("key", [ADA, SECRET])
async def test_whoever_opens_a_session_may_change_it(key):
    one = Api()
    response = await one.ask("PATCH", "/first", key=key, json={"title": "x"})
    assert response.status_code == 200
    assert (await one.ask("DELETE", "/first", key=key)).status_code == 204
    assert one.sessions.asked == [("rename", "first", "x"), ("destroy", "first")]


async def test_deletion():
    one = Api()
    response = await one.ask("DELETE", "/first")
    assert (response.status_code, await response.get_data()) == (204, b"")
    assert one.sessions.asked == [("destroy", "first")]
    assert (await one.get("/first"))[0] == 404
    assert (await one.ask("DELETE", "/first")).status_code == 404


# -- export -------------------------------------------------------------------------------------


async def test_export_as_json():
    one = Api()
    for query in ("", "?format=json"):
        response = await one.ask("GET", f"/first/export{query}")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        text = await response.get_data(as_text=True)
        assert "Two, I should say." in json.dumps(json.loads(text))
        assert response.headers["Content-Disposition"] == (
            'attachment; filename="Title-of-first-2026-03-01.json"; '
            "filename*=UTF-8''Title-of-first-2026-03-01.json"
        )


async def test_export_as_markdown():
    one = Api()
    one.sessions.kept["first"] = record("first", ADA, title='Été: ../"Nice"\r\nSet-Cookie: a=b')
    response = await one.ask("GET", "/first/export?format=markdown")
    assert response.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "I should say." in await response.get_data(as_text=True)
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="Ete-Nice-Set-Cookie-a-b-2026-03-01.md"; '
        "filename*=UTF-8''%C3%89t%C3%A9-Nice-Set-Cookie-a-b-2026-03-01.md"
    )


async def test_export_as_something_else():
    one = Api()
    status, body = await one.get("/first/export?format=exe")
    assert (status, body["error"]) == (400, "invalid_message")
    assert one.sessions.asked == []


@given(st.text(max_size=200))
@example("")
@example("../../etc/passwd")
@example("⒈⑴½\uff0f\u202e\u200d")
@example("नमस्ते दुनिया")
@example("x" * 59 + " y")
def test_file_names_hold_nothing_that_a_file_system_or_a_header_could_misread(title):
    full, plain = api.file_names(title, "2026-03-01.md")
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*-2026-03-01\.md", plain)
    stem = full.removesuffix("-2026-03-01.md")
    assert 1 <= len(stem) <= 60
    assert len(full.encode()) <= 255
    assert not stem.startswith("-")
    assert not stem.endswith("-")
    assert not set(stem) & set("./\\\"'<>:|?*;%\r\n\0 \u202e\u200d")


def test_a_title_in_another_script_keeps_it():
    assert api.file_names("नमस्ते दुनिया", "x.md") == ("नमस्ते-दुनिया-x.md", "conversation-x.md")

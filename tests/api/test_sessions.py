"""A user's own conversations over HTTP, and nobody else's."""

from __future__ import annotations

import json

import pytest

from tests.api.sessions_tools import (
    ADA,
    BOB,
    FIRST,
    SECRET,
    Api,
    Sessions,
    user_of,
)

pytestmark = pytest.mark.requirement("S-10")


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
            "before": None,
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

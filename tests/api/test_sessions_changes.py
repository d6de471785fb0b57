"""A user renames and deletes conversations over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.api.sessions_tools import (
    ADA,
    FIRST,
    SECRET,
    Api,
)
from voicechat.errors import ErrorCode, ProtocolError

pytestmark = pytest.mark.requirement("S-10")


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

"""A user takes conversations away over HTTP."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.api.sessions_tools import (
    ADA,
    Api,
    record,
)
from voicechat.api import conversations

pytestmark = pytest.mark.requirement("S-10")


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
    full, plain = conversations.file_names(title, "2026-03-01.md")
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*-2026-03-01\.md", plain)
    stem = full.removesuffix("-2026-03-01.md")
    assert 1 <= len(stem) <= 60
    assert len(full.encode()) <= 255
    assert not stem.startswith("-")
    assert not stem.endswith("-")
    assert not set(stem) & set("./\\\"'<>:|?*;%\r\n\0 \u202e\u200d")


def test_a_title_in_another_script_keeps_it():
    assert conversations.file_names("नमस्ते दुनिया", "x.md") == (
        "नमस्ते-दुनिया-x.md",
        "conversation-x.md",
    )

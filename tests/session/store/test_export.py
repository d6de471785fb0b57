"""A conversation as Markdown and as JSON; markdown-it reads the first as other programs would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.session.store.making import answered, at, record, said
from voicechat.protocol.messages.conversation import Origin
from voicechat.protocol.messages.session import EndReason, EntryStatus, SessionState
from voicechat.session.export import to_json, to_markdown

pytestmark = pytest.mark.requirement("S-10")

SESSION = record(
    title="Eggs",
    state=SessionState.TERMINATED,
    terminated_reason=EndReason.CRASHED,
    last_active_at=at(3661),
    subprocess_pid=4711,
    total_cost_usd=0.25,
)
MESSAGES = [
    said(1, "How long?", origin=Origin.VOICE, client_seq=3),
    answered(1, "Boil it for six minutes.", heard="Boil it for", status=EntryStatus.INTERRUPTED),
    said(2, "Thanks\nand bye"),
    answered(2, "", status=EntryStatus.LOST),
    answered(3, "Ding!", origin=Origin.ASSISTANT),
]
MARKDOWN = """\
# Eggs

Began 2026-03-04 10:00, last words 2026-03-04 11:01 (UTC).

**You** (10:00:01, spoken)

> How long?

**Assistant** (10:00:01, interrupted)

> Boil it for
>
> *(not heard:)*
>
> six minutes.

**You** (10:00:02, typed)

> Thanks\\
> and bye

**Assistant** (10:00:02, lost when the server ended)

> *(nothing)*

**Assistant** (10:00:03, of its own accord)

> Ding!
"""


def test_markdown() -> None:
    expected = MARKDOWN
    assert to_markdown(SESSION, MESSAGES) == expected
    assert to_markdown(SESSION, reversed(MESSAGES)) == expected


def test_json() -> None:
    told = to_json(SESSION, reversed(MESSAGES))
    assert told == to_json(SESSION, MESSAGES)
    read = json.loads(told)
    assert read["format"] == "voicechat conversation"
    assert read["created_at"] == "2026-03-04T10:00:00.000+00:00"
    assert read["terminated_reason"] == "crashed"
    assert read["messages"][1] == {
        "turn": 1,
        "speaker": "assistant",
        "at": "2026-03-04T10:00:01.000+00:00",
        "origin": "text",
        "status": "interrupted",
        "text": "Boil it for six minutes.",
        "heard": "Boil it for",
    }
    assert [each["turn"] for each in read["messages"]] == [1, 1, 2, 2, 3]


def test_nothing_tells_whose_it_is_or_resumes_it() -> None:
    session = record(user_id="7c0ffee7c0ffee77", secret_hash=b"secrethash" * 3 + b"42")
    for text in (to_json(session, MESSAGES), to_markdown(session, MESSAGES)):
        assert "c0ffee" not in text
        assert "secret" not in text


def inline(token: Any) -> str:
    """The text of a paragraph or heading as it is shown; markup in it is an error."""
    shown = ""
    for child in token.children:
        assert child.type in {"text", "text_special", "hardbreak", "softbreak"}, child
        shown += child.content if child.type.startswith("text") else "\n"
    return shown


NASTY = [
    "# heading",
    "```\ncode\n```",
    "<script>alert(1)</script>\n<!-- ",
    "> quote\n\n- list\n+ list\n1. list\n23) list",
    "title\n===\ntitle\n---",
    "[link](javascript:x) ![image](x) <http://x.y> [ref]: x",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "*a* _b_ ~~c~~ `d` &amp; &#35; \\",
    "    code\n\tcode\n   ***",
    "a  \nb\\\nc\r\nd\u2028e\x0bf",
    "\\\n# x",
    "~~~\nx",
    "1234567890. no list",
    "\ufeff# x",
    "\u00a0# x",
]
texts = st.sampled_from(NASTY) | st.text() | st.lists(st.sampled_from(NASTY)).map("\n".join)
HOLES = {*" \ufffd"}
readers = [MarkdownIt(), MarkdownIt("gfm-like", {"linkify": False})]


def plain(text: str) -> str:
    """Text without what Markdown cannot show: spaces at ends of lines, signs that do not print."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in HOLES)


@pytest.mark.parametrize("reader", readers)
@given(text=texts, title=texts)
@example(text="x", title="a #")
def test_nothing_that_was_said_is_markup(reader: MarkdownIt, text: str, title: str) -> None:
    exported = to_markdown(record(title=title), [said(1, text), said(2, "next")])
    tokens = reader.parse(exported)
    kinds = [token.type for token in tokens if token.level == 0 and not token.type.endswith("open")]
    wanted = ["heading_close", "paragraph_close", "paragraph_close", "blockquote_close"]
    if title.strip():
        assert plain(inline(tokens[1])) == plain(title)
    assert tokens[0].tag == "h1"
    assert [kind for kind in kinds if kind != "inline"] == [*wanted, *wanted[2:]]
    begin = next(n for n, token in enumerate(tokens) if token.type == "blockquote_open")
    end = next(n for n, token in enumerate(tokens) if token.type == "blockquote_close")
    inside = tokens[begin + 1 : end]
    assert {token.type for token in inside} <= {"paragraph_open", "inline", "paragraph_close"}
    if text.strip():
        shown = "".join(inline(token) for token in inside if token.type == "inline")
        assert plain(shown) == plain(text)

"""What is an upgrade: the decision must not depend on how the bytes are cut."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.gateway.upgrade import BadHead, Headers, Verdict, judge, parse

UPGRADE = b"GET /ws?x=1 HTTP/1.1\r\nHost: h\r\nupGrade:  WebSocket \r\n\r\n"
LIMIT = 16_384

HEADS = st.sampled_from(
    [
        UPGRADE,
        UPGRADE.replace(b"\r\n", b"\n"),
        b"GET /ws HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /wsx HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"POST /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ]
)


@pytest.mark.parametrize("head", [UPGRADE, UPGRADE.replace(b"\r\n", b"\n")])
def test_upgrade(head) -> None:
    assert judge(head, b"/ws", LIMIT) is Verdict.YES
    assert judge(head + b"frames", b"/ws", LIMIT) is Verdict.YES


@given(HEADS)
def test_the_verdict_on_a_part_is_never_taken_back(head) -> None:
    final = judge(head, b"/ws", LIMIT)
    assert final is not Verdict.UNDECIDED
    for size in range(len(head)):
        assert judge(head[:size], b"/ws", LIMIT) in {Verdict.UNDECIDED, final}


def test_plain_http_is_never_held_back() -> None:
    for first in (b"P", b"GET /h", b"GET /w/", b"GET /wsx", b"\x16"):
        assert judge(first, b"/ws", LIMIT) is Verdict.NO


def test_unfinished_head_is_left_to_http_at_the_limit() -> None:
    assert judge(b"GET /ws HTTP/1.1\r\n" + b"a" * LIMIT, b"/ws", LIMIT) is Verdict.NO


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data) -> None:
    assert judge(data, b"/ws", 100) in Verdict
    with contextlib.suppress(BadHead):
        parse(data)


@given(st.binary(max_size=50))
def test_parse_keeps_every_byte(rest) -> None:
    upgrade = parse(UPGRADE + rest)
    assert (upgrade.path, upgrade.query) == ("/ws", "x=1")
    assert upgrade.head + upgrade.rest == UPGRADE + rest
    assert upgrade.rest == rest


def test_two_hosts_are_refused() -> None:
    with pytest.raises(BadHead):
        parse(b"GET /ws HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")


def test_headers_are_found_in_any_case_and_repeated_ones_joined() -> None:
    headers = Headers([(b"A", b"1"), (b"a", b"2"), (b"Other", b"x")])
    assert headers["a"] == headers["A"] == "1, 2"
    assert dict(headers) == {"a": "1, 2", "other": "x"}
    assert len(headers) == 2
    assert "missing" not in headers

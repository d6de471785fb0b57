"""The log: its shape, its ids, and what must never be in it."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from voicechat.observability.logs import CONTEXT_KEYS, configure
from voicechat.observability.scrub import MASK, hide_transcripts, scrub_secrets, scrub_text
from voicechat.settings import Log

pytestmark = pytest.mark.requirement("O-2")

KEY = "sk-planted0123456789abcdef"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_has_time_level_event_and_ids() -> None:
    out = io.StringIO()
    configure(Log(), stream=out)
    ids = {key: f"{key}-1" for key in CONTEXT_KEYS}
    with structlog.contextvars.bound_contextvars(**ids):
        structlog.get_logger().info("turn started", wait_ms=3)
    (line,) = lines(out)
    stamp = datetime.fromisoformat(line.pop("timestamp"))
    assert stamp.tzinfo == UTC
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 60
    assert line == {"event": "turn started", "level": "info", "wait_ms": 3, **ids}


def test_shape_follows_the_terminal() -> None:
    piped, terminal, forced = io.StringIO(), Terminal(), Terminal()
    for out, chosen in (
        (piped, Log()),
        (terminal, Log()),
        (forced, Log(format="json")),
    ):
        configure(chosen, stream=out)
        structlog.get_logger().info("hello")
    assert lines(piped)[0]["event"] == "hello"
    assert lines(forced)[0]["event"] == "hello"
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_level_is_kept() -> None:
    out = io.StringIO()
    configure(Log(level="warning"), stream=out)
    structlog.get_logger().info("no")
    structlog.get_logger().warning("yes")
    assert [line["event"] for line in lines(out)] == ["yes"]


def test_a_planted_key_never_appears() -> None:
    for chosen in (Log(format="json", level="debug"), Log(format="console")):
        out = io.StringIO()
        configure(chosen, stream=out)
        log = structlog.get_logger()
        with structlog.contextvars.bound_contextvars(api_key=KEY, session_id=KEY):
            log.info("plain", note=f"using {KEY}", nested={"headers": [{"Cookie": KEY}]})
        log.info("event text with %s", KEY, url=f"https://me:{KEY}@host/?token={KEY}")
        log.info("object", value=ValueError(KEY))
        try:
            raise RuntimeError(f"password={KEY!r}")  # noqa: TRY301  (logged where it is caught)
        except RuntimeError:
            log.exception("failed")
            logging.getLogger("hypercorn.error").exception("also failed with %s", TOKEN)
        written = out.getvalue()
        assert written.count("failed") >= 2
        assert MASK in written
        assert KEY not in written
        assert TOKEN not in written


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer"),
        (f"got {TOKEN}.", "got"),
        ("redis://me:hunter2@host:1", "redis://me:"),
        ('{"password": "hunter2"}', '{"password": "'),
        ("api_key=hunter2&x=1", "&x=1"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", ""),
    ],
)
def test_shapes_of_secrets(text: str, kept: str) -> None:
    scrubbed = scrub_text(text)
    assert MASK in scrubbed
    assert kept in scrubbed
    assert not any(word in scrubbed for word in ("hunter2", TOKEN, "abcdefgh12345678"))


@pytest.mark.parametrize("text", ["set a timer", "task-skipped", "http://host:80/a@b", "tokens: "])
def test_ordinary_text_stays(text: str) -> None:
    assert scrub_text(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc d"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text("abc"), JSON, max_size=3), st.lists(st.text("abc"), max_size=4))
def test_a_secret_is_found_at_any_depth(event: dict[str, Any], path: list[str]) -> None:
    assert scrub_secrets(event) == event  # nothing to hide, nothing changed
    inner: dict[str, Any] = {"access_token": "hunter2"}
    for key in path:
        inner = {key: [inner]}
    assert "hunter2" not in json.dumps(scrub_secrets(event | {"deep": inner}))


def test_what_was_said_is_logged_only_when_asked() -> None:
    for chosen, shown in (
        (Log(), False),
        (Log(transcripts=True), True),
        (Log(level="debug"), True),
    ):
        out = io.StringIO()
        configure(chosen, stream=out)
        structlog.get_logger().info("heard", transcript="my diary")
        assert ("my diary" in out.getvalue()) is shown
    assert hide_transcripts({"text": "abc", "count": 3}) == {"text": "<3 characters>", "count": 3}


def test_libraries_speak_through_the_same_renderer_from_warnings_up() -> None:
    out = io.StringIO()
    configure(Log(level="debug"), stream=out)
    configure(Log(level="debug"), stream=out)  # twice must not double the lines
    logging.getLogger("trio-websocket").setLevel(logging.INFO)  # a level of its own changes nothing
    for name in ("hypercorn.error", "trio-websocket", "quart.app"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble %d", 7)
    found = [(line["logger"], line["level"], line["event"]) for line in lines(out)]
    assert found == [
        ("hypercorn.error", "warning", "trouble 7"),
        ("trio-websocket", "warning", "trouble 7"),
        ("quart.app", "warning", "trouble 7"),
    ]


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log())
    structlog.get_logger().error("here")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "here"

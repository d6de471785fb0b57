"""Long conversations over HTTP: a page at a time, and nobody else waits for them."""

from __future__ import annotations

import json

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.api.sessions_tools import SAID, Api
from voicechat.api import conversations

pytestmark = pytest.mark.requirement("S-10")

QUESTION, ANSWER = SAID
LONG = [attrs.evolve(each, turn=turn) for turn in range(1, 301) for each in (QUESTION, ANSWER)]


class Long(Api):
    """The first session has 300 turns."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()

        async def messages(session_id, *, limit=10**6, before=None):
            self.sessions.asked.append(("messages", session_id))
            return [each for each in LONG if before is None or each.turn < before][-limit:]

        self.sessions.messages = messages


def turns(body) -> list[int]:
    assert [each["speaker"] for each in body["messages"]] == ["user", "assistant"] * (
        len(body["messages"]) // 2
    )
    return [each["turn"] for each in body["messages"][::2]]


async def test_the_newest_messages_come_first_and_then_those_before():
    one = Long()
    status, body = await one.get("/first/messages")
    assert (status, turns(body), body["before"]) == (200, [*range(201, 301)], 201)
    _, body = await one.get("/first/messages?before=201&limit=1000")
    assert (turns(body), body["before"]) == ([*range(1, 201)], None)
    _, body = await one.get("/first/messages?before=201&limit=1")
    assert (turns(body), body["before"]) == ([200], 200)
    _, body = await one.get("/first/messages?before=0")
    assert (turns(body), body["before"]) == ([], None)
    _, body = await one.get(f"/first/messages?before={'9' * 18}&limit=2")
    assert turns(body) == [300]


@pytest.mark.parametrize(
    "query",
    [
        "before=",
        "before=-1",
        "before=x",
        "before=1.5",
        "before=%D9%A3",
        f"before={'9' * 19}",
        "limit=0",
        "limit=1001",
        "limit=x",
    ],
)
async def test_wrong_pages(query):
    one = Long()
    status, body = await one.get(f"/first/messages?{query}")
    assert (status, body["error"], one.sessions.asked) == (400, "invalid_message", [])


@given(
    turns_of=st.lists(st.tuples(st.integers(1, 30), st.booleans()), unique=True, max_size=40),
    limit=st.integers(1, 9),
)
def test_all_pages_are_the_conversation_and_no_turn_is_divided(turns_of, limit):
    said = [
        attrs.evolve(ANSWER if answer else QUESTION, turn=turn) for turn, answer in sorted(turns_of)
    ]
    found, before = [], None
    while True:
        body = json.loads(conversations.page("s", said, limit, before))
        page = body["messages"]
        assert len(page) <= limit + 1
        assert not {each["turn"] for each in page} & {each["turn"] for each in found}
        found = page + found
        before = body["before"]
        if before is None:
            break
        assert before == page[0]["turn"]
    assert [(each["turn"], each["speaker"]) for each in found] == [
        (each.turn, each.speaker) for each in said
    ]


PATHS = ["/first/messages", "/first/export", "/first/export?format=markdown"]


@pytest.mark.parametrize("path", PATHS)
async def test_other_tasks_run_while_a_long_one_is_written(path, monkeypatch):
    """What writes it waits for another task here, which it can do in a thread only."""
    one, ran = Long(), []

    async def other():
        ran.append("other task")

    def waiting(make):
        def made(*arguments):
            trio.from_thread.run(other)
            return make(*arguments)

        return made

    for name in ("page", "exported"):
        monkeypatch.setattr(conversations, name, waiting(getattr(conversations, name)))
    assert (await one.ask("GET", path)).status_code == 200
    assert ran == ["other task"]


async def test_few_are_in_memory_at_once():
    one, now, most = Long(), 0, 0

    async def messages(_, **__):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await trio.testing.wait_all_tasks_blocked()
        now -= 1
        return LONG

    one.sessions.messages = messages
    async with trio.open_nursery() as nursery:
        for path in PATHS * 3:
            nursery.start_soon(one.ask, "GET", path)
    assert most == 2


async def test_what_is_deleted_while_it_is_read_is_not_there():
    one = Long()

    async def messages(session_id, **_):
        del one.sessions.kept[session_id]
        return LONG[-9:]

    one.sessions.messages = messages
    for path in PATHS[1:]:
        one.sessions.kept["first"] = type(one.sessions)().kept["first"]
        assert (await one.ask("GET", path)).status_code == 404

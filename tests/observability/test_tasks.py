"""The live task tree and the proof that an owner has nothing left."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from voicechat.observability.tasks import TaskNode, owner, render, task_tree, tasks_of

pytestmark = pytest.mark.requirement("L-1")


async def wait_for(event: trio.Event) -> None:
    await event.wait()


async def session(name: str, event: trio.Event) -> None:
    owner.set(name)
    async with trio.open_nursery() as outer:
        outer.start_soon(wait_for, event, name="listener")
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep, 60, name="turn")
            inner.start_soon(wait_for, event, name="audio")


def find(node: TaskNode, name: str) -> TaskNode:
    (found,) = [each for each in every(node) if each.name == name]
    return found


def every(node: TaskNode) -> list[TaskNode]:
    return [node, *(below for child in node.children for below in every(child))]


async def test_tree_shows_names_owners_nurseries_and_waits(nursery: trio.Nursery) -> None:
    event = trio.Event()
    nursery.start_soon(session, "s1", event, name="session s1")
    await trio.testing.wait_all_tasks_blocked()
    tree = task_tree()
    top = find(tree, "session s1")
    assert [[task.name for task in group] for group in top.nurseries] == [
        ["listener"],
        ["audio", "turn"],
    ]
    assert {task.owner for task in every(top)} == {"s1"}
    assert find(tree, "listener").waits_for == "Event.wait"
    assert find(tree, "turn").waits_for == "sleep"
    assert find(tree, "listener").where.endswith("in wait_for")
    assert tree.count() == len(every(tree))


async def test_paths_are_not_shown(nursery: trio.Nursery) -> None:
    nursery.start_soon(wait_for, trio.Event())
    await trio.testing.wait_all_tasks_blocked()
    assert "/" not in "".join(task.where for task in every(task_tree()))


async def test_running_task_waits_for_nothing() -> None:
    mine = task_tree(trio.lowlevel.current_task())
    assert (mine.where, mine.waits_for) == ("", "")
    assert render(mine).splitlines()[0] == mine.name


async def test_text_is_a_tree(nursery: trio.Nursery) -> None:
    nursery.start_soon(session, "s1", trio.Event(), name="session s1")
    await trio.testing.wait_all_tasks_blocked()
    text = render(find(task_tree(), "session s1"))
    shape = [line.split("  [")[0] for line in text.splitlines()]
    assert shape == [
        "session s1",
        "├─ nursery",
        "│  └─ listener",
        "└─ nursery",
        "   ├─ audio",
        "   └─ turn",
    ]
    assert "[owner=s1, waits for Event.wait, at " in text


async def test_owner_has_tasks_until_it_has_none() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session, "s1", trio.Event())
        nursery.start_soon(session, "s2", trio.Event())
        await trio.testing.wait_all_tasks_blocked()
        assert len(tasks_of("s1")) == 4
        assert tasks_of("nobody") == []
        nursery.cancel_scope.cancel()
    assert tasks_of("s1") == []


async def test_who_asks_for_the_proof_is_left_out() -> None:
    async def closing() -> None:
        owner.set("s1")
        assert [task.name for task in tasks_of("s1")] == ["closing"]
        assert tasks_of("s1", beside=trio.lowlevel.current_task()) == []

    async with trio.open_nursery() as nursery:
        nursery.start_soon(closing, name="closing")


async def test_an_orphan_in_another_nursery_is_found(nursery: trio.Nursery) -> None:
    async def leaky() -> None:
        owner.set("s1")
        nursery.start_soon(trio.sleep_forever, name="orphan")

    async with trio.open_nursery() as own:
        own.start_soon(leaky)
    assert [task.name for task in tasks_of("s1")] == ["orphan"]


def test_outside_trio_it_says_so() -> None:
    with pytest.raises(RuntimeError):
        task_tree()

"""Look at the live task tree, so that an owner can prove that nothing of it is left running.

Trio knows each task's parent, nurseries and suspended frames; this module only reads them. A walk
over some thousand tasks takes milliseconds, so it is for people and for proofs, not for each turn.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

owner: ContextVar[str | None] = ContextVar("voicechat_owner", default=None)
"""Who a task belongs to, such as a session's id; every task started below inherits it."""


@attrs.frozen
class TaskNode:
    """One task as it was when the tree was walked.

    Attributes:
        name: Trio's name of the task, usually the function that it runs.
        owner: Value of `owner` in the task's context.
        where: The deepest line outside Trio that it is at, as ``module:line in function``; empty
            for the task that walks the tree, and for one that runs a Trio function directly.
        waits_for: The Trio operation that it waits in, such as ``Event.wait``; empty while it runs.
        nurseries: The tasks in each nursery that it has open, outermost nursery first.
    """

    name: str
    owner: str | None
    where: str
    waits_for: str
    nurseries: tuple[tuple[TaskNode, ...], ...]

    @property
    def children(self) -> tuple[TaskNode, ...]:
        """The tasks of all its nurseries."""
        return tuple(child for nursery in self.nurseries for child in nursery)

    def count(self) -> int:
        """Return the number of tasks in this tree, this one included."""
        return 1 + sum(child.count() for child in self.children)


def task_tree(root: trio.lowlevel.Task | None = None) -> TaskNode:
    """Return the tree below `root`; None takes all of Trio, its own system tasks included.

    Raises:
        RuntimeError: Trio is not running.
    """
    top = root if root is not None else trio.lowlevel.current_root_task()
    if top is None:
        raise RuntimeError("there is no task tree outside trio.run")
    return _node(top)


def tasks_of(who: str, *, beside: trio.lowlevel.Task | None = None) -> list[TaskNode]:
    """Return every task whose `owner` is `who`.

    Args:
        who: The owner to look for.
        beside: A task to leave out with everything below it: the one that asks for the proof.
    """
    return [_node(task) for task in _walk(beside) if task.context.get(owner) == who]


def render(node: TaskNode) -> str:
    """Draw the tree as text: one line a task and a line ``nursery`` where a task has several."""
    return "\n".join(_lines(node, "", ""))


def _walk(beside: trio.lowlevel.Task | None) -> Iterator[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    stack = [root] if root is not None else []
    while stack:
        task = stack.pop()
        if task is beside:
            continue
        yield task
        stack.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)


def _node(task: trio.lowlevel.Task) -> TaskNode:
    where, waits_for = _position(task)
    return TaskNode(
        name=task.name,
        owner=task.context.get(owner),
        where=where,
        waits_for=waits_for,
        nurseries=tuple(
            tuple(_node(child) for child in sorted(nursery.child_tasks, key=lambda t: t.name))
            for nursery in task.child_nurseries
        ),
    )


def _position(task: trio.lowlevel.Task) -> tuple[str, str]:
    """Say where a task is suspended: module names instead of paths, which tell about a machine."""
    where = waits_for = ""
    if task is trio.lowlevel.current_task():
        return where, waits_for  # a running coroutine shows only its outermost frame
    for frame, line in task.iter_await_frames():
        module = frame.f_globals.get("__name__", "?")
        if module.partition(".")[0] == "trio":
            waits_for = waits_for or _operation(frame)
        else:
            where, waits_for = f"{module}:{line} in {frame.f_code.co_name}", ""
    return where, waits_for


def _operation(frame: FrameType) -> str:
    """Name the public operation that led into Trio, such as ``MemoryReceiveChannel.receive``."""
    return frame.f_code.co_qualname.rpartition("<locals>.")[2]


def _lines(node: TaskNode, first: str, rest: str) -> Iterator[str]:
    facts = [f"owner={node.owner}"] if node.owner is not None else []
    facts += [f"waits for {node.waits_for}"] if node.waits_for else []
    facts += [f"at {node.where}"] if node.where else []
    yield first + node.name + (f"  [{', '.join(facts)}]" if facts else "")
    # A nursery of its own line only where there is more than one: the tree stays readable.
    groups = [group for group in node.nurseries if group]
    if len(groups) > 1:
        for number, group in enumerate(groups):
            last = number == len(groups) - 1
            yield rest + ("└─ " if last else "├─ ") + "nursery"
            yield from _children(group, rest + ("   " if last else "│  "))
    else:
        for group in groups:
            yield from _children(group, rest)


def _children(group: tuple[TaskNode, ...], rest: str) -> Iterator[str]:
    for number, child in enumerate(group):
        last = number == len(group) - 1
        yield from _lines(
            child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")
        )

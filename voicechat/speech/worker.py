"""Runs an engine in a child process that its nursery owns, so that it can be killed and replaced.

`WorkerProcess.run` keeps one child alive for ever: it starts it, waits until it is ready, serves,
and starts another when it dies. Many requests share the child, each with its own bounded buffer.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import structlog
import trio

import voicechat
from voicechat.errors import EngineFailed, VoicechatError
from voicechat.speech.worker_child import ONE_THREAD, Frame, Kind
from voicechat.speech.worker_link import Life, Request, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = structlog.get_logger()

__all__ = ["Request", "WorkerDied", "WorkerProcess", "python_module"]

BACKOFF = (0.1, 5.0)
"""First and longest wait in seconds before a dead child is replaced; it doubles in between."""
HEALTHY_AFTER = (
    10.0  # seconds of service after which the next death starts from the first wait again
)
FIRST_STARTS = 3  # a child that was never ready so many times is broken, not unlucky
LAST_WORDS = 0.5  # seconds in which a dead child's standard error is still read


def python_module(module: str) -> tuple[str, ...]:
    """The command that runs a module of this package without trusting the working directory."""
    return (sys.executable, "-P", "-m", module)


@attrs.define(eq=False)
class WorkerProcess:
    """Supervises one engine process.

    Attributes:
        name: What people call it, as in "speech recogniser"; used in messages and the log.
        command: The program and its arguments; see `python_module`.
        configuration: JSON value that each new child gets first.
        on_ready: Called with the child's JSON about itself whenever one becomes ready; an error of
            ours raised here (a voice that does not exist) ends `run`.
        ready_timeout: Seconds that a child has to become ready.
        stall_timeout: Seconds of silence after which a child that owes an answer is killed.
        buffered: Frames kept for a request whose owner does not fetch them.
    """

    name: str
    command: Sequence[str]
    configuration: Any = None
    on_ready: Callable[[Any], None] | None = None
    ready_timeout: float = 30.0
    stall_timeout: float = 10.0
    buffered: int = 4096
    _numbers: itertools.count[int] = attrs.field(init=False, factory=partial(itertools.count, 1))
    _life: Life | None = attrs.field(init=False, default=None)
    _changed: trio.Event = attrs.field(init=False, factory=trio.Event)
    _running: bool = attrs.field(init=False, default=True)
    _refused: VoicechatError | None = attrs.field(init=False, default=None)

    async def begin(self, options: Any, on_event: Callable[[Any], None] | None = None) -> Request:
        """Open a request; close it, always.

        Args:
            options: JSON value for the child.
            on_event: Takes the JSON of each EVENT frame, in the reader's task; without it they come
                by `Request.receive`. What it raises is raised by the request's next call.

        Raises:
            EngineFailed: There is no child and none became ready in time.
        """
        with trio.move_on_after(self.ready_timeout):
            while (self._life is None or self._life.over) and self._running:
                await self._changed.wait()
        if (life := self._life) is None or life.over:
            raise EngineFailed(
                f"The {self.name} is not running.", suggested_action="Try again in a moment."
            )
        number = next(self._numbers) & 0xFFFF_FFFF
        request = Request(life, number, on_event, self.stall_timeout)
        life.requests[number] = request
        try:
            await life.send(Frame.of(Kind.OPEN, number, options))
        except BaseException:
            request.close()
            raise
        return request

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a child alive until cancelled; started when the first one is ready.

        Raises:
            EngineFailed: The first children never became ready.
            VoicechatError: Raised by `on_ready`.
        """
        pause, starts, ready = BACKOFF[0], 0, False

        def first_ready() -> None:
            nonlocal ready
            if not ready:
                ready = True
                task_status.started()

        self._running = True
        try:
            while True:
                starts += 1
                served = await self._live(first_ready)
                if self._refused is not None:
                    raise self._refused
                if not ready and starts >= FIRST_STARTS:
                    raise EngineFailed(
                        f"The {self.name} cannot start.",
                        suggested_action="Its own words are in the log; then try to reinstall it.",
                    )
                if served > HEALTHY_AFTER:
                    pause = BACKOFF[0]
                await trio.sleep(pause)
                pause = min(2 * pause, BACKOFF[1])
        finally:
            self._running = False
            self._announce(None)

    def _announce(self, life: Life | None) -> None:
        self._life = life
        self._changed.set()
        self._changed = trio.Event()

    async def _live(self, first_ready: Callable[[], None]) -> float:
        """One child, from birth to burial; returns the seconds it has served."""
        package_root = str(Path(voicechat.__file__).parent.parent)
        paths = [path for path in (os.environ.get("PYTHONPATH"), package_root) if path]
        ready_at = None
        try:
            process = await trio.lowlevel.open_process(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in a terminal is for us to handle
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)},
            )
        except OSError as error:
            log.exception("worker does not start", worker=self.name, error=error.strerror)
            return 0.0
        life = Life(self.name, process, self.buffered)

        def on_ready(about: Any) -> None:
            nonlocal ready_at
            try:
                if self.on_ready is not None:
                    self.on_ready(about)
            except VoicechatError as error:
                self._refused = error
                process.kill()
                return
            ready_at = trio.current_time()
            nursery.cancel_scope.deadline = float("inf")
            log.info("worker ready", worker=self.name, pid=process.pid)
            self._announce(life)
            first_ready()

        try:
            async with trio.open_nursery() as nursery:
                nursery.cancel_scope.deadline = trio.current_time() + self.ready_timeout
                nursery.start_soon(life.log_stderr)
                await life.send(Frame.of(Kind.CONFIGURE, 0, self.configuration))
                writer = trio.CancelScope()
                nursery.start_soon(self._write, life, writer)
                await life.read(on_ready)
                writer.cancel()
                nursery.cancel_scope.deadline = trio.current_time() + LAST_WORDS
        finally:
            self._announce(None)
            life.end()
            await life.reap()
        if self._refused is None:  # it was not turned away because of a setting
            log.warning("worker ended", worker=self.name, pid=process.pid, code=process.returncode)
        return 0.0 if ready_at is None else trio.current_time() - ready_at

    @staticmethod
    async def _write(life: Life, scope: trio.CancelScope) -> None:
        with scope:
            await life.write()

"""The life of one engine process and the requests in it, as the parent sees them.

`voicechat.speech.worker` starts and buries lives; this module carries frames to and from one. The
reader never waits for a request's owner, so that a slow owner cannot hold up the others.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
import trio

from voicechat.errors import EngineFailed
from voicechat.speech.worker_child import READ_SIZE, Frame, FrameParser, Kind, OutOfStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger()

QUEUE = 64  # frames to the child; the pipe holds 64 KiB more
UNACKNOWLEDGED = 8  # audio frames of one request inside the child, so that requests take turns
REAP_TIMEOUT = 5.0  # seconds for the kernel to hand over a killed child
LOG_LINE = 2000  # bytes of a line of standard error that are worth logging


class WorkerDied(EngineFailed):
    """The child ended while a request was open; the same request can be tried on the next child."""


_LEEWAY = 0.01  # seconds, so that the clock has surely passed the limit when it is looked at


class Life:
    """One child process from start to end."""

    def __init__(self, name: str, process: trio.Process, buffered: int) -> None:
        self.name = name
        self.buffered = buffered
        self.requests: dict[int, Request] = {}
        self.spoke_at = trio.current_time()
        self.over = False
        self._process = process
        self._outbox, self._queued = trio.open_memory_channel[Frame](QUEUE)
        self._late_aborts: deque[int] = deque()  # bounded by the requests that were open

    def died(self) -> WorkerDied:
        """The error for whoever still waits."""
        return WorkerDied(
            f"The {self.name} stopped working and is being restarted.",
            suggested_action="Try again in a moment.",
        )

    def kill(self, reason: str) -> None:
        """End the child; the supervisor starts another."""
        log.warning("worker killed", worker=self.name, pid=self._process.pid, reason=reason)
        self.over = True
        self._process.kill()

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Kill the child if what is within takes longer; it does not take what it is given.

        Raises:
            WorkerDied: It took longer.
        """
        with trio.move_on_after(seconds) as scope:
            yield
        if scope.cancelled_caught:
            self.kill("no answer")
            raise self.died()

    async def send(self, frame: Frame) -> None:
        """Queue a frame; waits while the queue is full.

        Raises:
            WorkerDied: The child is gone.
        """
        try:
            await self._outbox.send(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self.died() from None

    def forget(self, number: int, *, abort: bool) -> None:
        """Drop what still comes for a request, and let the child stop working on it."""
        if self.requests.pop(number, None) is None or not abort or self.over:
            return
        try:
            self._outbox.send_nowait(Frame(Kind.ABORT, number))
        except trio.WouldBlock:
            self._late_aborts.append(number)  # the queue is full, so the writer will come by

    def end(self) -> None:
        """Fail whatever is open: nothing can come any more."""
        self.over = True
        self._outbox.close()
        self._queued.close()
        for request in self.requests.values():
            request.fail(self.died())
        self.requests.clear()

    async def write(self) -> None:
        """Send what is queued, aborts first, without the frames of requests that were aborted."""
        assert self._process.stdin is not None  # noqa: S101  (opened as a pipe)
        try:
            async for frame in self._queued:
                while self._late_aborts:
                    number = self._late_aborts.popleft()
                    await self._process.stdin.send_all(Frame(Kind.ABORT, number).encode())
                if frame.request in self.requests or not frame.request or frame.kind is Kind.ABORT:
                    await self._process.stdin.send_all(frame.encode())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the reader notices the death

    async def read(self, on_ready: Callable[[Any], None]) -> None:
        """Hand out what the child says, until it ends."""
        assert self._process.stdout is not None  # noqa: S101  (opened as a pipe)
        parser = FrameParser()
        while data := await self._process.stdout.receive_some(READ_SIZE):
            try:
                frames = parser.feed(data)
            except OutOfStep:
                self.kill("out of step")
                return
            self.spoke_at = trio.current_time()
            for frame in frames:
                if frame.kind is Kind.READY:
                    on_ready(frame.json())
                elif request := self.requests.get(frame.request):
                    request.deliver(frame)

    async def log_stderr(self) -> None:
        """Put the child's own words into the log, a line each, however long it makes them."""
        assert self._process.stderr is not None  # noqa: S101  (opened as a pipe)
        line = b""
        async for data in self._process.stderr:
            *lines, line = (line + data).split(b"\n")
            for text in lines:
                self._log_line(text)
            line = line[:LOG_LINE]
        self._log_line(line)

    def _log_line(self, line: bytes) -> None:
        if text := line[:LOG_LINE].decode(errors="replace").strip():
            log.info("worker said", worker=self.name, pid=self._process.pid, stderr=text)

    async def reap(self) -> None:
        """Leave no process and no pipe; shielded, as it runs when all else is cancelled."""
        with trio.CancelScope(shield=True):
            self._process.kill()
            with trio.move_on_after(REAP_TIMEOUT) as scope:
                await self._process.wait()
            if scope.cancelled_caught:  # in an uninterruptible system call; init will have it
                log.error("worker cannot be killed", worker=self.name, pid=self._process.pid)
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    await pipe.aclose()


class Request:
    """One piece of work in the child, from `WorkerProcess.begin`; its owner closes it."""

    def __init__(
        self, life: Life, number: int, on_event: Callable[[Any], None] | None, stall_timeout: float
    ) -> None:
        self._life = life
        self._number = number
        self._on_event = on_event
        self._stall_timeout = stall_timeout
        self._incoming, self._frames = trio.open_memory_channel[Frame](life.buffered)
        self._in_flight = 0
        self._acknowledged = trio.lowlevel.ParkingLot()
        self._error: Exception | None = None
        self._complete = False

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the child; waits while it has not taken what it was given before.

        Raises:
            WorkerDied: The child is gone.
            EngineFailed: The child gave up this request.
        """
        await self._acknowledged_but(UNACKNOWLEDGED - 1)
        self._in_flight += 1
        await self._send(Frame(Kind.AUDIO, self._number, pcm))

    async def taken(self) -> None:
        """Wait until the child has used up all audio.

        Raises:
            WorkerDied: The child is gone, or took nothing for too long and has been killed.
            EngineFailed: The child gave up this request.
        """
        await self._acknowledged_but(0)
        if self._in_flight and self._error is not None:
            raise self._error

    async def _acknowledged_but(self, most: int) -> None:
        """Wait until no more audio frames than `most` are in the child, or the request is over."""
        while self._in_flight > most and self._error is None:
            with self._life.patience(self._stall_timeout):
                await self._acknowledged.park()

    async def send_ask(self) -> None:
        """Ask how the request stands; an ANSWER comes by `receive`."""
        await self._send(Frame(Kind.ASK, self._number))

    async def send_end(self) -> None:
        """Tell the child that no more audio comes."""
        await self._send(Frame(Kind.END, self._number))

    async def _send(self, frame: Frame) -> None:
        if self._error is not None:
            raise self._error
        with self._life.patience(self._stall_timeout):
            await self._life.send(frame)

    async def receive(self) -> Frame:
        """The next frame: AUDIO, ANSWER, EVENT (without a callback), or RESULT, which is the last.

        Raises:
            WorkerDied: The child is gone, or was silent too long and has been killed.
            EngineFailed: The child gave up this request, or its answer outgrew the buffer.
        """
        asked_at = trio.current_time()
        while True:
            # A child that is busy with the requests before this one is not a silent child.
            alive_at = max(asked_at, self._life.spoke_at)
            if trio.current_time() - alive_at > self._stall_timeout:
                self._life.kill("no answer")
                raise self._life.died()
            with trio.move_on_at(alive_at + self._stall_timeout + _LEEWAY):
                try:
                    return await self._frames.receive()
                except trio.EndOfChannel:
                    raise self._error or self._life.died() from None

    def close(self) -> None:
        """Forget the request; the child is told to stop unless it had finished. Never waits."""
        self._frames.close()
        self._life.forget(self._number, abort=not self._complete)

    def deliver(self, frame: Frame) -> None:
        """Take a frame from the reader; never waits, never raises."""
        if frame.kind is Kind.TAKEN:
            self._in_flight -= 1
            self._acknowledged.unpark_all()
        elif frame.kind is Kind.FAILED:
            self._complete = True
            log.warning("worker failed", worker=self._life.name, reason=frame.json())
            self.fail(EngineFailed(f"The {self._life.name} could not do this."))
        elif frame.kind is Kind.EVENT and self._on_event is not None:
            try:
                self._on_event(frame.json())
            except Exception as error:  # noqa: BLE001  (raised in the task that owns the request)
                self._give_up(error)
        else:
            self._complete = self._complete or frame.kind is Kind.RESULT
            try:
                self._incoming.send_nowait(frame)
            except trio.WouldBlock:
                self._give_up(EngineFailed(f"The answer of the {self._life.name} is too long."))

    def _give_up(self, error: Exception) -> None:
        self.fail(error)
        self._life.forget(self._number, abort=True)

    def fail(self, error: Exception) -> None:
        """Make the owner's next (or present) call raise `error`, after what did arrive."""
        if self._error is None:
            self._error = error
            self._incoming.close()
            self._acknowledged.unpark_all()

"""Runs one turn after another, never two at once, and keeps the record of each.

One task, `run`, owns them. What users ask goes before what the assistant wants to say by itself,
and that waits until nobody speaks. A fault in a turn ends that turn and is told, nothing else.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import structlog
import trio
from structlog.contextvars import bound_contextvars

from voicechat.conversation.history import History
from voicechat.conversation.trace import flat, trace_of
from voicechat.conversation.turn import Turn
from voicechat.conversation.waiting import Waiting
from voicechat.errors import EngineFailed, expected
from voicechat.observability.correlation import new_correlation_id
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamError,
    StreamInterrupted,
)
from voicechat.protocol.messages.trace import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from voicechat.agents.ports import Message
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.speaker import Speech
    from voicechat.conversation.thinking import Thinkers
    from voicechat.conversation.turn import TurnRequest
    from voicechat.errors import VoicechatError
    from voicechat.protocol.messages.trace import TurnTrace
    from voicechat.thermal.slot import Owner

log = structlog.get_logger()

_TRACES = 100  # so many turns of a session can be looked at
_LAST_REPORT_S = 1.0
"""How long a client that was interrupted may take to tell what it had played."""


class Turns:
    """The turns of one session.

    Args:
        thinkers: Who thinks.
        owner: For whom, at the gate of inference.
        speech: How answers are spoken.
        emit: Reaches the client.
        report: Tells the client what went wrong beside the answer.
        speak: Whether answers are spoken.
        on_trace: Told of each turn that has ended, for metrics.

    Attributes:
        speak: Whether answers are spoken.
        history: What was said.
        waiting: What comes next.
        current: The turn that runs, a draft included.
        latest: The newest turn that was no draft.
        previous: The one before it.
        traces: Records of the newest turns, oldest first.
    """

    def __init__(
        self,
        *,
        thinkers: Thinkers,
        owner: Owner,
        speech: Speech,
        emit: Emit,
        report: Callable[[VoicechatError], Awaitable[None]],
        speak: bool,
        on_trace: Callable[[TurnTrace], None],
    ) -> None:
        self.speak = speak
        self.history = History()
        self.waiting = Waiting()
        self.current: Turn | None = None
        self.latest: Turn | None = None
        self.previous: Turn | None = None
        self.traces: deque[TurnTrace] = deque(maxlen=_TRACES)
        self._thinkers = thinkers
        self._owner = owner
        self._speech = speech
        self._emit = emit
        self._report = report
        self._on_trace = on_trace
        self._scope: trio.CancelScope | None = None
        self._stop_reason = StopReason.INTERRUPTED
        self._busy = 0
        self._stopping = False

    def restore(self, messages: Iterable[tuple[int, Message]], last: int) -> None:
        """Go on after turn `last`; what was said by then comes with its turns."""
        self.history.restore(messages)
        self.waiting.number_from(last)

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered, told or recorded, nor waits for it."""
        return not self._busy and not self.waiting.asked

    async def run(self) -> None:
        """Run them until cancelled."""
        async with trio.open_nursery() as recorders:
            while True:
                request = await self.waiting.next()
                turn = Turn(
                    request,
                    thinkers=self._thinkers,
                    owner=attrs.evolve(self._owner, speculative=True),
                    history=self.history.messages(),
                    speech=self._speech,
                    emit=self._emit,
                )
                # A newer question waits: answer this one in text, so that nothing is lost.
                request.speak = request.speak and self.speak and not self.waiting.certain
                try:
                    with self.busy(), bound_contextvars(turn_id=request.turn or None):
                        await self._guarded(turn, recorders)
                finally:
                    request.done.set()
                    self.waiting.change()

    # -- what others want ----------------------------------------------------------------------

    def ask(self, request: TurnRequest) -> None:
        """Answer the user under the request's number; stops the answer that is running.

        An answer that began only after the user had asked this is heard first.
        """
        if self.current is None or request.since >= self.current.began_at:
            self._make_way()
        request.released.set()
        self.waiting.ask(request)

    def draft(self, request: TurnRequest) -> None:
        """Prepare an answer; nothing of it gets out before `release`."""
        self.waiting.ask(request)

    def release(self, draft: TurnRequest, turn: int) -> bool:
        """Make a draft the answer, as number `turn`; False when there is no such draft any more."""
        if draft.withdrawn or draft.done.is_set():
            return False
        draft.turn = turn
        draft.released.set()
        if self.current is not None and self.current.request is draft:
            self._enter(self.current)
        else:
            self._make_way()
        return True

    def withdraw(self, draft: TurnRequest) -> None:
        """A draft is of no use."""
        draft.withdrawn = True
        if self.current is not None and self.current.request is draft:
            self.stop(StopReason.NEW_TURN)
        self.waiting.change()

    async def announce(self, request: TurnRequest) -> None:
        """Say something as a turn of the assistant's own; returns when that has ended."""
        self.waiting.announce(request)
        try:
            await request.done.wait()
        finally:
            self.waiting.forget(request)

    def stop(self, reason: StopReason, turn: int | None = None) -> None:
        """Stop the answer that is running, if it is `turn` or `turn` is None."""
        if turn is not None:
            self.waiting.stop(turn, reason)
        if self.current is None or (turn is not None and turn != self.current.request.turn):
            return
        self.current.request.withdrawn = not self.current.request.released.is_set()
        if self._scope is not None and not self._scope.cancel_called:
            self._stop_reason = reason
            self._scope.cancel()

    def stop_all(self) -> None:
        """Stop the answer that is running and each that follows, because the server ends."""
        self._stopping = True
        self.stop(StopReason.SHUTDOWN)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """For what `drain` has to wait for."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self.waiting.change()

    async def drain(self) -> None:
        """Wait until all that users asked is answered, told and recorded.

        What the assistant wanted to say by itself, and has not begun, is not said.
        """
        self.waiting.drop_announcements()
        await self.waiting.until(lambda: self.idle)

    # -- inside --------------------------------------------------------------------------------

    def _make_way(self) -> None:
        """Stop what is running, and drop drafts that wait: something certain comes."""
        self.stop(StopReason.NEW_TURN)
        self.waiting.drop_drafts()

    async def _guarded(self, turn: Turn, recorders: trio.Nursery) -> None:
        request = turn.request
        self.current = turn
        if request.released.is_set():
            self._enter(turn)
        ended: Outcome
        try:
            with trio.CancelScope() as self._scope:
                if stopped := StopReason.SHUTDOWN if self._stopping else request.stopped:
                    self.stop(stopped)
                await turn.run()
            ended = Outcome.INTERRUPTED if self._scope.cancelled_caught else Outcome.COMPLETE
            request.complete = ended is Outcome.COMPLETE
        except Exception as error:
            ended = Outcome.FAILED
            if request.released.is_set():
                await self._failed(turn, error)
            else:
                log.info("draft failed", exc_info=None if expected(error) else error)
        finally:
            self.current = self._scope = None
        if not request.released.is_set():
            return
        if ended is Outcome.INTERRUPTED:
            turn.cut = True
            turn.speaker.stop()
            await turn.tell_begin()
            await self._emit(StreamInterrupted(request.turn, self._stop_reason))
        elif ended is Outcome.COMPLETE:
            if turn.speaker.unspoken is not None:
                await self._report(turn.speaker.unspoken)
            await self._emit(ResponseComplete(request.turn, turn.text, turn.timings()))
        reason = self._stop_reason if ended is Outcome.INTERRUPTED else None
        await recorders.start(self._record, turn, ended, reason)

    def _enter(self, turn: Turn) -> None:
        """It is no draft, or no longer."""
        turn.begin()
        request = turn.request
        self.previous, self.latest = self.latest, turn
        if request.origin is Origin.NOTICE:
            return
        if request.origin is not Origin.ASSISTANT and request.rejected is None:
            self.history.user(request.turn, request.text)
        self.history.answer(request.turn, turn)

    async def _record(
        self,
        turn: Turn,
        ended: Outcome,
        reason: StopReason | None,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep and tell the record, once the client has had time to say what it played."""
        with self.busy():
            task_status.started()
            try:
                patient = self._speech.reports and not self._stopping
                if turn.cut and turn.speaker.samples and patient:
                    with trio.move_on_after(_LAST_REPORT_S):
                        await turn.speaker.done.wait()
            finally:
                trace = trace_of(turn, ended, reason)
                self.traces.append(trace)
                self._on_trace(trace)
                log.info("turn ended", **flat(trace))
            await self._emit(trace)

    async def _failed(self, turn: Turn, error: Exception) -> None:
        await turn.tell_begin()
        correlation_id = new_correlation_id()
        known = expected(error)
        log.error(
            "turn failed",
            turn_id=turn.request.turn,
            correlation_id=correlation_id,
            exc_info=None if known else error,
        )
        if known is None:
            known = EngineFailed("The answer could not be finished.", suggested_action="Ask again.")
        await self._emit(StreamError.of(turn.request.turn, known, correlation_id))

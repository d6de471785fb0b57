"""Who has the floor: takes speech and text, runs one turn after another, and never two at once.

One task, `run`, owns the turns. A request of the user stops the answer that is running; what the
assistant wants to say by itself waits for its end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from voicechat.conversation.turn import Turn, TurnRequest
from voicechat.errors import EngineFailed, ErrorCode, ProtocolError, expected
from voicechat.observability.correlation import new_correlation_id
from voicechat.protocol.messages.conversation import (
    Origin,
    ResponseComplete,
    StopReason,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
    TurnTimings,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voicechat.agents.ports import Agent
    from voicechat.conversation.emit import Emit
    from voicechat.conversation.listener import Heard
    from voicechat.errors import VoicechatError
    from voicechat.speech.ports import TextToSpeech

log = structlog.get_logger()

_QUEUED_TURNS = 16
_SPOKEN_REFUSALS = 2
"""So many refusals in a row are spoken; after that only shown, or a television makes it nag."""


class Conversation:
    """The turns of one session.

    Args:
        agent: Who thinks.
        tts: Who speaks.
        emit: Reaches the client.
        report: Tells the client what went wrong beside the answer.
        output_rate: Sample rate in Hz of the speech that the client wants.
        speak: Whether answers are spoken; can be changed at any time.
        ahead_s: Seconds of speech that may leave before they are due.
    """

    def __init__(
        self,
        *,
        agent: Agent,
        tts: TextToSpeech,
        emit: Emit,
        report: Callable[[VoicechatError], Awaitable[None]],
        output_rate: int,
        speak: bool,
        ahead_s: float,
    ) -> None:
        self.speak = speak
        self._agent = agent
        self._tts = tts
        self._emit = emit
        self._report = report
        self._output_rate = output_rate
        self._ahead_s = ahead_s
        # Announcements may fill it too, but they wait for a place: users' requests always find one.
        self._requests, self._queue = trio.open_memory_channel[TurnRequest](2 * _QUEUED_TURNS)
        self._last_turn = 0
        self._current: Turn | None = None
        self._scope: trio.CancelScope | None = None
        self._stop_reason = StopReason.INTERRUPTED
        self._waiting_users = 0
        self._refusals = 0
        self._audible_until = -math.inf
        self._audible_turn = 0
        self._played_out = trio.Event()
        self._open = 0
        self._turn_ended = trio.Event()
        self._draining = False
        self._stopping = False

    async def run(self) -> None:
        """Own the agent's background work and the turns, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._agent.run, self.announce)
            async for request in self._queue:
                await self._run_turn(request)

    # -- what the client says ------------------------------------------------------------------

    def user_text(self, text: str) -> int:
        """The user typed; stops the answer that is running.

        Returns:
            The number of the turn that will answer.

        Raises:
            ProtocolError: With code `backpressure` when too many turns wait, or
                `server_shutting_down`.
        """
        self._check_open()
        request = TurnRequest(self._number(), Origin.TEXT, text, trio.current_time())
        self._submit(request)
        return request.turn

    async def heard(self, heard: Heard) -> None:
        """An utterance of the user is final; errors as `user_text`."""
        transcript = heard.transcript
        try:
            self._check_open()
        except ProtocolError:
            await self._emit(TranscriptFinal(transcript.text, transcript.accepted, turn=None))
            raise
        request: TurnRequest | None = None
        if transcript.accepted and transcript.text:
            self._refusals = 0
            request = self._spoken(heard)
        elif not self._audible() and not heard.trivial:
            # While the assistant can be heard this is most likely its own echo.
            self._refusals += 1
            request = self._spoken(heard)
            request.rejected = transcript
            request.speak = self._refusals <= _SPOKEN_REFUSALS
        await self._emit(
            TranscriptFinal(
                transcript.text,
                transcript.accepted,
                None if request is None else request.turn,
                transcript.confidence,
            )
        )
        if request is not None:
            self._submit(request)

    def interrupt(self, turn: int | None) -> None:
        """Stop the answer that is running, if it is `turn` or `turn` is None."""
        self._stop(StopReason.INTERRUPTED, turn)

    def played(self, turn: int, *, done: bool) -> None:
        """The client reports its loudspeaker."""
        if done and turn == self._audible_turn:
            self._audible_until = -math.inf
            self._played_out.set()

    async def announce(self, text: str) -> None:
        """Say `text` as a turn of the assistant's own, after the one that is running."""
        request = TurnRequest(self._number(), Origin.ASSISTANT, text, trio.current_time())
        if self._draining:
            return
        self._open += 1
        try:
            await self._requests.send(request)
        except trio.Cancelled:
            self._open -= 1
            raise
        await request.done.wait()

    # -- the end -------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take no new turn; return when the one that is running has ended."""
        self._draining = True
        while self._open:
            await self._turn_ended.wait()

    def stop(self) -> None:
        """End every turn that is left because the server does."""
        self._stopping = True
        self._stop(StopReason.SHUTDOWN, None)

    # -- inside --------------------------------------------------------------------------------

    def _number(self) -> int:
        self._last_turn += 1
        return self._last_turn

    def _spoken(self, heard: Heard) -> TurnRequest:
        return TurnRequest(
            self._number(),
            Origin.VOICE,
            heard.transcript.text,
            heard.speech_end_at,
            endpoint_at=heard.endpoint_at,
            final_at=heard.final_at,
        )

    def _check_open(self) -> None:
        if self._draining:
            raise ProtocolError(
                "The server is shutting down.",
                suggested_action="Ask again when it is back.",
                code=ErrorCode.SERVER_SHUTTING_DOWN,
            )
        if self._waiting_users >= _QUEUED_TURNS:
            raise ProtocolError(
                "Too many messages wait for an answer.",
                suggested_action="Wait for an answer before you send more.",
                code=ErrorCode.BACKPRESSURE,
            )

    def _submit(self, request: TurnRequest) -> None:
        self._requests.send_nowait(request)
        self._open += 1
        self._waiting_users += 1
        self._stop(StopReason.NEW_TURN, None)

    def _stop(self, reason: StopReason, turn: int | None) -> None:
        if self._current is None or self._scope is None:
            return
        if turn is not None and turn != self._current.request.turn:
            return
        if not self._scope.cancel_called:
            self._stop_reason = reason
            self._scope.cancel()

    def _audible(self) -> bool:
        return self._current is not None or trio.current_time() < self._audible_until

    async def _run_turn(self, request: TurnRequest) -> None:
        if request.origin is Origin.ASSISTANT:
            await self._played_to_end()
        else:
            self._waiting_users -= 1
            # A newer question waits: answer this one in text, so that nothing is lost.
            request.speak = request.speak and not self._waiting_users
        request.speak = request.speak and self.speak
        turn = Turn(
            request,
            agent=self._agent,
            tts=self._tts,
            emit=self._emit,
            output_rate=self._output_rate,
            ahead_s=self._ahead_s,
        )
        with structlog.contextvars.bound_contextvars(turn_id=request.turn):
            try:
                await self._guarded(turn)
            finally:
                request.done.set()
                self._open -= 1
                self._turn_ended.set()
                self._turn_ended = trio.Event()

    async def _played_to_end(self) -> None:
        """Wait until the answer before has been heard, and not only sent."""
        self._played_out = trio.Event()
        with trio.move_on_at(self._audible_until):
            await self._played_out.wait()

    async def _guarded(self, turn: Turn) -> None:
        """The barrier: a fault in a turn ends that turn and is told, nothing else."""
        request = turn.request
        self._current, self._scope = turn, trio.CancelScope()
        if self._stopping:
            self._stop(StopReason.SHUTDOWN, None)
        try:
            with self._scope as scope:
                await self._emit(TurnStarted(request.turn, request.origin))
                await turn.run()
        except Exception as error:  # noqa: BLE001  (the barrier of a turn)
            await self._failed(request.turn, error)
            return
        finally:
            now = trio.current_time()
            self._current = self._scope = None
            self._audible_turn = request.turn
            self._audible_until = now if scope.cancel_called else now + turn.audible_for(now)
        if scope.cancelled_caught:
            log.info("turn interrupted", reason=self._stop_reason, samples=turn.samples)
            await self._emit(StreamInterrupted(request.turn, self._stop_reason))
            return
        if turn.unspoken is not None:
            await self._report(turn.unspoken)
        timings = turn.timings()
        log.info("turn complete", origin=request.origin, **_present(timings))
        await self._emit(ResponseComplete(request.turn, turn.text, timings))

    async def _failed(self, turn: int, error: Exception) -> None:
        correlation_id = new_correlation_id()
        known = expected(error)
        log.error("turn failed", correlation_id=correlation_id, exc_info=None if known else error)
        if known is None:
            known = EngineFailed("The answer could not be finished.", suggested_action="Ask again.")
        await self._emit(StreamError.of(turn, known, correlation_id))


def _present(timings: TurnTimings) -> dict[str, float]:
    return {name: ms for name, ms in attrs.asdict(timings).items() if ms is not None}

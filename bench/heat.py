"""What watching the heat costs: the governor's share of a core, a reading, and passing the gate.

    python bench/heat.py [SECONDS]

The governor polls a real file once a second (a thermal zone where the machine has one), by way of a
worker thread as on a Raspberry Pi, for SECONDS (30) of real time; its CPU time is compared with the
same time of a Trio run that only sleeps. The gate is compared with a plain `trio.CapacityLimiter`
and a bare checkpoint, in the same process and rounds, alone and with 40 others that wait.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import trio
import trio.testing

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Settings
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.governor import Governor
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.sensors import choose
from voicechat.thermal.slot import Kind, Owner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from voicechat.thermal.ports import ThermalSensor

ROUNDS = 7
CALLS = 2_000
READS = 2_000
OTHERS = 40
BANDS = {ThermalState(step): band for step, band in Settings().thermal.bands.items()}


def sensor_of(folder: Path) -> ThermalSensor:
    """The machine's own thermometer, or else a file as sysfs has it."""
    found = choose.make("auto", busy_s=lambda: 0.0)
    if found is not None:
        return found
    (folder / "temp").write_text("48312\n", encoding="ascii")
    made = choose.make(f"file:{folder / 'temp'}", busy_s=lambda: 0.0)
    assert made is not None
    return made


async def cpu_of_governor(sensor: ThermalSensor, seconds: float) -> float:
    """CPU seconds of the process, all threads, while the governor polls."""
    governor = Governor(sensor, BANDS, InferenceGate(4), interval_s=1.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(governor.run)
        begin = time.process_time()
        await trio.sleep(seconds)
        used = time.process_time() - begin
        nursery.cancel_scope.cancel()
    return used


async def cpu_of_sleeping(seconds: float) -> float:
    begin = time.process_time()
    await trio.sleep(seconds)
    return time.process_time() - begin


async def reads(sensor: ThermalSensor) -> list[float]:
    """Milliseconds of each reading, thread hop included."""
    found = []
    for _ in range(READS):
        begin = time.perf_counter()
        await sensor.read()
        found.append((time.perf_counter() - begin) * 1e3)
    return sorted(found)


async def us(call: Callable[[], Awaitable[None]]) -> float:
    """Microseconds of a call: the median of rounds, which are long enough for a quiet moment."""
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(CALLS):
            await call()
        rounds.append((time.perf_counter() - begin) / CALLS * 1e6)
    return statistics.median(rounds)


@contextlib.asynccontextmanager
async def waiting(gate: InferenceGate, size: int) -> AsyncIterator[None]:
    """Others wait while this lasts, and it is never their turn: nobody waits for their work."""
    owner = Owner(gate, "speculation", speculative=True)

    async def wait() -> None:
        async with owner.slot(Kind.TTS):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(size):
            nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


async def of_gate(others: int) -> list[float]:
    """Microseconds of checkpoint, enter and leave, and away, while others wait."""
    gate = InferenceGate(4)
    user = Owner(gate, "user")

    async def enter_and_leave() -> None:
        async with user.slot(Kind.TTS):
            pass

    async with contextlib.AsyncExitStack() as held:
        for _ in range(gate.slots):
            slot = await held.enter_async_context(user.slot(Kind.TTS))
        async with waiting(gate, others):
            checkpoint = await us(slot.checkpoint)
    gate.limit(LIMITS[ThermalState.NO_SPECULATION])
    async with waiting(gate, others), user.slot(Kind.TTS) as slot:

        async def away() -> None:
            async with slot.away():
                pass

        return [checkpoint, await us(enter_and_leave), await us(away)]


async def of_limiter() -> list[float]:
    """The same of what Trio has."""
    limiter = trio.CapacityLimiter(4)

    async def enter_and_leave() -> None:
        async with limiter:
            pass

    return [await us(trio.lowlevel.checkpoint), await us(enter_and_leave)]


async def contended(hold: Callable[[], contextlib.AbstractAsyncContextManager[object]]) -> float:
    """Microseconds a turn while `OTHERS` hand four slots on, one checkpoint in each turn."""
    turns = CALLS * ROUNDS // OTHERS

    async def take_turns() -> None:
        for _ in range(turns):
            async with hold():
                await trio.lowlevel.checkpoint()

    begin = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(OTHERS):
            nursery.start_soon(take_turns)
    return (time.perf_counter() - begin) / (turns * OTHERS) * 1e6


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sensor = sensor_of(Path(folder))
        times = await reads(sensor)
        governor = [await cpu_of_governor(sensor, seconds), await cpu_of_sleeping(seconds)]
    for name, used in zip(
        ("governor, a reading a second", "a run that sleeps"), governor, strict=True
    ):
        print(f"{name:36}{used / seconds:10.4%} of a core over {seconds:g} s")
    p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
    print(f"{'a reading (' + sensor.name + ')':36}{p50:8.3f} ms p50, {p95:.3f} ms p95\n")
    alone, crowded, peer = await of_gate(0), await of_gate(OTHERS), await of_limiter()
    gate, limiter = InferenceGate(4), trio.CapacityLimiter(4)
    user = Owner(gate, "user")
    alone.append(await contended(lambda: user.slot(Kind.TTS)))
    peer.append(await contended(lambda: limiter))
    print(f"{'microseconds':36}{'alone':>10}{f'{OTHERS} wait':>10}{'Trio alone':>14}")
    rows = (
        ("checkpoint", alone[0], crowded[0], peer[0]),
        ("enter and leave", alone[1], crowded[1], peer[1]),
        ("away and back", alone[2], crowded[2], None),
        (f"a turn, {OTHERS} contend for 4 slots", None, alone[3], peer[2]),
    )
    for name, *cells in rows:
        first, second, third = ("-" if cell is None else f"{cell:.1f}" for cell in cells)
        print(f"{name:36}{first:>10}{second:>10}{third:>14}")


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    trio.run(main, float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)

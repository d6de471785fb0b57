"""What a spoken turn costs beyond the engines: voicechat beside Pipecat, one core each time.

    python bench/turns.py [--quick] [--only voicechat|pipecat]

Both run with recogniser, agent and synthesiser that take no time, and with Silero voice activity,
which is real. The server has one core, the load the other. The load speaks recordings of people at
the pace of real time in frames of 20 ms.

**Overhead** is the time from the moment the voice activity declares the stop to the first byte of
the answer's audio at the client. That moment is the same for both: when the client sends the frame
that holds the last sample the server needs to decide. Which frame that is, each server shows by
itself: in a calibration with one session, frames behind speech are sent one at a time, and the next
only when the server had time to answer. So the silence that each wants to hear does not count, and
all that comes after does: socket, resampling, voice activity, turn taking, engines' calls, socket.

**Capacity** is the largest number of sessions at which p95 is at most 150 ms above that of one
session and nearly every answer comes within 3 s. **Memory** is the growth of the resident set per
session. CPU-seconds are those of the server and its children per second of each session.

Two columns tell whether the machine was free enough to believe the rest: how late the load sent its
frames, and the part of the time in which the server's main thread wanted the core and another
thread had it (Pipecat's own threads, too). On a machine with other work, give the whole run
real-time priority: ``chrt -r 1 python bench/turns.py``.

Pipecat gets a virtual environment of its own from ``bench/pipecat/requirements.txt``, once, under
``$XDG_CACHE_HOME``; where it cannot be installed its rows are missing, and the reason is printed.
Recordings are those of ``VOICECHAT_TEST_DATA``; without them flite speaks.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import wave
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.load import FRAME_S, Microphone, calibrate, loop_of, pace
from bench.peers import Peer, peers, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psutil

CLIPS = ("cards_001.wav", "cards_003.wav", "cards_004.wav")
LEVELS = (1, 5, 10, 20, 40)
GROWTH_S = 0.150
MISSED = 0.02


@attrs.frozen
class Level:
    """The figures of one number of sessions; times in seconds, memory in bytes a session."""

    sessions: int
    overheads: tuple[float, ...]
    missed: int
    cpu: float
    memory: float
    late_p99: float
    denied: float
    load: float

    @property
    def p50(self) -> float:
        """Median overhead."""
        return percentile(self.overheads, 50)

    @property
    def p95(self) -> float:
        """95th percentile of it."""
        return percentile(self.overheads, 95)


def percentile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else float("inf")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


# --- measuring ---


@attrs.frozen
class Spent:
    """What the server and its children have used: seconds and bytes.

    Attributes:
        at: When this was read.
        cpu: CPU time.
        memory: Resident set.
        denied: Time in which their main threads could have run and another had the core.
    """

    at: float
    cpu: float
    memory: int
    denied: float

    @classmethod
    def by(cls, process: psutil.Process) -> Spent:
        """Read it now."""
        cpu, memory, denied = 0.0, 0, 0
        for each in (process, *process.children(recursive=True)):
            times = each.cpu_times()
            cpu += times.user + times.system
            memory += each.memory_info().rss
            denied += int(Path(f"/proc/{each.pid}/schedstat").read_text().split()[1])
        return cls(trio.current_time(), cpu, memory, denied / 1e9)


@attrs.frozen
class Bench:
    """One server's measurements, on one core.

    Attributes:
        peer: The server.
        core: Where it runs.
        frames: What is said.
        seconds: Least length of a measurement.
        deciding: The frames whose arrival makes the server answer.
    """

    peer: Peer
    core: int
    frames: list[bytes]
    seconds: float
    deciding: list[int]

    async def level(self, sessions: int) -> Level:
        """Measure so many sessions on a fresh server."""
        async with running(self.peer, self.core) as (port, process):
            await self._warm_up(port)
            before = Spent.by(process)
            microphones = [Microphone(self.peer.dialect, self.frames) for _ in range(sessions)]
            async with trio.open_nursery() as nursery:
                for number, each in enumerate(microphones):
                    # They are at different places of the recording.
                    each.skip(number * len(self.frames) // sessions)
                    nursery.start_soon(each.receive, await each.open(port))
                settle = 5.0  # until the first have been answered
                length = max(self.seconds, self.seconds * 4 / sessions) + settle
                now = trio.current_time()
                begin, end = now + settle, now + settle + length
                marks: list[Spent] = []
                nursery.start_soon(self._mark, process, begin, end, marks)
                late = await pace(microphones, end)
                nursery.cancel_scope.cancel()
            for each in microphones:
                each.close()
        return self._figures(microphones, before, marks, late, (begin, end))

    async def _warm_up(self, port: int) -> None:
        """One session for one answer: what is made once is made now."""
        microphone = Microphone(self.peer.dialect, self.frames)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(microphone.receive, await microphone.open(port))
            await pace([microphone], trio.current_time() + 6.0)
            nursery.cancel_scope.cancel()
        microphone.close()
        await trio.sleep(1.0)

    @staticmethod
    async def _mark(process: psutil.Process, begin: float, end: float, marks: list[Spent]) -> None:
        for at in (begin, end - 0.05):
            await trio.sleep_until(at)
            marks.append(Spent.by(process))

    def _figures(
        self,
        microphones: list[Microphone],
        before: Spent,
        marks: list[Spent],
        late: list[float],
        window: tuple[float, float],
    ) -> Level:
        found = [each.overheads(self.deciding, *window) for each in microphones]
        answers = [overhead for one in found for overhead in one if overhead is not None]
        began, ended = marks
        seconds = ended.at - began.at
        sessions = len(microphones)
        return Level(
            sessions,
            tuple(answers),
            missed=sum(map(len, found)) - len(answers),
            cpu=(ended.cpu - began.cpu) / seconds / sessions,
            memory=(ended.memory - before.memory) / sessions,
            late_p99=percentile(late, 99),
            denied=(ended.denied - began.denied) / seconds,
            load=os.getloadavg()[0],
        )

    def holds(self, level: Level, alone: Level) -> bool:
        """Whether it answers so many sessions about as well as one."""
        turns = len(level.overheads) + level.missed
        return level.p95 <= alone.p95 + GROWTH_S and level.missed <= MISSED * turns

    async def capacity(self, levels: list[Level], steps: int) -> tuple[int, int]:
        """Sessions that it holds and that it does not, nearer to each other with each step."""
        alone = levels[0]
        good = max(level.sessions for level in levels if self.holds(level, alone))
        bad = min((x.sessions for x in levels if not self.holds(x, alone)), default=0)
        for _ in range(steps):
            middle = (good + bad) // 2 if bad else good * 3 // 2
            if middle in {good, bad}:
                break
            level = await self.level(middle)
            show(self.peer.name, level)
            if self.holds(level, alone):
                good = middle
            else:
                bad = middle
        return good, bad


def show(name: str, level: Level) -> None:
    print(
        f"| {name} | {level.sessions} | {len(level.overheads)} | {level.missed}"
        f" | {level.p50 * 1e3:.1f} | {level.p95 * 1e3:.1f} | {level.cpu:.4f}"
        f" | {level.memory / 2**20:.2f} | {level.late_p99 * 1e3:.1f} | {level.denied:.0%}"
        f" | {level.load:.1f} |",
        flush=True,
    )


HEAD = (
    "| server | sessions | answers | missed | overhead p50, ms | p95 | CPU-s a session-s"
    " | MB a session | load late p99, ms | core denied | load average |\n|---|" + "---|" * 10
)


async def measure(peer: Peer, core: int, frames: list[bytes], arguments: argparse.Namespace) -> str:
    """All figures of one server; the line about its capacity."""
    async with running(peer, core) as (port, _):
        passes = await calibrate(port, peer.dialect, frames, passes=2, patience_s=0.08)
    deciding = [min(places) for places in zip(*passes, strict=False)]
    print(f"{peer.name} answers frames {passes}", file=sys.stderr)
    if len(deciding) != len(CLIPS):
        return f"{peer.name}: not one answer for each recording"
    bench = Bench(peer, core, frames, arguments.seconds, deciding)
    levels = []
    for sessions in arguments.levels:
        levels.append(await bench.level(sessions))
        show(peer.name, levels[-1])
        if not bench.holds(levels[-1], levels[0]):
            break
    good, bad = await bench.capacity(levels, arguments.steps)
    return f"{peer.name}: {good} sessions a core hold, {bad or 'more not tried'} do not"


def recordings() -> list[bytes]:
    """The clips, 16 kHz mono."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("VOICECHAT_TEST_DATA", default))
    if all((folder / name).exists() for name in CLIPS):
        found = []
        for name in CLIPS:
            with wave.open(str(folder / name)) as recording:
                found.append(recording.readframes(recording.getnframes()))
        return found
    from bench.spoken import flite  # noqa: PLC0415  (needs the program)

    return [flite(text, "slt") for text in ("what time is it", "tell me a joke", "stop the timer")]


async def main(arguments: argparse.Namespace) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    os.sched_setaffinity(0, {cores[0]})
    frames = loop_of(recordings())
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; {len(frames) * FRAME_S:.0f} s")
    print(HEAD, flush=True)
    ends = [await measure(peer, cores[1], frames, arguments) for peer in peers(arguments.only)]
    print("\n" + "\n".join(ends))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes, coarse figures")
    parser.add_argument("--only", choices=("voicechat", "pipecat"))
    parser.add_argument("--levels", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--seconds", type=float, help="least length of a measurement")
    parser.add_argument("--steps", type=int, help="how often to narrow the capacity down")
    given = parser.parse_args()
    given.levels = given.levels or ([1, 10, 20] if given.quick else list(LEVELS))
    given.seconds = given.seconds or (8.0 if given.quick else 16.0)
    given.steps = (1 if given.quick else 3) if given.steps is None else given.steps
    trio.run(partial(main, given))

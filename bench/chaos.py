"""Whether anything is lost or doubled when networks are cut and servers killed in mid-turn.

    python bench/chaos.py [--cuts 200] [--kills 50] [--seed N] [--callers 6] [--lanes 2]

Cuts: callers with a microphone, a loudspeaker and a keyboard talk to a real server, each through a
proxy that loses the network at random moments. Each answer, sentence, frame and number is compared
with what was said, with the same sentences without a cut, and with the history that the server
tells over HTTP. Kills: the server ends by SIGKILL up to 600 ms after a message, and is started
again on what it has left. Exit code 1 if anything was lost or doubled. Needs Linux and flite.

The time to come back counts from the moment at which the network (the server) is there again. The
client tries after a random part of 1 s, 2 s, 4 s …; "when told" is a client that is called at that
moment, as a browser is by its `online` event.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import trio

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.chaos_cuts import Came, CutsReport, Kind, run_cuts
from bench.chaos_kills import KillsReport, run_kills
from voicechat.observability import logs
from voicechat.settings import Log

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = ("| {} | tries again | n | p50 | p90 | worst |", "|---|---|---|---|---|---|")


def rows(name: str, values: Iterable[tuple[bool, float | None]]) -> list[str]:
    """A row for those that were told and one for the others: how many, and the time in ms.

    Args:
        name: First cell.
        values: Whether the client was told, and seconds; None for one that never came back.
    """
    pairs = list(values)
    found = []
    for how, is_told in (("by itself", False), ("when told", True)):
        known = [1000 * s for told, s in pairs if told is is_told and s is not None]
        if known:
            p50, p90 = np.percentile(known, (50, 90))
            cells = f"{len(known)} | {p50:.0f} | {p90:.0f} | {max(known):.0f}"
            found.append(f"| {name} | {how} | {cells} |")
    return found


def outage(came: Came) -> str:
    """How long the network was away, in words."""
    if came.cut.kind is not Kind.DOOR:
        return "none: cut, and there at once"
    return f"{int(came.cut.lasts_s)} to {int(came.cut.lasts_s) + 1} s"


def cuts_tables(report: CutsReport) -> str:
    """Markdown."""
    came = report.came
    resumed = sum(each.resumed for each in came)
    spread = {
        "how": Counter(each.cut.kind.value for each in came),
        "while": Counter(each.phase.value for each in came),
    }
    lines = [f"## {len(came)} cuts, {resumed} resumed ({resumed / len(came):.1%})", ""]
    for what, counts in spread.items():
        lines.append(f"{what}: " + ", ".join(f"{name} {n}" for name, n in counts.most_common()))
    lines.append(f"said while the network was away: {report.offline}")
    lines += [f"took {report.took_s:.0f} s", "", HEAD[0].format("ms after an outage of"), HEAD[1]]
    for name in sorted({outage(each) for each in came}, reverse=True):
        group = [each for each in came if outage(each) == name]
        lines += rows(name, ((each.cut.told, each.back_s) for each in group))
    lines += rows("all", ((each.cut.told, each.back_s) for each in came))
    return "\n".join([*lines, "", report.tally.table()])


def kills_tables(report: KillsReport) -> str:
    """Markdown."""
    killed = report.killed
    back = [each for each in killed if each.back_s is not None]
    status = Counter(str(each.status or "question not there yet") for each in killed)
    spoken = sum(each.kill.spoken for each in killed)
    orphans = sum(len(each.orphans) for each in killed)
    known, said = sum(each.known for each in killed), sum(each.said for each in killed)
    outcomes = ", ".join(f"{name} {n}" for name, n in status.most_common())
    intact = sum(each.integrity == "ok" for each in killed)
    lines = [f"## {len(killed)} kills, {len(back)} restored, {spoken} while speaking", ""]
    lines.append(f"of {said} messages and sentences in flight {known} had been acknowledged")
    lines.append(f"answer to the last one, as the history calls it: {outcomes}")
    lines.append(f"answers lost: {report.lost_answers}; asked again: {report.asked_again}")
    lines.append(f"files intact: {intact}; workers left alive: {orphans}")
    lines += [f"took {report.took_s:.0f} s", "", HEAD[0].format("ms after the"), HEAD[1]]
    lines += rows("server was ready", ((each.kill.told, each.back_s) for each in back))
    return "\n".join([*lines, "", report.tally.table()])


async def main(cuts: int, kills: int, seed: int, callers: int, lanes: int) -> int:
    """Do both and print what comes; the exit code."""
    print(f"seed {seed}\n", flush=True)
    problems = []
    if cuts:
        cut = await run_cuts(cuts, seed, min(callers, cuts))
        print(cuts_tables(cut), flush=True)
        problems += cut.problems
    if kills:
        killed = await run_kills(kills, seed, min(lanes, kills))
        print("\n" + kills_tables(killed), flush=True)
        problems += killed.problems
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--callers", type=int, default=6)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    logs.configure(Log(level="error"))
    sys.exit(trio.run(main, *vars(options).values()))

"""Kills a server in the midst of a turn, starts it again, and asks it for everything it had taken.

A lane is one folder of data and one client, whose session goes on over all kills of the lane.
"""

from __future__ import annotations

from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import trio

from bench.chaos_caller import HELLO, Caller, Said
from bench.chaos_check import Tally, check
from bench.chaos_server import chaos_server
from bench.chaos_words import SENTENCES, sums
from voicechat.client.client import open_client
from voicechat.protocol.messages.session import EntryStatus, Speaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.chaos_server import ChaosServer
    from voicechat.protocol.messages.session import HistoryEntry, SessionRestored

RESUME_TIMEOUT_S = 120.0
IN_A_LANE = 10
"""Kills that one session lives through: all that was said in it then fits into one history."""
_LATEST_S = 0.6
"""After the message was sent, or the last word was spoken."""
_ANSWERED_S = 30.0


@attrs.frozen
class Kill:
    """One kill, as it is planned.

    Attributes:
        spoken: Whether a sentence is spoken; else messages are typed …
        count: … so many.
        after_s: From the last message, or from the beginning of the sentence.
        told: Whether the client is told that the server is back.
    """

    spoken: bool
    count: int
    after_s: float
    told: bool

    @classmethod
    def random(cls, chance: Random) -> Kill:
        """Any."""
        spoken = chance.random() < 0.4
        return cls(
            spoken,
            chance.choice((1, 1, 2, 3)),
            chance.uniform(0, _LATEST_S + (1.6 if spoken else 0.0)),
            told=chance.random() < 0.5,
        )


@attrs.frozen
class Killed:
    """What became of a kill.

    Attributes:
        kill: As planned.
        known: Of what was being said the server had acknowledged so many …
        said: … of so many.
        back_s: From the server's being ready to the restored session; None if it never was.
        status: What the history says of the answer to the last of them, if it was kept.
        orphans: Workers of the killed server that went on.
        integrity: What SQLite says of the file as the kill has left it.
    """

    kill: Kill
    known: int
    said: int
    back_s: float | None
    status: EntryStatus | None
    orphans: list[str]
    integrity: str


@attrs.define
class KillsReport:
    """All that was found."""

    killed: list[Killed] = attrs.field(factory=list)
    tally: Tally = attrs.field(factory=Tally)
    asked_again: int = 0
    wrong: list[str] = attrs.field(factory=list)
    took_s: float = 0.0

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        found = [f"never restored: {each.kill}" for each in self.killed if each.back_s is None]
        found += [f"left alive: {name}" for each in self.killed for name in each.orphans]
        found += [f"file: {each.integrity}" for each in self.killed if each.integrity != "ok"]
        return [*found, *self.wrong, *self.tally.problems]


async def run_kills(kills: int, seed: int, lanes: int = 2) -> KillsReport:
    """Kill servers so many times in all, in so many lanes at a time."""
    report = KillsReport()
    begun = trio.current_time()
    todo = [IN_A_LANE] * (kills // IN_A_LANE) + [kills % IN_A_LANE] * bool(kills % IN_A_LANE)
    if len(todo) < lanes:
        todo = [kills * (i + 1) // lanes - kills * i // lanes for i in range(lanes)]
    limit = trio.CapacityLimiter(lanes)

    async def lane(index: int, count: int) -> None:
        async with limit:
            await _lane(count, Random(f"{seed}-kills-{index}"), report)

    async with trio.open_nursery() as nursery:
        for index, count in enumerate(todo):
            nursery.start_soon(lane, index, count)
    report.took_s = trio.current_time() - begun
    return report


async def _lane(kills: int, chance: Random, report: KillsReport) -> None:
    async with (
        chaos_server() as server,
        open_client(
            server.link, hello=HELLO, chance=Random(chance.random()).random
        ) as client,
        trio.open_nursery() as nursery,
    ):
        caller = Caller(client, chance)
        nursery.start_soon(caller.run)
        key = await client.ready()
        await trio.sleep(0.5)
        questions = sums(chance)
        for _ in range(kills):
            await _kill(Kill.random(chance), caller, server, questions, report)
        report.wrong += [f"log: {line}" for line in server.complaints()]
        history = await server.messages(key.session_id, caller.user_key)
        report.tally.add(check(caller, history))
        _check_pairs(history, report)
        if (found := await server.integrity()) != "ok":
            report.wrong.append(f"the file at the end: {found}")
        nursery.cancel_scope.cancel()


async def _kill(
    kill: Kill,
    caller: Caller,
    server: ChaosServer,
    questions: Iterator[tuple[str, str]],
    report: KillsReport,
) -> None:
    """Say something, kill the server, start it, and see what there is of it."""
    await trio.sleep(0.3)
    first = len(caller.said)
    async with trio.open_nursery() as nursery:
        if kill.spoken:
            nursery.start_soon(caller.say, SENTENCES[first % len(SENTENCES)])
        else:
            for _ in range(kill.count):
                caller.type(*next(questions))
        await trio.sleep(kill.after_s)
        await server.kill()
        # What it still had told is heard before its words are weighed.
        await caller.until(lambda: caller.losses > len(caller.lives))
        known = [said for said in caller.said if said.known]
        integrity = await server.integrity()
        orphans = await server.orphans()
        caller.drop_answers()
        await server.start()
        if kill.told:
            caller.client.retry()
        restored = await _restored(caller, server)
    said = caller.said[first:]
    back_s = None if restored is None else restored[0] - server.ready_at
    status = None
    if restored is not None:
        _check_history(restored[1], caller, known, report)
        for each in said:
            status = await _settle(each, restored[1], caller, report)
    report.killed.append(
        Killed(
            kill,
            sum(each in known for each in said),
            len(said),
            back_s,
            status,
            orphans,
            integrity,
        )
    )

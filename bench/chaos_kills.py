"""Kills a server in the midst of a turn, starts it again, and asks it for everything it had taken.

A lane is one folder of data and one client, whose session goes on over all kills of the lane.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import trio

from bench.chaos_caller import HELLO, Caller
from bench.chaos_check import Tally, check
from bench.chaos_server import NoHistory, chaos_server
from bench.chaos_words import SENTENCES, sums
from voicechat.client.client import open_client
from voicechat.protocol.messages.session import EntryStatus, Speaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.chaos_said import Said
    from bench.chaos_server import ChaosServer
    from voicechat.protocol.messages.session import HistoryEntry, SessionRestored

RESUME_TIMEOUT_S = 120.0
IN_A_LANE = 10
"""Kills that one session lives through: all that was said in it then fits into one history."""
_LATEST_S = 0.6
"""After the message was sent, or the last word was spoken."""
_SENTENCE_S = 1.6


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
        spoken, count = chance.random() < 0.4, chance.choice((1, 1, 2, 3))
        if spoken:
            after_s = chance.uniform(0, _SENTENCE_S + _LATEST_S)
        else:  # mostly before or soon after the message is on the disk, which takes milliseconds
            after_s = _LATEST_S * chance.random() ** 3
        return cls(spoken, count, after_s, told=chance.random() < 0.5)


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
    lost_answers: int = 0
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
            await _lane(count, f"{seed}-lane-{index}", report)

    async with trio.open_nursery() as nursery:
        for index, count in enumerate(todo):
            nursery.start_soon(lane, index, count)
    report.took_s = trio.current_time() - begun
    return report


async def _lane(kills: int, seed: str, report: KillsReport) -> None:
    async with (
        chaos_server() as server,
        open_client(server.link, hello=HELLO, chance=Random(f"{seed}-tries").random) as client,
        trio.open_nursery() as nursery,
    ):
        chance = Random(seed)
        caller = Caller(client, Random(f"{seed}-room"))
        nursery.start_soon(caller.run)
        await client.ready()
        await trio.sleep(0.5)
        questions = sums(chance)
        # First in mid-word, before anything was kept: nobody knows the session afterwards, and
        # the sentence has to get into a new one.
        plan = [Kill(spoken=True, count=0, after_s=chance.uniform(0.1, 0.9), told=True)]
        plan += [Kill.random(chance) for _ in range(kills - 1)]
        for kill in plan[:kills]:
            await _kill(kill, caller, server, questions, report)
        key = await client.ready()
        report.wrong += [f"log: {line}" for line in server.complaints()]
        try:
            history = await server.messages(key.session_id, caller.user_key)
        except NoHistory as error:
            report.wrong.append(f"{error} {caller.refusals}")
            history = []
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
    first, losses = len(caller.said), caller.losses
    async with trio.open_nursery() as nursery:
        if kill.spoken:
            nursery.start_soon(caller.say, SENTENCES[first % len(SENTENCES)])
        else:
            for _ in range(kill.count):
                caller.type(*next(questions))
        await trio.sleep(kill.after_s)
        await server.kill()
        killed_at = trio.current_time()
        # What it still had told is heard before it is weighed.
        await caller.until(lambda: caller.losses > losses)
        known = [said for said in caller.said if said.known]
        integrity, orphans = await server.integrity(), await server.orphans()
        caller.drop_answers()
        await server.start()
        if kill.told:
            caller.client.retry()
        restored = await _restored(caller, killed_at)
    said, back_s, status = caller.said[first:], None, None
    if restored is not None:
        back_s = max(0.0, restored[0] - server.ready_at)
        history = () if restored[1] is None else restored[1].history
        if history is None:
            report.wrong.append("a server that was restarted told no history")
        _check_history(history or (), caller, known, report)
        status = await _settle(said, history or (), caller, report)
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


async def _restored(caller: Caller, since: float) -> tuple[float, SessionRestored | None] | None:
    """When the session was there again and what was told of it, or a new one; None if neither."""
    with trio.move_on_after(RESUME_TIMEOUT_S):
        while True:
            if caller.restores and caller.restores[-1][0] >= since:
                return caller.restores[-1]
            if caller.begun_anew and caller.begun_anew[-1] >= since:
                return caller.begun_anew[-1], None
            await caller.changes()
    return None


def _check_history(
    history: tuple[HistoryEntry, ...], caller: Caller, known: list[Said], report: KillsReport
) -> None:
    """Whether all that was acknowledged is in it, once and in order, and nothing else."""
    kept = [entry.text for entry in _of(history, Speaker.USER)]
    wanted = [said.text for said in caller.said]
    if kept != wanted[: len(kept)]:
        report.wrong.append(f"after a restart the history is {kept} instead of {wanted}")
    for said in known:
        if caller.said.index(said) >= len(kept):
            report.tally.lost["entries of the history"].append(f"acknowledged: {said}")


async def _settle(
    said: list[Said], history: tuple[HistoryEntry, ...], caller: Caller, report: KillsReport
) -> EntryStatus | None:
    """Have everything answered: what is said again by itself, and what has to be asked again.

    Returns:
        How the history calls the answer to the last of it that was kept.
    """
    users, status, again = _of(history, Speaker.USER), None, []
    for each in said:
        index = caller.said.index(each)
        if index >= len(users):
            await caller.answered(each)
            continue
        each.turn = users[index].turn
        answers = [e for e in _of(history, Speaker.ASSISTANT) if e.turn == each.turn]
        if len(answers) != 1:
            report.wrong.append(f"{each.text!r} has the answers {answers} after a restart")
            continue
        status = answers[0].status
        if status is EntryStatus.OPEN:
            report.wrong.append(f"{each.text!r} is said to be answered after a restart")
        elif status is EntryStatus.LOST:
            again.append(each)
    for each in again:
        report.asked_again += 1
        await caller.answered(caller.type(each.text, each.answer))
    return status


def _of(history: tuple[HistoryEntry, ...], speaker: Speaker) -> list[HistoryEntry]:
    return [entry for entry in history if entry.speaker is speaker]


def _check_pairs(history: list[dict[str, Any]], report: KillsReport) -> None:
    """Each question has one answer."""
    questions = Counter(entry["turn"] for entry in history if entry["speaker"] == "user")
    answers = Counter(entry["turn"] for entry in history if entry["speaker"] == "assistant")
    for turn in questions | answers:
        if (questions[turn], answers[turn]) != (1, 1):
            entries = [entry for entry in history if entry["turn"] == turn]
            report.wrong.append(f"turn {turn} at the end: {entries}")
    report.lost_answers += sum(entry["status"] == EntryStatus.LOST for entry in history)

"""Cuts a network in the midst of everything that a spoken conversation consists of."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING

import attrs
import trio

from bench.chaos_caller import HELLO, Caller
from bench.chaos_check import Tally, check
from bench.chaos_said import Phase
from bench.chaos_server import HOST, chaos_server
from bench.chaos_words import SENTENCES, sums
from tests.chaos.proxy import running_proxy
from voicechat.client.client import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.chaos_server import ChaosServer
    from tests.chaos.proxy import Proxy

RESUME_TIMEOUT_S = 90.0
_LONGEST_OUTAGE_S = 3.0


class Kind(StrEnum):
    """How a network is lost."""

    RESET = "reset"
    FIN = "closed"
    STALL = "stalled, then reset"
    DOOR = "away for up to 3 s"
    RESUME = "cut again while it comes back"


@attrs.frozen
class Cut:
    """One loss of the network, as it is planned.

    Attributes:
        kind: How.
        phase: The caller waits for its begin …
        after_s: … and so long.
        lasts_s: For the kinds that last.
        told: Whether the client is told that the network is back, as browsers are.
    """

    kind: Kind
    phase: Phase
    after_s: float
    lasts_s: float
    told: bool

    @classmethod
    def random(cls, chance: Random) -> Cut:
        """Any."""
        kind = chance.choice(list(Kind))
        phase = chance.choice(list(Phase))
        longest = {Phase.LISTENING: 0.7, Phase.MID_WORD: 1.2, Phase.THINKING: 0.4}.get(phase, 1.5)
        # An acknowledgement takes milliseconds: to lose some, cuts soon after are more frequent.
        after = longest * chance.random() ** (3 if phase is Phase.THINKING else 1)
        lasts = {Kind.STALL: 1.5, Kind.DOOR: _LONGEST_OUTAGE_S, Kind.RESUME: 0.04}.get(kind, 0.0)
        return cls(
            kind,
            phase,
            after,
            chance.uniform(0, lasts),
            told=chance.random() < 0.5,
        )


@attrs.frozen
class Came:
    """What became of a cut.

    Attributes:
        cut: As planned.
        phase: What really went on.
        back_s: From the end of the outage until the session was there again; None if it never was.
        resumed: It is the same session, and nothing of it was missing.
    """

    cut: Cut
    phase: Phase
    back_s: float | None
    resumed: bool


@attrs.define
class CutsReport:
    """All that was found.

    Attributes:
        came: Each cut.
        tally: What was lost or doubled.
        complaints: Errors in the server's log.
        took_s: All of it.
        offline: Messages and sentences that were begun while the network was away.
    """

    came: list[Came] = attrs.field(factory=list)
    tally: Tally = attrs.field(factory=Tally)
    complaints: list[str] = attrs.field(factory=list)
    took_s: float = 0.0
    offline: int = 0

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        lost = [f"not resumed: {each}" for each in self.came if not each.resumed]
        return [*lost, *self.tally.problems, *(f"log: {line}" for line in self.complaints)]


async def run_cuts(
    cuts: int, seed: int, callers: int = 6, sentences: int = len(SENTENCES)
) -> CutsReport:
    """Have `callers` conversations at a time, and cut their networks so many times in all."""
    report = CutsReport()
    begun = trio.current_time()
    async with chaos_server() as server:
        words = await _words(server, seed, callers, SENTENCES[:sentences])
        async with trio.open_nursery() as nursery:
            for index in range(callers):
                chance = Random(f"{seed}-{index}")
                share = cuts * (index + 1) // callers - cuts * index // callers
                plan = [Cut.random(chance) for _ in range(share)]
                nursery.start_soon(_converse, server, plan, words, f"{seed}-{index}", report)
        report.complaints += server.complaints()
    report.took_s = trio.current_time() - begun
    return report


async def _words(
    server: ChaosServer, seed: int, callers: int, sentences: tuple[str, ...]
) -> dict[str, str]:
    """What is recognised of each sentence when nothing is cut."""
    words: dict[str, str] = {}

    async def ask(index: int) -> None:
        chance = Random(f"{seed}-words-{index}")
        async with open_client(server.link, hello=HELLO) as client, trio.open_nursery() as nursery:
            caller = Caller(client, chance)
            nursery.start_soon(caller.run)
            await client.ready()
            await trio.sleep(0.6)
            for sentence in sentences[index::callers]:
                said = await caller.say(sentence)
                if not await caller.answered(said):
                    told = [seen.event for seen in caller.seen][-12:]
                    raise RuntimeError(f"{sentence!r} had no answer without any cut: {told}")
                words[sentence] = said.taken[0]
                await trio.sleep(0.3)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for index in range(min(callers, len(sentences))):
            nursery.start_soon(ask, index)
    return words


async def _converse(
    server: ChaosServer, plan: list[Cut], words: dict[str, str], seed: str, report: CutsReport
) -> None:
    """One caller, from its hello to the comparison at the end."""
    async with (
        running_proxy(HOST, server.port) as proxy,
        open_client(
            f"http://{HOST}:{proxy.port}", hello=HELLO, chance=Random(f"{seed}-tries").random
        ) as client,
        trio.open_nursery() as nursery,
    ):
        caller = Caller(client, Random(f"{seed}-room"))
        nursery.start_soon(caller.run)
        key = await client.ready()
        over = trio.Event()

        async def cut_all() -> None:
            for cut in plan:
                report.came.append(await _cut(cut, caller, proxy))
            over.set()

        nursery.start_soon(cut_all)
        chance = Random(f"{seed}-script")
        questions = sums(chance)
        while not over.is_set():
            await _exchange(caller, words, questions, chance)
        await _exchange(caller, words, questions, chance)
        history = await server.messages(key.session_id, caller.user_key)
        report.tally.add(check(caller, history))
        report.offline += caller.offline
        nursery.cancel_scope.cancel()


async def _exchange(
    caller: Caller, words: dict[str, str], questions: Iterator[tuple[str, str]], chance: Random
) -> None:
    """Say or type something and listen to the answer."""
    await trio.sleep(chance.uniform(0.5, 1.0))
    what = chance.random()
    if what < 0.6:
        sentence = chance.choice(sorted(words))
        said = await caller.say(sentence, words[sentence])
    else:
        said = caller.type(*next(questions))
        if what > 0.85:  # the first answer is interrupted by the second question
            await trio.sleep(chance.uniform(0, 0.3))
            said = caller.type(*next(questions))
    await caller.answered(said)


async def _cut(cut: Cut, caller: Caller, proxy: Proxy) -> Came:
    """Lose the network, get it back, and wait for the session."""
    await caller.until(lambda: caller.phase is not cut.phase)
    await caller.until(lambda: caller.phase is cut.phase)
    await trio.sleep(cut.after_s)
    phase, losses = caller.phase, caller.losses
    if cut.kind is Kind.STALL:
        proxy.stall()
        await trio.sleep(cut.lasts_s)
        proxy.cut()
        proxy.flow()
    elif cut.kind is Kind.DOOR:
        proxy.close_door()
        proxy.cut()
        await trio.sleep(cut.lasts_s)
        await proxy.open_door()
    elif cut.kind is Kind.RESUME:
        again = proxy.connected
        proxy.cut()
        await again.wait()
        await trio.sleep(cut.lasts_s)
        await caller.until(lambda: caller.losses > losses)
        losses = caller.losses
        proxy.cut()
    else:
        proxy.cut(fin=cut.kind is Kind.FIN)
    back = trio.current_time()
    with trio.move_on_after(RESUME_TIMEOUT_S):
        await caller.until(lambda: caller.losses > losses)
        if cut.told:
            caller.client.retry()
        await caller.until(lambda: bool(caller.restores) and caller.restores[-1][0] >= back)
        at, restored = caller.restores[-1]
        same = restored.history is None and not restored.speech_lost
        return Came(cut, phase, at - back, resumed=same)
    return Came(cut, phase, None, resumed=False)

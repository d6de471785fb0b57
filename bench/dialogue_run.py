"""Runs dialogues through real sessions under virtual time, in as many processes as asked for.

Each share of the dialogues has engines of its own and is had one dialogue after the other: the same
dialogues give the same figures, however many processes there are.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from bench.dialogue_client import HELLO, Client
from bench.dialogue_score import Score, judge
from bench.dialogue_table import story
from bench.dialogue_voice import core_of
from voicechat.agents.assistant.matcher import Matcher
from voicechat.observability import logs
from voicechat.replay.virtual import run_virtually
from voicechat.settings import Log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.dialogue_scenarios import Dialogue
    from voicechat.replay.virtual import World
    from voicechat.settings import Settings

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
"""What the assistant's clock shows when a dialogue begins."""
SHARES = 4
"""Engines are started anew for each of so many parts of the dialogues.

A recogniser's scores depend a little on what it has heard before, so the parts are always the same,
however many processes there are.
"""
_TELL_EVERY = 20


@attrs.frozen
class Outcome:
    """A dialogue that was had: its scores, and its story where something went wrong in it."""

    scores: tuple[Score, ...]
    story: str


def run(dialogues: Sequence[Dialogue], settings: Settings, jobs: int = 1) -> list[Outcome]:
    """Have all dialogues; outcomes in the same order, whatever the number of processes."""
    work = [(list(dialogues[share::SHARES]), settings) for share in range(SHARES)]
    if jobs <= 1:
        done = [_run(*share) for share in work]
    else:
        with multiprocessing.get_context("spawn").Pool(min(jobs, SHARES)) as pool:
            done = pool.starmap(_run, work, chunksize=1)
    return [done[number % SHARES][number // SHARES] for number in range(len(dialogues))]


def _run(dialogues: list[Dialogue], settings: Settings) -> list[Outcome]:
    if not dialogues:
        return []
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logs.configure(Log(level="error"))
    matcher = Matcher()

    async def main(world: World) -> list[Outcome]:
        outcomes = []
        for number, dialogue in enumerate(dialogues, 1):
            outcomes.append(await _have(world, dialogue, settings, matcher))
            if number % _TELL_EVERY == 0:
                print(f"{number} of {len(dialogues)}", file=sys.stderr, flush=True)
        return outcomes

    return run_virtually(main, settings, core=core_of(settings))


async def _have(world: World, dialogue: Dialogue, settings: Settings, matcher: Matcher) -> Outcome:
    digest = hashlib.sha256(dialogue.id.encode()).hexdigest()
    session = world.session(HELLO, digest[:12], now=NOW)
    try:
        heard = await Client(session, dialogue, int(digest[:8], 16)).run()
    finally:
        session.end()
    await session.ended.wait()
    if session.failed:
        raise RuntimeError(f"the session of {dialogue.id} broke down")
    scores = judge(dialogue, heard, matcher, settings.conversation.barge_in_ms)
    failed = any(score.faults for score in scores)
    return Outcome(tuple(scores), story(dialogue, heard) if failed else "")

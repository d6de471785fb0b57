"""Servers that are killed in mid-turn: what they had acknowledged is there when they are back."""

from __future__ import annotations

import os
import sys

import pytest

from bench.chaos import kills_tables
from bench.chaos_kills import run_kills

KILLS = int(os.environ.get("VOICECHAT_KILLS", "4"))
SEED = int(os.environ.get("VOICECHAT_SEED", "1"))
LONGEST_S = 120 + 30 * KILLS


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.requirement("S-3", "S-4", "W-3")
@pytest.mark.skipif(sys.platform != "linux", reason="the bench stands on Linux")
async def test_kills_in_the_midst_of_turns_lose_and_double_nothing(flite):
    report = await run_kills(KILLS, SEED, lanes=2)
    print(f"seed {SEED}\n{kills_tables(report)}")
    assert not report.problems
    assert len(report.killed) == KILLS
    assert report.tally.counts["entries of the history"] >= 2 * KILLS
    assert report.asked_again == report.lost_answers

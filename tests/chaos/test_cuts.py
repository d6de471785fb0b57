"""Networks that are cut in the midst of spoken conversations: nothing may be lost or doubled."""

from __future__ import annotations

import os
import sys

import pytest

from bench.chaos import cuts_tables
from bench.chaos_cuts import run_cuts

CUTS = int(os.environ.get("VOICECHAT_CUTS", "12"))
SEED = int(os.environ.get("VOICECHAT_SEED", "1"))
LONGEST_S = 120 + 10 * CUTS


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.requirement("S-2", "S-3", "W-3")
@pytest.mark.skipif(sys.platform != "linux", reason="the bench stands on Linux")
async def test_cuts_in_the_midst_of_turns_lose_and_double_nothing(flite):
    report = await run_cuts(CUTS, SEED, callers=min(6, CUTS), sentences=6)
    print(f"seed {SEED}\n{cuts_tables(report)}")
    assert not report.problems
    assert len(report.came) == CUTS
    assert all(report.tally.counts.values())
    told = sorted(each.back_s for each in report.came if each.cut.told)
    assert told[len(told) // 2] < 1, "half of those who were told at once were back in a second"

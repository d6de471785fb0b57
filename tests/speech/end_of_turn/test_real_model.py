"""What the published weights make of human speech; they are not part of voicechat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from voicechat.speech.audio import SAMPLE_BYTES
from voicechat.speech.end_of_turn.smart_turn import SmartTurn
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = os.environ.get("VOICECHAT_SMART_TURN_MODEL", "")

pytestmark = [
    pytest.mark.requirement("V-4"),
    pytest.mark.skipif(not FILE, reason="set VOICECHAT_SMART_TURN_MODEL to a smart-turn v3 file"),
]

WHOLE = ["goforward.wav", "something.wav", "cards_001.wav", "cards_003.wav", "cards_005.wav"]
# Where the speaker of jfk.wav pauses within his sentence, in seconds.
PAUSES = [3.81, 4.38, 7.62]


async def probabilities(recordings: list[bytes]) -> list[float]:
    model = SmartTurn(Path(FILE))
    async with trio.open_nursery() as nursery:
        await nursery.start(model.run)
        found = [await model.probability(pcm) for pcm in recordings]
        nursery.cancel_scope.cancel()
    return found


async def test_whole_sentences_sound_finished(clip: Callable[[str], bytes]) -> None:
    assert min(await probabilities([clip(name) for name in WHOLE])) > 0.8


@pytest.mark.parametrize("silence_s", [0.06, 0.2])
async def test_pauses_within_a_sentence_sound_open(
    clip: Callable[[str], bytes], silence_s: float
) -> None:
    speech = clip("jfk.wav")
    ends = [int((at + silence_s) * INPUT_RATE) * SAMPLE_BYTES for at in PAUSES]
    assert max(await probabilities([speech[:end] for end in ends])) < 0.2

"""What callers say: sentences of the assistant in a voice, and sums that no two messages share."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bench.spoken import flite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

RATE = 16_000
TICK = RATE // 50
SENTENCES = (
    "what time is it",
    "what day is it today",
    "set a timer for twenty five minutes",
    "what is the date tomorrow",
    "what month is it",
    "what year is it",
    "tell me what time it is",
    "what day of the week is it",
)
_SLACK = RATE // 50
"""Samples of silence that a recording begins and ends with at most."""


@cache
def speech(sentence: str) -> bytes:
    """A sentence in flite's voice, 16 kHz, without the silence around it."""
    samples = np.frombuffer(flite(sentence, "slt"), "<i2")
    loud = np.nonzero(np.abs(samples.astype(int)) > 300)[0]
    return samples[max(0, loud[0] - _SLACK) : loud[-1] + _SLACK].tobytes()


class Room:
    """The faint noise that a microphone hears all the time.

    Args:
        chance: Where it comes from.
    """

    def __init__(self, chance: Random) -> None:
        noise = np.random.default_rng(chance.getrandbits(32)).normal(0, 4, 20 * TICK)
        self._noise = noise.astype("<i2")
        self._chance = chance

    def tick(self, pcm: bytes) -> bytes:
        """20 ms of the room, with these samples over it."""
        at = self._chance.randrange(len(self._noise) - TICK)
        heard = self._noise[at : at + TICK].astype(np.int32)
        said = np.frombuffer(pcm, "<i2")
        heard[: len(said)] += said
        return np.clip(heard, -32768, 32767).astype("<i2").tobytes()


def sums(chance: Random) -> Iterator[tuple[str, str]]:
    """Questions to type, each once, with the number that the answer has in it."""
    pairs = [(a, b) for a in range(11, 99) for b in range(11, 99)]
    chance.shuffle(pairs)
    for a, b in pairs:
        yield f"what is {a} plus {b}", str(a + b)

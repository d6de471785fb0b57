"""PURE. Decides how surely an utterance belongs to the grammar.

A grammar forces any sound into one of its sentences. A free sequence of phones explains a known
sentence hardly better than the sentence does, and foreign speech much better; so the difference of
both log-likelihoods over the same frames tells them apart.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = 25  # frames


@attrs.frozen
class Segment:
    """A word or phone as a decoder placed it: frames `start`…`end` (inclusive, 10 ms each).

    Attributes:
        speech: False for silence and noise.
        likelihood: Acoustic log-likelihood of all its frames, in nats.
    """

    start: int
    end: int
    speech: bool
    likelihood: float


def _per_frame(segments: Sequence[Segment], frames: int) -> list[float]:
    result = [0.0] * frames
    for segment in segments:
        length = segment.end - segment.start + 1
        for frame in range(segment.start, segment.end + 1):
            result[frame] = segment.likelihood / length
    return result


def confidence(words: Sequence[Segment], phones: Sequence[Segment]) -> float | None:
    """Log-likelihood ratio per frame, words against phones, in nats; None without a word.

    Two thirds of it are the mean from the first word to the last, one third is the worst quarter
    of a second: without that, one wrong word is lost in a long sentence.
    """
    spoken = [word for word in words if word.speech]
    if not spoken:
        return None
    frames = 1 + max(segment.end for segment in (*words, *phones))
    start, end = spoken[0].start, spoken[-1].end + 1
    with_grammar, freely = _per_frame(words, frames), _per_frame(phones, frames)
    ratios = [with_grammar[i] - freely[i] for i in range(start, end)]
    sums = list(accumulate(ratios, initial=0.0))
    window = min(WINDOW, len(ratios))
    worst = min(sums[i + window] - sums[i] for i in range(len(sums) - window)) / window
    return (2 * sums[-1] / len(ratios) + worst) / 3

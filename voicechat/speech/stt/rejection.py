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
    """How well the words explain the speech; higher is surer, None without a word.

    It is the log-likelihood ratio per frame of words against phones, in nats: two thirds the mean
    from the first word to the last, one third the worst quarter of a second, as one wrong word is
    lost in the mean of a long sentence. From it goes the share (0…1) of the speech that the words
    leave out: a grammar likes to take a long foreign sentence for a short one between silences.
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
    return (2 * sums[-1] / len(ratios) + worst) / 3 - _left_out(spoken, phones)


def _left_out(words: Sequence[Segment], phones: Sequence[Segment]) -> float:
    covered = {frame for word in words for frame in range(word.start, word.end + 1)}
    speech = [f for phone in phones if phone.speech for f in range(phone.start, phone.end + 1)]
    return sum(frame not in covered for frame in speech) / max(1, len(speech))

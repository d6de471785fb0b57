"""PURE. Estimates how microphone, room and voice colour an utterance, while it is still spoken."""

from __future__ import annotations


class ChannelMean:
    """The mean cepstrum of an utterance so far, which takes out microphone, room and voice.

    The decoder's own adaptation is too slow for single commands. It can only be asked for its own
    mean, in which the value set last counts as `PRIOR_FRAMES` frames; the rest is inferred.
    """

    PRIOR = (47.24, -2.87, -0.23, 8.26, -4.68, -0.06, -2.58, -2.28, -3.62, -0.22, 0.49, 0.76, 0.83)
    """Mean of four synthetic voices and of nine recordings of people, in equal parts.

    All thirteen: pocketsphinx keeps the last utterance's value of any that is left out.
    """
    PRIOR_FRAMES = 500  # CMN_WIN in pocketsphinx
    WEIGHT = 100  # frames that our prior is worth

    def __init__(self) -> None:
        self._mean: tuple[float, ...] = self.PRIOR
        self._sums = [self.WEIGHT * value for value in self.PRIOR]
        self._frames = 0

    def __str__(self) -> str:
        return ",".join(f"{value:.4f}" for value in self._mean)

    def update(self, reported: str, frames: int) -> None:
        """Take in the mean that the decoder reports after `frames` frames of this utterance."""
        new = frames - self._frames
        if new <= 0:
            return
        theirs = [float(value) for value in reported.split(",")]
        for i, (value, start) in enumerate(zip(theirs, self._mean, strict=True)):
            self._sums[i] += (self.PRIOR_FRAMES + new) * value - self.PRIOR_FRAMES * start
        self._frames = frames
        self._mean = tuple(value / (self.WEIGHT + frames) for value in self._sums)

"""A temperature written down over time, with straight lines between what is given. PURE."""

from __future__ import annotations

import bisect
import itertools
import math

import attrs

from voicechat.settings.band import COLDEST, HOTTEST


@attrs.frozen
class Script:
    """The course of a temperature.

    Attributes:
        points: Seconds since the beginning, rising, with degrees Celsius. Before the first and
            after the last one, the temperature is theirs.

    Raises:
        ValueError: There are no points, their times don't rise, or no chip is that hot or cold.
    """

    points: tuple[tuple[float, float], ...]

    def __attrs_post_init__(self) -> None:
        if not self.points:
            raise ValueError("there is no temperature in it")
        for seconds, celsius in self.points:
            if not math.isfinite(seconds):
                raise ValueError("a time is no number")
            if not COLDEST <= celsius <= HOTTEST:
                raise ValueError(f"{celsius:g} °C is not from {COLDEST:g} to {HOTTEST:g} °C")
        for (before, _), (after, _) in itertools.pairwise(self.points):
            if after <= before:
                raise ValueError(f"{after:g} s does not come after {before:g} s")

    @classmethod
    def parse(cls, text: str) -> Script:
        """Read lines of "seconds celsius"; what follows a # is a comment.

        Raises:
            ValueError: A line is something else, or see above; the message tells which.
        """
        points = []
        for number, line in enumerate(text.splitlines(), 1):
            fields = line.partition("#")[0].split()
            if not fields:
                continue
            try:
                seconds, celsius = map(float, fields)
            except ValueError:
                raise ValueError(f'line {number} is not "seconds celsius"') from None
            points.append((seconds, celsius))
        return cls(tuple(points))

    def at(self, seconds: float) -> float:
        """The temperature then, in degrees Celsius."""
        after = bisect.bisect_right(self.points, seconds, key=lambda point: point[0])
        if after == 0:
            return self.points[0][1]
        if after == len(self.points):
            return self.points[-1][1]
        (start, low), (end, high) = self.points[after - 1 : after + 1]
        share = (seconds - start) / (end - start)
        return low * (1 - share) + high * share

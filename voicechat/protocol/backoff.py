"""When a client that lost its server tries again: the same numbers in every client.

Full jitter: a server that comes back is not met by all its clients at the same moment.
"""

from __future__ import annotations

from typing import Final

FIRST_MS: Final = 1_000
"""Longest wait before the first try."""
MOST_MS: Final = 30_000
"""Longest wait at all."""
TRIES: Final = 10
"""So many tries before a person has to ask for more."""


def delay_ms(attempt: int, chance: float) -> float:
    """Milliseconds to wait before a try.

    Args:
        attempt: 1 for the first.
        chance: Evenly distributed in 0…1.
    """
    return chance * min(MOST_MS, FIRST_MS * 2.0 ** (attempt - 1))

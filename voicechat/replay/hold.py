"""Virtual time: it jumps ahead while everything only waits, and stands still while engines work.

So the same input meets the same state of a session however fast the machine is. Trio's own
`MockClock` does the jumping; here is when it may.
"""

from __future__ import annotations

from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Final

import trio
import trio.testing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_HUNG_S: Final = 30.0
"""Real seconds without any sign of life after which time goes on, so that the limits that engines
set themselves end an operation that never ends."""


class Hold:
    """Keeps a clock from jumping as long as an operation is under way.

    Args:
        clock: The clock of the run, made with its defaults; at first it is not held.
    """

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self._clock: Final = clock
        self._holders = 0
        clock.autojump_threshold = 0

    def acquire(self) -> None:
        """Begin an operation."""
        self._holders += 1
        if self._holders == 1:
            self._clock.autojump_threshold = _HUNG_S

    def release(self) -> None:
        """End one."""
        self._holders -= 1
        if not self._holders:
            self._clock.autojump_threshold = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """The block is an operation."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """The block, inside an operation, waits for something that needs time."""
        self.release()
        try:
            yield
        finally:
            self.acquire()

    async def run(self, latency_s: float, operation: Callable[[], Awaitable[Any]]) -> Any:
        """Run an operation, which takes `latency_s` of virtual time, however long it takes."""
        with self.held():
            result = await operation()
        await trio.sleep(latency_s)
        return result


@contextmanager
def in_order() -> Iterator[None]:
    """Let Trio run tasks that are ready at once in the order in which they became so.

    It shuffles them by a generator of its own, for which it has no public switch; without it only
    the order of what happens at the very same instant would differ from run to run.
    """
    run: Any = getattr(getattr(trio, "_core", None), "_run", None)
    shuffler = getattr(run, "_r", None)
    if not isinstance(shuffler, Random):
        yield
        return
    run._r = _InOrder()  # noqa: SLF001  (see above)
    try:
        yield
    finally:
        run._r = shuffler  # noqa: SLF001  (same)


class _InOrder(Random):
    """Chance that always turns Trio's batch around: the oldest runs first."""

    def random(self) -> float:
        return 0.0

    def shuffle(self, x: Any) -> None:
        """Turn it around as well: this is what Trio calls when it is made deterministic."""
        x.reverse()

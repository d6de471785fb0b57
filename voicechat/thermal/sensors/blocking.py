"""A thermometer read with blocking calls: off the event loop, and its failures put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from voicechat.errors import SensorFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from voicechat.thermal.ports import Reading


class BlockingSensor:
    """Runs a blocking measurement in a worker thread.

    Args:
        name: What the sensor is, for people.
        measure: Blocks for as long as the kernel takes, normally well below a millisecond.
            OSError and ValueError mean that there is no reading this time.
    """

    def __init__(self, name: str, measure: Callable[[], Reading]) -> None:
        self._name = name
        self._measure = measure
        self._limiter = trio.CapacityLimiter(1)

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self._name

    async def read(self) -> Reading:
        """Measure now.

        Raises:
            SensorFailed: The file is missing or unreadable, or holds no temperature of a chip.
        """
        # A driver that hangs can't be interrupted; abandoned, it does not hold up the shutdown. The
        # limiter then makes the next reading wait for it, so hanging threads don't pile up.
        return await trio.to_thread.run_sync(
            self._guarded, limiter=self._limiter, abandon_on_cancel=True
        )

    def _guarded(self) -> Reading:
        try:
            return self._measure()
        except (OSError, ValueError) as error:
            raise SensorFailed(
                "The thermometer cannot be read.",
                suggested_action="Check that it is there and readable, or choose another sensor.",
            ) from error

"""Measures how long work has waited for the machine to cool down, for the record of a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from voicechat.thermal.slot import Owner


class CoolingTime:
    """Follows the waits of one owner.

    Args:
        owner: Whose waits; it is told of them too.

    Attributes:
        owner: Whose slots are to be used, so that the waits are noticed.
    """

    def __init__(self, owner: Owner) -> None:
        self._on_wait = owner.on_wait
        self._waits = 0
        self._since = 0.0
        self._total_s = 0.0
        self.owner = attrs.evolve(owner, on_wait=self._follow)

    @property
    def seconds(self) -> float:
        """The time in which at least one wait was open, up to now."""
        open_s = trio.current_time() - self._since if self._waits else 0.0
        return self._total_s + open_s

    def _follow(self, begins: bool) -> None:  # noqa: FBT001  (the gate has one argument)
        if begins and not self._waits:
            self._since = trio.current_time()
        self._waits += 1 if begins else -1
        if not self._waits:
            self._total_s += trio.current_time() - self._since
        self._on_wait(begins)

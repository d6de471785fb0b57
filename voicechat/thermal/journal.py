"""Writes what the heat changed to the log: what happened, at which threshold, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.ladder import STEPS
from voicechat.thermal.status import FIRMWARE, REDUCED

if TYPE_CHECKING:
    from voicechat.thermal.watch import Watch

log = structlog.get_logger()


def note(before: Watch, after: Watch, why: str = "") -> None:
    """Log the difference, if there is one that matters.

    Args:
        before: What was known.
        after: What is known now.
        why: Why the last reading failed, if it did.
    """
    if after.lost and not before.lost:
        log.warning(
            "temperature unknown",
            reason=why,
            failures=after.failures,
            last_temperature_c=_shown(after.last),
            reduced=REDUCED[after.limited_to],
        )
    elif before.lost and not after.lost:
        known = _shown(after.celsius)
        log.info("temperature known again", temperature_c=known, state=str(after.state))
    _note_move(before, after)
    for flag in after.flags:
        if flag not in before.flags:
            log.warning("firmware protects the chip", flag=str(flag), meaning=FIRMWARE[flag])


def _note_move(before: Watch, after: Watch) -> None:
    old, new = before.ladder.state, after.ladder.state
    if _rank(new) > _rank(old):
        log.critical(
            "too hot",
            state=str(new),
            temperature_c=_shown(after.last),
            threshold_c=after.ladder.bands[new].trigger,
            reduced=REDUCED[new],
        )
    elif _rank(new) < _rank(old):
        # Of the steps that ended, the coolest says how far it had to cool down.
        ended = next(step for step in before.ladder.bands if _rank(step) > _rank(new))
        bands = before.ladder.bands | after.ladder.bands
        log.info(
            "cooler again",
            state=str(new),
            temperature_c=_shown(after.last),
            threshold_c=bands[ended].resume,
            reduced=REDUCED[new],
        )


def _shown(celsius: float | None) -> float | None:
    return None if celsius is None else round(celsius, 1)


def _rank(state: ThermalState) -> int:
    return 0 if state is ThermalState.NORMAL else STEPS.index(state) + 1

"""The heat of a recorded session: what its client was told of it limits the replay as well."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs
import trio

from voicechat.protocol.messages.thermal import Thermal, ThermalState
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.status import Sample, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voicechat.recording.file import Recording
    from voicechat.thermal.gate import InferenceGate

_NEVER: Final = datetime.fromtimestamp(0, UTC)


class RecordedClimate:
    """As hot as it was; for one session.

    Args:
        recording: With what was told.
        gate: What it limits.
    """

    def __init__(self, recording: Recording, gate: InferenceGate) -> None:
        self._told: Final = [
            (record.at, record.item)
            for record in recording.records
            if isinstance(record.item, Thermal)
        ]
        self._gate: Final = gate
        self._send, self._receive = trio.open_memory_channel[Status](1)
        self._status: Status | None = None

    @property
    def history(self) -> tuple[Sample, ...]:
        """Nothing of what was before."""
        return ()

    @contextmanager
    def follow(self) -> Iterator[trio.MemoryReceiveChannel[Status]]:
        """The status at each change, the newest alone."""
        yield self._receive

    async def run(self, began: float) -> None:
        """Let it become hot and cool again.

        Args:
            began: When the session did (monotonic seconds).
        """
        for at, told in self._told:
            await trio.sleep_until(began + at)
            self._become(told)

    def _become(self, told: Thermal) -> None:
        before = self._status
        if before is not None and before.state is told.state:
            self._status = attrs.evolve(before, celsius=told.temperature_c, flags=told.flags)
        else:
            # What limits hold while nothing can be read was not told: those before it.
            limited = told.state
            if limited not in LIMITS:
                limited = ThermalState.NORMAL if before is None else before.limited_to
            self._gate.limit(LIMITS[limited])
            self._status = Status(
                told.state,
                told.temperature_c,
                trio.current_time() - told.for_s,
                _NEVER,
                told.flags,
                {},
                told.sensor,
                limited,
            )
        with suppress(trio.WouldBlock):
            self._receive.receive_nowait()
        self._send.send_nowait(self._status)

"""Reads the thermometer, holds the gate to what the heat allows, and tells whoever wants to know.

The way is one direction: sensor, governor, gate. The gate learns of a change first, since that is
what protects the chip; then those who follow, then the log.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog
import trio

from voicechat.errors import SensorFailed
from voicechat.thermal.journal import note
from voicechat.thermal.ladder import LIMITS, Limits
from voicechat.thermal.status import Sample, Status
from voicechat.thermal.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voicechat.protocol.messages.thermal import ThermalState
    from voicechat.settings import Band
    from voicechat.thermal.ports import Reading, ThermalSensor

log = structlog.get_logger()

LONGEST_READ_S: Final = 5.0
"""A read that takes longer counts as failed; a shorter interval bounds it by itself."""
HISTORY_S: Final = 600.0
SAMPLE_S: Final = 2.0
"""Seconds of history that are kept, and at least between two samples: 301 at most."""
NEWS_S: Final = 5.0
"""Seconds between two statuses that differ in nothing but the temperature or the flags."""
STEADY_S: Final = 15.0
"""Seconds after which a status is told that differs in nothing: who shows a curve has no hole in
it, and knows that the thermometer is still read."""


class Limited(Protocol):
    """What obeys the governor: the gate that all inference passes."""

    def limit(self, limits: Limits, /) -> None:
        """Let through no more than this from now on."""
        ...


class Governor:
    """Watches the heat; make it and use it inside a Trio run.

    Args:
        sensor: The thermometer; None if the machine has none, and nothing is ever limited.
        bands: The thresholds of each step.
        gate: What is limited; it is told only of changes, the first being from `normal`.
        interval_s: Seconds between two readings.

    Raises:
        ValueError: The thresholds are not in the order of their steps.
    """

    def __init__(
        self,
        sensor: ThermalSensor | None,
        bands: Mapping[ThermalState, Band],
        gate: Limited,
        *,
        interval_s: float,
    ) -> None:
        now = trio.current_time()
        self._sensor = sensor
        self._gate = gate
        self._interval_s = interval_s
        self._watch = Watch.of(bands, supported=sensor is not None, now=now)
        self._since_wall = datetime.now(UTC)
        self._sample_s = interval_s * math.ceil(SAMPLE_S / interval_s)
        self._history: deque[Sample] = deque(maxlen=int(HISTORY_S / self._sample_s) + 1)
        self._followers: set[_Follower] = set()
        self._told_at = now
        self._told = self.status

    @property
    def status(self) -> Status:
        """How hot it is, as far as it is known."""
        watch = self._watch
        return Status(
            state=watch.state,
            celsius=watch.celsius,
            since=watch.since,
            since_wall=self._since_wall,
            flags=() if watch.lost else watch.flags,
            bands=watch.ladder.bands,
            sensor=None if self._sensor is None else self._sensor.name,
            limited_to=watch.limited_to,
        )

    @property
    def history(self) -> tuple[Sample, ...]:
        """The temperatures of the last 10 minutes, oldest first."""
        oldest = trio.current_time() - HISTORY_S
        return tuple(sample for sample in self._history if sample.at >= oldest)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read until cancelled; has started when the first reading was tried.

        Raises:
            Exception: The sensor failed in another way than `SensorFailed`: a fault of ours, after
                which nobody would watch the heat.
        """
        if self._sensor is None:
            log.info("there is no thermometer; nothing is limited however hot it gets")
            task_status.started()
            await trio.sleep_forever()
        else:
            await self._poll_for_ever(self._sensor, task_status)

    @contextlib.contextmanager
    def follow(self) -> Iterator[trio.MemoryReceiveChannel[Status]]:
        """Subscribe for as long as the context lasts.

        Yields:
            The present status at once, one at each change of state, one every `NEWS_S` while the
            temperature or the flags change, and one every `STEADY_S` else, as long as there is a
            thermometer. It holds the newest alone: who is slow misses some.
        """
        follower = _Follower()
        follower.tell(self.status)
        self._followers.add(follower)
        try:
            yield follower.statuses
        finally:
            self._followers.remove(follower)
            follower.close()

    def change(self, bands: Mapping[ThermalState, Band]) -> None:
        """Put other thresholds in force at once; the last good temperature is judged by them.

        Args:
            bands: All of them; a step that is not named does not exist any more.

        Raises:
            ValueError: They are not in the order of their steps; those in force stay.
        """
        watch = self._watch.on(bands, trio.current_time())
        before = self._become(watch)
        log.info(
            "thermal thresholds changed",
            thresholds={str(state): str(band) for state, band in watch.ladder.bands.items()},
        )
        note(before, watch)

    async def _poll_for_ever(
        self, sensor: ThermalSensor, task_status: trio.TaskStatus[None]
    ) -> None:
        began = polled = trio.current_time()
        await self._poll(sensor)
        task_status.started()
        while True:
            # Each turn has its time counted from the beginning, so nothing adds up. Those that a
            # late poll is too near to are left out: two never come closer than half an interval.
            turn = math.ceil((polled - began) / self._interval_s + 0.5)
            await trio.sleep_until(began + turn * self._interval_s)
            polled = trio.current_time()
            await self._poll(sensor)

    async def _poll(self, sensor: ThermalSensor) -> None:
        reading: Reading | None = None
        why = "it did not answer in time"
        with trio.move_on_after(min(self._interval_s, LONGEST_READ_S)):
            try:
                reading = await sensor.read()
            except SensorFailed as error:
                why = error.message
        now = trio.current_time()
        if reading is None:
            after = self._watch.failed(now)
        else:
            after = self._watch.read(reading.celsius, reading.flags, now)
            if after.failures:
                why = "it told a temperature that no chip can have"
            else:
                self._remember(Sample(now, reading.celsius))
        note(self._become(after), after, why)

    def _remember(self, sample: Sample) -> None:
        # Half an interval of tolerance, or the clock's jitter would leave out every other sample.
        due = self._history[-1].at + self._sample_s if self._history else -math.inf
        if sample.at >= due - self._interval_s / 2:
            self._history.append(sample)

    def _become(self, after: Watch) -> Watch:
        """Do what follows from what is known now; returns what was known before."""
        before, self._watch = self._watch, after
        if after.limited_to is not before.limited_to:
            self._gate.limit(LIMITS[after.limited_to])
        if after.state is not before.state:
            self._since_wall = datetime.now(UTC)
        self._tell()
        return before

    def _tell(self) -> None:
        now, status = trio.current_time(), self.status
        if _as_ruled(status) == _as_ruled(self._told):
            same = _as_measured(status) == _as_measured(self._told)
            if now - self._told_at < (STEADY_S if same else NEWS_S) - self._interval_s / 2:
                return
        self._told_at, self._told = now, status
        for follower in self._followers:
            follower.tell(status)


class _Follower:
    """A channel for one status, in which the newest takes the place of an older one."""

    def __init__(self) -> None:
        self._send, self.statuses = trio.open_memory_channel[Status](1)
        # Ours takes out the older one, whatever the follower did with its own end.
        self._take = self.statuses.clone()

    def tell(self, status: Status) -> None:
        with contextlib.suppress(trio.WouldBlock):
            self._take.receive_nowait()
        self._send.send_nowait(status)

    def close(self) -> None:
        for end in (self._send, self.statuses, self._take):
            end.close()


def _as_ruled(status: Status) -> object:
    """What nobody should learn late."""
    return status.state, status.limited_to, status.bands, status.celsius is None


def _as_measured(status: Status) -> object:
    return (None if status.celsius is None else round(status.celsius, 1)), status.flags

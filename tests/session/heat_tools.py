"""Weather as planned, for the tests of what a session does about it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import trio

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.settings import Band
from voicechat.thermal.ladder import LIMITS, STEPS
from voicechat.thermal.status import Sample, Status

BANDS = {step: Band(75 + 3 * n, 70 + 3 * n) for n, step in enumerate(STEPS)}


def status_of(state, *, limited_to=None, celsius=50.04):
    return Status(
        state,
        celsius,
        trio.current_time(),
        datetime.now(UTC),
        (),
        BANDS,
        "planned",
        limited_to or (state if state in {*STEPS, ThermalState.NORMAL} else ThermalState.NORMAL),
    )


class Weather:
    """A governor without thermometer: `become` does what one would; the newest status wins."""

    def __init__(self, gate=None, state=ThermalState.NORMAL):
        self.gate = gate
        self.status = status_of(state)
        self.history = (Sample(trio.current_time() - 1, 49.96), Sample(trio.current_time(), 50.04))
        self._followers = set()

    def become(self, state, **how):
        self.status = status_of(state, **how)
        if self.gate is not None:
            self.gate.limit(LIMITS[self.status.limited_to])
        for follower in self._followers:
            follower(self.status)

    @contextmanager
    def follow(self):
        send, receive = trio.open_memory_channel(1)
        mine = receive.clone()

        def tell(status):
            with suppress(trio.WouldBlock):
                mine.receive_nowait()
            send.send_nowait(status)

        tell(self.status)
        self._followers.add(tell)
        with send, receive, mine:
            yield receive
        self._followers.remove(tell)

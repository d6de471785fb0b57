"""A simulated Raspberry Pi 5 and real sessions that make it hot: the whole loop in virtual time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs
import trio

from tests.thermal.loop_client import Client
from tests.thermal.loop_engines import (
    SPEECH_RATE,
    ComputingAgent,
    ComputingRecognizer,
    ComputingSynthesizer,
    LevelVoiceActivity,
    PhraseAgent,
)
from voicechat.conversation.notice import Notice
from voicechat.conversation.thinking import Thinkers
from voicechat.protocol.codec import Codec
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.session.session import Session
from voicechat.settings import Settings
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.governor import Governor
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors.choose import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voicechat.settings import Band
    from voicechat.thermal.ports import Reading, ThermalSensor
    from voicechat.thermal.scenarios import Scenario

SLOTS = 4
LADDER = {ThermalState(step): band for step, band in Settings().thermal.bands.items()}
LOOK_S = 0.1


@attrs.frozen
class Look:
    """What an onlooker sees."""

    at: float
    occupied: int
    state: ThermalState


@attrs.define
class Course:
    """What happened.

    Attributes:
        readings: All that the thermometer told: time and degrees Celsius.
        looks: What the gate did.
    """

    readings: list[tuple[float, float]] = attrs.field(factory=list)
    looks: list[Look] = attrs.field(factory=list)

    @property
    def peak(self) -> float:
        return max(celsius for _, celsius in self.readings)

    @property
    def states(self) -> list[ThermalState]:
        return [state for state, _ in itertools.groupby(look.state for look in self.looks)]

    @property
    def crossings(self) -> list[tuple[float, float]]:
        """When 85 °C was reached, and when it was below 80 again; the last one may be missing."""
        found, hot = [], None
        for at, celsius in self.readings:
            if hot is None and celsius >= 85:
                hot = at
            elif hot is not None and celsius < 80:
                found.append((hot, at))
                hot = None
        return found

    def idle_since(self, at: float) -> float:
        """When no slot was held, from some time on."""
        return next(look.at for look in self.looks if look.at >= at and not look.occupied)

    def busy_since(self, at: float) -> float:
        """When a slot was held again."""
        return next(look.at for look in self.looks if look.at >= at and look.occupied)


@attrs.frozen
class Watched:
    """A thermometer that writes down what it tells."""

    sensor: ThermalSensor
    course: Course

    @property
    def name(self) -> str:
        return self.sensor.name

    async def read(self) -> Reading:
        reading = await self.sensor.read()
        self.course.readings.append((trio.current_time(), reading.celsius))
        return reading


class House:
    """Sessions, their users, and the machine.

    Args:
        scenario: The machine and the room; its simulated conversations are not used.
        bands: The ladder; without steps nothing is ever limited.
        phrases: Whether there is an agent that matches phrases beside the one that thinks.
        users: How many.
    """

    def __init__(
        self,
        scenario: Scenario = SCENARIOS["hot-day"],
        *,
        bands: Mapping[ThermalState, Band] = LADDER,
        phrases: bool,
        users: int = 8,
    ) -> None:
        self.course = Course()
        self.gate = InferenceGate(SLOTS)
        sensor = simulate(scenario, busy_s=lambda: self.gate.busy_s)
        self.governor = Governor(Watched(sensor, self.course), bands, self.gate, interval_s=1.0)
        tts = ComputingSynthesizer()
        self._notice = Notice(tts)
        self.sessions = [
            Session(
                f"user {number}",
                Hello(1, output_rate=SPEECH_RATE, reports_playback=number % 2 == 0),
                thinkers=Thinkers(ComputingAgent(), PhraseAgent() if phrases else None),
                vad=LevelVoiceActivity(),
                stt=ComputingRecognizer(),
                tts=tts,
                gate=self.gate,
                codec=Codec(),
                settings=Settings(),
                climate=self.governor,
                notice=self._notice,
            )
            for number in range(users)
        ]
        self.clients = [
            Client(session, reports=number % 2 == 0) for number, session in enumerate(self.sessions)
        ]

    async def live(self, seconds: float) -> None:
        """Let everybody ask for so long, and wait until all is answered."""
        await self._notice.prepare()
        until = trio.current_time() + seconds
        async with trio.open_nursery() as services:
            await services.start(self.governor.run)
            services.start_soon(self._look_on)
            async with trio.open_nursery() as sessions:
                for session in self.sessions:
                    sessions.start_soon(session.run)
                async with trio.open_nursery() as users:
                    for client in self.clients:
                        users.start_soon(client.talk, until)
                for session in self.sessions:
                    session.end()
            services.cancel_scope.cancel()

    async def _look_on(self) -> None:
        while True:
            status = self.governor.status
            look = Look(trio.current_time(), self.gate.occupied, status.limited_to)
            self.course.looks.append(look)
            await trio.sleep(LOOK_S)

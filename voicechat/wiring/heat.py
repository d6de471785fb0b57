"""From settings to the thermometer, and whom a simulation lets talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from voicechat import engines
from voicechat.errors import SettingError
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.crowd import Crowd
from voicechat.thermal.governor import Governor
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors import choose

if TYPE_CHECKING:
    from voicechat.settings import Settings
    from voicechat.thermal.gate import InferenceGate

log = structlog.get_logger()


def governor(settings: Settings, gate: InferenceGate) -> Governor:
    """Make who watches the heat; nothing of it runs yet.

    Args:
        settings: The whole tree.
        gate: What it limits, and what warms a simulated machine.

    Raises:
        SettingError: There is no such sensor.
    """
    thermal = settings.thermal
    try:
        sensor = choose.make(
            thermal.sensor,
            busy_s=lambda: gate.busy_s,
            others=engines.others("thermal.sensor", settings),
        )
    except ValueError as error:
        raise SettingError(
            f"thermal.sensor is {thermal.sensor!r}; {error}",
            suggested_action="Choose another one, or none to run without protection from heat.",
        ) from None
    if sensor is not None:
        steps = {step: str(band) for step, band in thermal.bands.items()}
        log.info("watching the heat", sensor=sensor.name, thresholds=steps)
    bands = {ThermalState(step): band for step, band in thermal.bands.items()}
    return Governor(sensor, bands, gate, interval_s=thermal.check_interval_s)


def crowd(settings: Settings, gate: InferenceGate) -> Crowd:
    """The simulated conversations that warm a simulated machine; else nobody."""
    name = settings.thermal.simulated
    return Crowd(gate, 0 if name is None else SCENARIOS[name].crowd)

"""The section about heat, and the ladder of steps that its settings come to."""

from __future__ import annotations

from typing import Final

import attrs

from voicechat.settings.band import COLDEST, HOTTEST, Band
from voicechat.settings.kinds import Bands, Integer, Number, Text
from voicechat.settings.setting import setting

STEPS: Final = ("no_speculation", "single", "phrases", "paused")
"""The settings that are steps of the ladder, from cool to hot."""
PLAIN_TRIGGER: Final = 85.0
PLAIN_RESUME: Final = 80.0
"""The thresholds of the plain mode: a Raspberry Pi slows itself down at 85 °C."""
PLAIN_WIDTH: Final = 5.0
"""Degrees by which the plain mode cools down at least, unless told otherwise."""


@attrs.frozen
class Thermal:
    """Heat: when to do less so that the chip stays cool.

    The four steps form a ladder, each adding to what those before it leave out. With
    `trigger_threshold` or `resume_threshold` there is one step alone, the pause, and the settings
    of the four are not used.
    """

    sensor: str = setting(
        "auto",
        Text(
            "auto, none, zone:TYPE, hwmon:NAME, file:PATH, constant:CELSIUS, trace:PATH, "
            "simulate:SCENARIO, or a sensor of another package"
        ),
        "Where the temperature comes from; a file holds thousandths of a degree Celsius.",
    )
    slots: int | str = setting(
        "auto",
        Integer(1, 256, words=("auto",)),
        "Inferences at once while it is cool; auto is one for each processor.",
    )
    check_interval_s: float = setting(
        1.0,
        Number(0.1, 60, "seconds"),
        "Time between two looks at the temperature.",
        alias="THERMAL_CHECK_INTERVAL",
    )
    no_speculation: str = setting(
        "75/70", Bands(), "When to stop preparing answers before the user has finished."
    )
    single: str = setting("80/76", Bands(), "When to do one inference at a time.")
    phrases: str = setting("83/79", Bands(), "When to let only agents answer that match phrases.")
    paused: str = setting("85/80", Bands(), "When to stop all inference until it is cooler.")
    trigger_threshold: float | None = setting(
        None,
        Number(COLDEST, HOTTEST, "°C", optional=True),
        "Pause from this temperature on, without the steps before; 85 if only the other is given.",
        alias="THERMAL_TRIGGER_THRESHOLD",
    )
    resume_threshold: float | None = setting(
        None,
        Number(COLDEST, HOTTEST, "°C", optional=True),
        "End that pause at this temperature; if only the other is given, 80, or 5 below it.",
        alias="THERMAL_RESUME_THRESHOLD",
    )

    @property
    def simulated(self) -> str | None:
        """The scenario that is simulated, if one is."""
        kind, _, name = self.sensor.partition(":")
        return name.strip() if kind.strip() == "simulate" else None

    @property
    def plain(self) -> bool:
        """Whether there is only the pause."""
        return self.trigger_threshold is not None or self.resume_threshold is not None

    @property
    def bands(self) -> dict[str, Band]:
        """The steps in force by the names of their states, from cool to hot.

        Raises:
            ValueError: The thresholds of the plain mode contradict each other; `load` has refused
                such settings.
        """
        if not self.plain:
            found = {step: Bands.parse(getattr(self, step)) for step in STEPS}
            return {step: band for step, band in found.items() if band is not None}
        trigger = PLAIN_TRIGGER if self.trigger_threshold is None else self.trigger_threshold
        resume = self.resume_threshold
        if resume is None:
            resume = max(COLDEST, min(PLAIN_RESUME, trigger - PLAIN_WIDTH))
        return {"paused": Band(trigger, resume)}

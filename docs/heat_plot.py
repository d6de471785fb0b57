"""Draws docs/images/heat.svg: the simulated hot day with and without the ladder, as it comes out.

Run as ``python docs/heat_plot.py [--check]``; `--check` fails when the picture is stale.
"""

from __future__ import annotations

import itertools
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import structlog
import trio
import trio.testing

from voicechat.protocol.messages.thermal import ThermalState
from voicechat.replay.hold import in_order
from voicechat.settings import Settings
from voicechat.thermal.crowd import Crowd
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.governor import Governor
from voicechat.thermal.ladder import STEPS
from voicechat.thermal.scenarios import SCENARIOS
from voicechat.thermal.sensors.choose import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voicechat.settings import Band

PICTURE = Path(__file__).parent / "images" / "heat.svg"
SCENARIO = SCENARIOS["hot-day"]
SLOTS = 4
MINUTES = 10
EVERY_S = 2

LEFT, TOP, WIDTH, HEIGHT = 52, 44, 640, 300
"""The plot inside the picture, in its own units, as is all that follows."""
STRIP = TOP + HEIGHT + 30
SIZE = f"{LEFT + WIDTH + 150} {STRIP + 66}"
COOLEST, HOTTEST = 68, 100
NAMES = {
    ThermalState.NORMAL: "normal",
    ThermalState.NO_SPECULATION: "no speculation",
    ThermalState.SINGLE: "single",
    ThermalState.PHRASES: "phrases",
    ThermalState.PAUSED: "paused",
}

STYLE = """
svg { --paper: #ffffff; --ink: #24292f; --faint: #d0d7de; --with: #0550ae; --without: #6e7781;
  --normal: #b4dfc0; --no_speculation: #f5e08a; --single: #f4b05c; --phrases: #e0703c;
  --paused: #a3203c; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #161b22; --ink: #e6edf3; --faint: #3d444d; --with: #79c0ff; --without: #9198a1;
    --normal: #3f7a52; --no_speculation: #a88f28; --single: #c07a24; --phrases: #d15a2a;
    --paused: #e0405f; } }
text { fill: var(--ink); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--faint); } .line { fill: none; stroke-linejoin: round; }
.with { stroke: var(--with); stroke-width: 2; }
.without { stroke: var(--without); stroke-width: 2; stroke-dasharray: 6 4; }
.trigger { stroke-width: 1.5; stroke-dasharray: 2 3; } .zone { opacity: 0.18; }
"""


@attrs.define
class Course:
    """How a simulated day went, a sample every `EVERY_S` seconds."""

    celsius: list[float] = attrs.field(factory=list)
    states: list[ThermalState] = attrs.field(factory=list)


def simulated(bands: Mapping[ThermalState, Band]) -> Course:
    """The scenario on a ladder, which may have no steps."""
    course = Course()

    async def live() -> None:
        gate = InferenceGate(SLOTS)
        sensor = simulate(SCENARIO, busy_s=lambda: gate.busy_s)
        governor = Governor(sensor, bands, gate, interval_s=1.0)
        async with trio.open_nursery() as nursery:
            await nursery.start(governor.run)
            await nursery.start(Crowd(gate, SCENARIO.crowd).run)
            began = trio.current_time()
            for second in range(0, MINUTES * 60 + 1, EVERY_S):
                await trio.sleep_until(began + second + 0.5)  # between two readings
                course.celsius.append(governor.status.celsius or SCENARIO.start_celsius)
                course.states.append(governor.status.state)
            nursery.cancel_scope.cancel()

    with in_order():
        trio.run(live, clock=trio.testing.MockClock(autojump_threshold=0))
    return course


def picture() -> str:
    """The whole file."""
    bands = {ThermalState(step): band for step, band in Settings().thermal.bands.items()}
    ladder, nothing = simulated(bands), simulated({})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE}" role="img">',
        "<title>Temperature on a simulated hot day, with and without the ladder</title>",
        f"<style>{STYLE}</style>",
        '<rect width="100%" height="100%" rx="8" fill="var(--paper)"/>',
        '<clipPath id="plot">',
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}"/></clipPath>',
        *_grid(),
        *_steps(bands),
        _line(nothing, "without"),
        _line(ladder, "with"),
        *_strip(ladder),
        *_legend(max(ladder.celsius), max(nothing.celsius)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _x(minutes: float) -> float:
    return LEFT + WIDTH * minutes / MINUTES


def _y(celsius: float) -> float:
    return TOP + HEIGHT * (HOTTEST - celsius) / (HOTTEST - COOLEST)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _grid() -> Iterator[str]:
    for celsius in range(70, HOTTEST + 1, 5):
        y = _y(celsius)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}h{WIDTH}"/>'
        yield _text(LEFT - 8, y + 4, f"{celsius}", "end")
    yield _text(LEFT - 8, TOP - 14, "°C", "end")
    for minute in range(0, MINUTES + 1, 2):
        yield _text(_x(minute), TOP + HEIGHT + 18, f"{minute} min", "middle")


def _steps(bands: Mapping[ThermalState, Band]) -> Iterator[str]:
    """Where each step holds until it ends, and the line at which it begins."""
    for state, band in bands.items():
        top, bottom = _y(band.trigger), _y(band.resume)
        yield (
            f'<rect class="zone" x="{LEFT}" y="{top:.1f}" width="{WIDTH}" '
            f'height="{bottom - top:.1f}" fill="var(--{state})"/>'
        )
        yield f'<path class="trigger" stroke="var(--{state})" d="M{LEFT} {top:.1f}h{WIDTH}"/>'
        yield _text(LEFT + WIDTH + 8, top + 4, f"{NAMES[state]} {band}")


def _line(course: Course, kind: str) -> str:
    points = " ".join(
        f"{_x(number * EVERY_S / 60):.1f},{_y(celsius):.1f}"
        for number, celsius in enumerate(course.celsius)
    )
    return f'<polyline class="line {kind}" clip-path="url(#plot)" points="{points}"/>'


def _strip(course: Course) -> Iterator[str]:
    begin = 0
    for state, samples in itertools.groupby(course.states):
        end = begin + len(list(samples))
        left, right = _x(begin * EVERY_S / 60), min(_x(end * EVERY_S / 60), LEFT + WIDTH)
        yield (
            f'<rect x="{left:.1f}" y="{STRIP}" width="{right - left:.1f}" height="14" '
            f'fill="var(--{state})"/>'
        )
        begin = end
    yield _text(LEFT + WIDTH + 8, STRIP + 12, "state")


def _legend(peak: float, without: float) -> Iterator[str]:
    yield f'<path class="with" d="M{LEFT} {TOP - 18}h28"/>'
    yield _text(LEFT + 36, TOP - 14, f"with the ladder (at most {peak:.0f} °C)")
    yield f'<path class="without" d="M{LEFT + 290} {TOP - 18}h28"/>'
    yield _text(LEFT + 326, TOP - 14, f"without it (up to {without:.0f} °C)")
    x = LEFT
    for state in (ThermalState.NORMAL, *STEPS):
        yield f'<rect x="{x}" y="{STRIP + 34}" width="14" height="14" fill="var(--{state})"/>'
        yield _text(x + 20, STRIP + 46, NAMES[state])
        x += 44 + 7 * len(NAMES[state])


def main() -> int:
    """Draw the picture, or check it."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(picture(), encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture():
        sys.stderr.write("docs/images/heat.svg is stale: run nox -s docs -- --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

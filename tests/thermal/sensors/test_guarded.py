"""Sensors of other packages: whatever they do, the server goes on and somebody can see why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog.testing
import trio

from voicechat.errors import SensorFailed
from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings import Band
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.governor import Governor
from voicechat.thermal.ports import Reading
from voicechat.thermal.sensors import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voicechat.thermal.ports import ThermalSensor

pytestmark = pytest.mark.requirement("T-4")


class Theirs:
    """Does at each reading what the next step of the plan says, the last one for ever."""

    name: Any = "theirs"

    def __init__(self, *plan: Any) -> None:
        self.plan = list(plan)

    async def read(self) -> Any:
        await trio.lowlevel.checkpoint()
        step = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
        if isinstance(step, BaseException):
            raise step
        return step


class Nameless(Theirs):
    @property
    def name(self) -> str:
        raise LookupError("no name")


class NotAsync(Theirs):
    def read(self) -> Any:
        return self.plan[0]


def guarded(sensor: Any) -> ThermalSensor:
    others: dict[str, Callable[[], ThermalSensor]] = {"probe": lambda: sensor}
    made = choose.make("probe", busy_s=float, others=others)
    assert made is not None
    return made


async def outcome(sensor: ThermalSensor) -> float | str:
    try:
        return (await sensor.read()).celsius
    except SensorFailed as error:
        return error.message


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


COOL = Reading(50.0)
BROKEN = "The thermometer of another package does not work."


@pytest.mark.parametrize(
    "step",
    [
        OSError("/dev/i2c-1: no such device"),
        RuntimeError("no running event loop"),
        ZeroDivisionError(),
        ExceptionGroup("nursery", [OSError(), ValueError()]),
        None,
        50.0,
        SimpleNamespace(celsius="50 degrees", flags=()),
        SimpleNamespace(celsius=50.0, flags=("on fire",)),
        SimpleNamespace(celsius=50.0, flags=None),
    ],
    ids=repr,
)
async def test_any_fault_is_a_sensor_that_cannot_be_read(step: Any, logs: list[Any]) -> None:
    sensor = guarded(Theirs(step))
    with pytest.raises(SensorFailed) as error:
        await sensor.read()
    assert error.value.message == BROKEN
    assert "choose another sensor" in error.value.suggested_action
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("sensor of another package failed", "error")
    assert entry["sensor"] == "theirs"
    assert isinstance(entry["exc_info"], Exception)


async def test_a_read_that_is_not_async_is_one_as_well() -> None:
    assert await outcome(guarded(NotAsync(COOL))) == BROKEN


async def test_each_change_is_logged_once(logs: list[Any]) -> None:
    oserror, lookup, failed = OSError(), LookupError(), SensorFailed("too dusty")
    plan = [oserror, oserror, lookup, lookup, COOL, lookup, failed, failed, lookup, lookup]
    sensor = guarded(Theirs(*plan))
    found = [await outcome(sensor) for _ in plan]
    assert found == [BROKEN] * 4 + [50.0, BROKEN, "too dusty", "too dusty", BROKEN, BROKEN]
    assert [entry["exc_info"] for entry in logs] == [oserror, lookup, lookup, lookup]


DUSTY = SensorFailed("too dusty", suggested_action="Clean it.")


@pytest.mark.parametrize("step", [DUSTY, ExceptionGroup("nursery", [DUSTY])], ids=repr)
async def test_its_own_words_are_passed_on_and_not_logged_twice(
    step: Exception, logs: list[Any]
) -> None:
    sensor = guarded(Theirs(step))
    with pytest.raises(SensorFailed, match="too dusty") as error:
        await sensor.read()
    assert error.value.suggested_action == "Clean it."
    assert logs == []


async def test_what_only_looks_like_a_reading_is_made_one() -> None:
    sensor = guarded(Theirs(SimpleNamespace(celsius=50, flags=["throttled"])))
    reading = await sensor.read()
    assert reading == Reading(50.0, (ThrottleFlag.THROTTLED,))
    assert type(reading.celsius) is float


async def test_without_a_name_it_has_that_of_the_setting(logs: list[Any]) -> None:
    sensor = guarded(Nameless(COOL))
    assert sensor.name == "probe"
    assert await outcome(sensor) == 50.0
    assert len(logs) == 1


class BadLoser(Theirs):
    """A fault while it is cancelled, besides the cancellation."""

    async def read(self) -> Any:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("bus")


async def test_a_fault_while_it_is_cancelled_is_no_more_than_that(
    autojump_clock: trio.testing.MockClock, logs: list[Any]
) -> None:
    sensor = guarded(BadLoser())
    with trio.move_on_after(1) as scope:
        await sensor.read()
    assert scope.cancelled_caught
    assert len(logs) == 1


@pytest.mark.parametrize("sensor", [Theirs(COOL, OSError()), BadLoser()])
async def test_the_governor_goes_on(autojump_clock: Any, sensor: Any, logs: list[Any]) -> None:
    bands = {ThermalState.PAUSED: Band(85, 80)}
    governor = Governor(guarded(sensor), bands, InferenceGate(2), interval_s=1)
    async with trio.open_nursery() as nursery:
        await nursery.start(governor.run)
        await trio.sleep(30)
        assert governor.status.state is ThermalState.UNKNOWN
        nursery.cancel_scope.cancel()
    assert [entry["event"] for entry in logs] == [
        "sensor of another package failed",
        "temperature unknown",
    ]

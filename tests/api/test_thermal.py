"""How hot it is, and other thresholds, over HTTP."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import trio

from voicechat.api import thermal
from voicechat.errors import SensorFailed
from voicechat.gateway.app import new_app
from voicechat.protocol.messages.thermal import ThermalState, ThrottleFlag
from voicechat.settings import Band
from voicechat.thermal.governor import Governor
from voicechat.thermal.ladder import STEPS, Limits
from voicechat.thermal.ports import Reading

NO_SPECULATION, SINGLE, PHRASES, PAUSED = STEPS
USUAL = {
    NO_SPECULATION: Band(75, 70),
    SINGLE: Band(80, 76),
    PHRASES: Band(83, 79),
    PAUSED: Band(85, 80),
}
HERE, ELSEWHERE = ("127.0.0.1", 50_000), ("192.168.1.7", 50_000)


class Gate:
    slots = 4
    occupied = 2
    waiting = 3

    def __init__(self) -> None:
        self.limits = Limits()

    def limit(self, limits: Limits) -> None:
        self.limits = limits


class Sensor:
    name = "cpu-thermal"

    def __init__(self, celsius: float | None, flags: tuple[ThrottleFlag, ...] = ()) -> None:
        self.celsius, self.flags = celsius, flags

    async def read(self) -> Reading:
        await trio.lowlevel.checkpoint()
        if self.celsius is None:
            raise SensorFailed("gone")
        return Reading(self.celsius, self.flags)


class Api:
    """The routes over a governor that has taken readings."""

    def __init__(self, sensor: Sensor | None, bands=USUAL) -> None:
        self.gate = Gate()
        self.sensor = sensor
        self.governor = Governor(sensor, bands, self.gate, interval_s=1.0)
        self.app = new_app("test")
        self.app.register_blueprint(thermal.blueprint(self.governor, self.gate))

    async def watch(self, seconds: float = 0.5) -> None:
        with trio.move_on_after(seconds):
            await self.governor.run()

    async def get(self, client=HERE) -> dict[str, Any]:
        response = await self.app.test_client().get(
            "/api/v1/thermal", scope_base={"client": client}
        )
        assert response.status_code == 200
        return await response.get_json()

    async def patch(
        self, body: object, *, client=HERE, kind="application/json", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        response = await self.app.test_client().patch(
            "/api/v1/thermal",
            data=body if isinstance(body, bytes) else json.dumps(body),
            headers={"Content-Type": kind} | headers,
            scope_base={"client": client},
        )
        return response.status_code, await response.get_json()


@pytest.mark.requirement("T-7")
async def test_it_tells_everything_about_the_heat(autojump_clock):
    api = Api(Sensor(81.04, (ThrottleFlag.UNDER_VOLTAGE,)))
    await api.watch(10.5)
    before = dt.datetime.now(dt.UTC)
    found = await api.get(ELSEWHERE)
    since = dt.datetime.fromisoformat(found.pop("since"))
    assert since.utcoffset() == dt.timedelta(0)
    assert dt.timedelta(0) <= before - since < dt.timedelta(minutes=1)
    assert found == {
        "state": "single",
        "temperature_c": 81.0,
        "for_s": 10.5,
        "sensor": "cpu-thermal",
        "flags": ["under_voltage"],
        "thresholds": {
            "no_speculation": {"trigger_c": 75, "resume_c": 70},
            "single": {"trigger_c": 80, "resume_c": 76},
            "phrases": {"trigger_c": 83, "resume_c": 79},
            "paused": {"trigger_c": 85, "resume_c": 80},
        },
        "limits": {"slots": 1, "speculation": False, "agents": True},
        "gate": {"slots": 4, "occupied": 2, "waiting": 3},
        "history": [[10.5, 81.0], [8.5, 81.0], [6.5, 81.0], [4.5, 81.0], [2.5, 81.0], [0.5, 81.0]],
    }


@pytest.mark.requirement("T-7")
@pytest.mark.parametrize(
    ("celsius", "state", "limits"),
    [
        (60.0, "normal", {"slots": 4, "speculation": True, "agents": True}),
        (76.0, "no_speculation", {"slots": 4, "speculation": False, "agents": True}),
        (83.5, "phrases", {"slots": 1, "speculation": False, "agents": False}),
        (90.0, "paused", {"slots": 0, "speculation": False, "agents": False}),
    ],
)
async def test_each_state_and_its_limits(autojump_clock, celsius, state, limits):
    api = Api(Sensor(celsius))
    await api.watch()
    found = await api.get()
    assert (found["state"], found["limits"]) == (state, limits)


@pytest.mark.requirement("T-3", "T-4")
async def test_nothing_to_read_is_told_as_it_is(autojump_clock):
    api = Api(Sensor(None))
    await api.watch(10.5)
    found = await api.get()
    assert (found["state"], found["temperature_c"], found["history"]) == ("unknown", None, [])
    assert found["limits"]["slots"] == 4
    api = Api(None)
    await api.watch()
    found = await api.get()
    assert (found["state"], found["sensor"]) == ("unsupported", None)


@pytest.mark.requirement("T-6")
async def test_thresholds_are_merged_and_in_force_at_once(autojump_clock):
    api = Api(Sensor(84.0))
    await api.watch()
    wanted = {"thresholds": {"paused": {"trigger_c": 84, "resume_c": 79.5}, "single": None}}
    status, found = await api.patch(wanted)
    assert status == 200
    assert found["thresholds"] == {
        "no_speculation": {"trigger_c": 75, "resume_c": 70},
        "phrases": {"trigger_c": 83, "resume_c": 79},
        "paused": {"trigger_c": 84, "resume_c": 79.5},
    }
    assert found["state"] == "paused"
    assert api.gate.limits.slots == 0
    assert api.governor.status.state is ThermalState.PAUSED
    assert (await api.get()).keys() == found.keys()
    # Back again, one step after the other.
    status, found = await api.patch({"thresholds": {"paused": {"trigger_c": 95, "resume_c": 90}}})
    assert (status, found["state"], api.gate.limits.slots) == (200, "phrases", 1)
    back = {"thresholds": {"single": {"trigger_c": 80, "resume_c": 76}}}
    assert (await api.patch(back))[0] == 200
    assert api.governor.status.bands == USUAL | {PAUSED: Band(95, 90)}


@pytest.mark.requirement("T-6")
async def test_a_step_that_is_not_there_can_be_taken_out_and_nothing_changed(autojump_clock):
    api = Api(Sensor(60.0), {PAUSED: Band(85, 80)})
    assert (await api.patch({"thresholds": {"single": None}}))[0] == 200
    assert (await api.patch({"thresholds": {}}))[0] == 200
    assert api.governor.status.bands == {PAUSED: Band(85, 80)}


@pytest.mark.requirement("T-6")
async def test_the_last_step_stays(autojump_clock):
    api = Api(Sensor(95.0))
    await api.watch()
    all_off: dict[str, Any] = dict.fromkeys(map(str, STEPS))
    status, error = await api.patch({"thresholds": all_off})
    assert (status, error["error"]) == (409, "conflict")
    assert error["message"] == "At least one step must stay."
    assert "thermal.sensor set to none" in error["suggested_action"]
    assert api.governor.status.bands == USUAL
    assert api.gate.limits.slots == 0
    del all_off["paused"]
    assert (await api.patch({"thresholds": all_off}))[0] == 200
    assert (await api.patch({"thresholds": {"paused": None}}))[0] == 409
    assert api.governor.status.bands == {PAUSED: Band(85, 80)}
    # Another one in its place is fine.
    instead = {"paused": None, "single": {"trigger_c": 80, "resume_c": 70}}
    assert (await api.patch({"thresholds": instead}))[0] == 200
    assert api.governor.status.bands == {SINGLE: Band(80, 70)}


@pytest.mark.requirement("T-6")
async def test_a_server_without_steps_can_be_given_one(autojump_clock):
    api = Api(Sensor(60.0), {})
    assert (await api.patch({"thresholds": {"single": None}}))[0] == 200
    assert (await api.patch({"thresholds": {"paused": PAIR}}))[0] == 200
    assert api.governor.status.bands == {PAUSED: Band(84, 79)}


PAIR = {"trigger_c": 84, "resume_c": 79}
WRONG = [
    ([], "one key thresholds"),
    (None, "one key thresholds"),
    ({}, "one key thresholds"),
    ({"thresholds": {}, "slots": 1}, "one key thresholds"),
    ({"thresholds": []}, "steps as keys"),
    ({"thresholds": None}, "steps as keys"),
    ({"thresholds": {"normal": PAIR}}, "no step 'normal'"),
    ({"thresholds": {"unknown": None}}, "no step 'unknown'"),
    ({"thresholds": {"x" * 100: None}}, "no step 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; "),
    ({"thresholds": {"paused": 85}}, "thresholds.paused must be null or an object with"),
    ({"thresholds": {"paused": "85/80"}}, "thresholds.paused must be null or an object with"),
    ({"thresholds": {"paused": {}}}, "trigger_c and resume_c"),
    ({"thresholds": {"paused": {"trigger_c": 84}}}, "trigger_c and resume_c"),
    ({"thresholds": {"paused": PAIR | {"more": 1}}}, "trigger_c and resume_c"),
    ({"thresholds": {"paused": PAIR | {"trigger_c": "84"}}}, "paused.trigger_c must be a number"),
    ({"thresholds": {"paused": PAIR | {"trigger_c": True}}}, "paused.trigger_c must be a number"),
    ({"thresholds": {"paused": PAIR | {"resume_c": None}}}, "paused.resume_c must be a number"),
    ({"thresholds": {"paused": PAIR | {"trigger_c": 150.5}}}, "from -40 to 150 °C"),
    ({"thresholds": {"paused": PAIR | {"resume_c": -41}}}, "from -40 to 150 °C"),
    ({"thresholds": {"paused": PAIR | {"resume_c": float("nan")}}}, "from -40 to 150 °C"),
    ({"thresholds": {"paused": PAIR | {"trigger_c": float("inf")}}}, "from -40 to 150 °C"),
    ({"thresholds": {"paused": PAIR | {"trigger_c": 10**3000}}}, "from -40 to 150 °C"),
    ({"thresholds": {"paused": PAIR | {"resume_c": 84}}}, "resume, 84 °C, is not below 84 °C"),
]


@pytest.mark.requirement("T-6")
@pytest.mark.parametrize(("body", "told"), WRONG)
async def test_what_is_wrong_is_told_and_changes_nothing(body, told):
    api = Api(Sensor(60.0))
    status, error = await api.patch(body)
    assert (status, error["error"]) == (400, "invalid_message")
    assert told in error["message"]
    assert '"trigger_c": 84' in error["suggested_action"]
    assert api.governor.status.bands == USUAL


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 4000, b"{'thresholds': {}}"])
async def test_what_is_no_json_is_told(body):
    status, error = await Api(Sensor(60.0)).patch(body)
    assert (status, error["error"]) == (400, "invalid_json")
    assert error["message"] == "The body is not valid JSON."


@pytest.mark.requirement("T-6")
async def test_steps_out_of_order_are_a_conflict_with_those_in_force():
    api = Api(Sensor(60.0))
    status, error = await api.patch({"thresholds": {"single": PAIR}})
    assert (status, error["error"]) == (409, "conflict")
    assert error["message"] == (
        "The steps would not be in order: phrases (83/79) must be above single (84/79)."
    )
    assert api.governor.status.bands == USUAL


@pytest.mark.requirement("T-6")
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(kind):
    """A page of another origin can send the other kinds without asking first."""
    api = Api(Sensor(60.0))
    status, error = await api.patch({"thresholds": {"single": None}}, kind=kind)
    assert (status, error["error"]) == (415, "unsupported_media_type")
    assert api.governor.status.bands == USUAL


async def test_a_long_body_is_refused():
    api = Api(Sensor(60.0))
    fits = b'{"thresholds": {}}'.ljust(4096)
    assert (await api.patch(fits))[0] == 200
    status, error = await api.patch(fits + b" ")
    assert (status, error["error"]) == (413, "message_too_large")
    assert "4096 bytes" in error["message"]


@pytest.mark.requirement("T-6")
@pytest.mark.parametrize(
    ("client", "headers"), [(ELSEWHERE, {}), (HERE, {"X-Forwarded-For": "127.0.0.1"})]
)
async def test_others_may_look_and_not_change(client, headers):
    api = Api(Sensor(60.0))
    status, error = await api.patch({"thresholds": {"single": None}}, client=client, **headers)
    assert (status, error["error"]) == (403, "forbidden")
    assert api.governor.status.bands == USUAL
    assert (await api.get(client))["state"] == "normal"


async def test_there_is_no_other_method():
    response = await Api(Sensor(60.0)).app.test_client().put("/api/v1/thermal")
    assert response.status_code == 405
    assert {"GET", "PATCH"} <= set(response.headers["Allow"].split(", "))

"""Whether the server lives, and how it is."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest

import voicechat
from voicechat.api import health
from voicechat.gateway.app import new_app
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.status import Status

PAUSED = Status(
    state=ThermalState.PAUSED,
    celsius=86.04,
    since=12.5,
    since_wall=dt.datetime(2026, 3, 1, 12, 30, 15, 999_000, dt.UTC),
    flags=(),
    bands={},
    sensor="cpu-thermal",
    limited_to=ThermalState.PAUSED,
)


async def ask(path: str, status: Status = PAUSED):
    app = new_app("test")
    app.register_blueprint(health.blueprint(lambda: 3, lambda: status))
    response = await app.test_client().get(path)
    return response.status_code, await response.get_json()


@pytest.mark.requirement("T-7")
async def test_health_tells_sessions_and_heat():
    code, body = await ask("/health")
    assert body.pop("uptime_s") >= 0
    assert (code, body) == (
        200,
        {
            "status": "ok",
            "version": voicechat.__version__,
            "sessions": 3,
            "thermal": {
                "state": "paused",
                "temperature_c": 86.0,
                "since": "2026-03-01T12:30:15+00:00",
            },
        },
    )


@pytest.mark.requirement("T-7")
async def test_health_without_a_thermometer():
    nothing = attrs.evolve(PAUSED, state=ThermalState.UNSUPPORTED, celsius=None)
    _, body = await ask("/health", nothing)
    assert (body["thermal"]["state"], body["thermal"]["temperature_c"]) == ("unsupported", None)


@pytest.mark.parametrize("path", ["/api/v1/health/live", "/api/v1/health/ready"])
async def test_who_gets_an_answer_gets_a_ready_server(path):
    assert await ask(path) == (200, {"status": "ok"})

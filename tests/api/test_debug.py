"""The task tree: for programs on this machine, and for nobody behind a proxy on it."""

from __future__ import annotations

import pytest

from voicechat.api import debug
from voicechat.gateway.app import new_app

HERE = ("127.0.0.1", 50_000)


async def status(client=HERE, **headers):
    app = new_app("test")
    app.register_blueprint(debug.blueprint())
    response = await app.test_client().get(
        "/api/v1/debug/tasks",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        scope_base={"client": client},
    )
    return response.status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
async def test_programs_on_this_machine_may_look(address):
    assert await status((address, 50_000)) == 200


@pytest.mark.parametrize("address", ["192.168.1.7", "::ffff:192.168.1.7", "2001:db8::1", ""])
async def test_others_may_not(address):
    assert await status((address, 50_000)) == 403


@pytest.mark.parametrize(
    "header",
    [
        {"Forwarded": "for=192.0.2.60"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"x_forwarded_for": ""},
        {"X_Forwarded_Host": "voice.example"},
        {"X_Forwarded_Proto": "https"},
        {"X_Real_IP": "192.0.2.60"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_nobody_behind_a_proxy_on_this_machine_may(header):
    assert await status(**header) == 403

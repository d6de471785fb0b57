"""The records of a session's turns over HTTP."""

from __future__ import annotations

import pytest

from voicechat.api import turns
from voicechat.gateway.app import new_app
from voicechat.protocol.messages.conversation import Origin, TurnTimings
from voicechat.protocol.messages.trace import EndpointReason, Outcome, Speculation, TurnTrace

TRACE = TurnTrace(
    turn=3,
    origin=Origin.VOICE,
    outcome=Outcome.COMPLETE,
    timings=TurnTimings(endpoint_ms=192.0, first_audio_ms=210.5),
    endpoint=EndpointReason.COMPLETE,
    pause_ms=192.0,
    stopped=None,
    speculation=Speculation.HIT,
    drafts_dropped=0,
    false_alarms=1,
    replaces=None,
    speech_ms=800.0,
    text_chars=20,
    heard_chars=20,
    audio_ms=1500.0,
    played_ms=1500.0,
)


async def ask(session, client="127.0.0.1"):
    app = new_app("test")
    app.register_blueprint(turns.blueprint({"known": (TRACE,), "silent": ()}.get))
    path = f"/api/v1/sessions/{session}/turns"
    response = await app.test_client().get(path, scope_base={"client": (client, 50_000)})
    return response.status_code, await response.get_json()


@pytest.mark.requirement("V-11")
async def test_a_turn_tells_why_it_ended_and_where_its_time_went():
    status, body = await ask("known")
    assert (status, body["session_id"]) == (200, "known")
    (turn,) = body["turns"]
    assert turn["endpoint"] == "complete"
    assert turn["speculation"] == "hit"
    assert turn["timings"]["first_audio_ms"] == 210.5
    assert turn["stopped"] is None


async def test_a_session_without_turns_and_one_that_is_not_there():
    assert await ask("silent") == (200, {"session_id": "silent", "turns": []})
    status, body = await ask("unknown")
    assert (status, body["error"]) == (404, "session_not_found")


async def test_others_may_not_look():
    assert (await ask("known", client="192.168.1.7"))[0] == 403

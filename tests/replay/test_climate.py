"""A session that was stopped by heat replays as it was, the pause included."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import ResponseComplete, TurnStarted, UserMessage
from voicechat.protocol.messages.thermal import Thermal, ThermalState
from voicechat.recording.file import Recording
from voicechat.recording.format import Header, Record, SentSpeech
from voicechat.replay.compare import compare, explain
from voicechat.replay.rerun import rerun
from voicechat.settings import Settings

PAUSED = (2.0, 30.0)


def told(at, state, celsius):
    return Record(at, Thermal(state, celsius, 0.0, waiting=False, message=""))


@pytest.mark.requirement("V-12")
@pytest.mark.requirement("T-2")
def test_a_pause_is_replayed():
    header = Header(
        version="0",
        session_id="s",
        started=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        hello=Hello(1, output_rate=16_000),
        settings={},
        packages={},
    )
    came = Recording(
        header,
        (
            told(0.01, ThermalState.NORMAL, 60.0),
            Record(0.5, UserMessage("what can you do")),
            told(PAUSED[0], ThermalState.PAUSED, 86.0),
            told(PAUSED[1], ThermalState.NORMAL, 70.0),
            Record(60.0, UserMessage("what time is it")),
            Record(70.0, UserMessage("stop")),
        ),
    )
    once = rerun(came, Settings())
    waits = [r.item.waiting for r in once.records if isinstance(r.item, Thermal)]
    assert waits == [False, False, True, False]
    first = next(r for r in once.records if isinstance(r.item, ResponseComplete))
    assert PAUSED[1] < first.at < 50
    spoken = [r.at for r in once.records if isinstance(r.item, SentSpeech | AudioFrame)]
    assert not [at for at in spoken if 10 < at < PAUSED[1]], "it is silent in the pause"
    assert [at for at in spoken if 3 < at < 10], "but for the notice"
    assert {r.item.origin for r in once.records if isinstance(r.item, TurnStarted)} == {"text"}

    twice = rerun(once, Settings())
    found = compare(once.records, twice.records, end=once.seconds)
    assert not found.differences, "\n".join(explain(found.differences))
    assert [r.item.waiting for r in twice.records if isinstance(r.item, Thermal)] == waits

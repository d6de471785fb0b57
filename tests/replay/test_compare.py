"""What counts as the same decision, and how differences are told."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import EngineFailed
from voicechat.protocol.messages.audio import SpeechEnded, SpeechStarted
from voicechat.protocol.messages.connection import Error, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    Duck,
    MessageReceived,
    Origin,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TranscriptPartial,
    TurnStarted,
    TurnTimings,
    UserMessage,
)
from voicechat.protocol.messages.trace import EndpointReason, Outcome, Speculation, TurnTrace
from voicechat.recording.format import Record
from voicechat.replay.compare import compare, explain
from voicechat.replay.turns import table, turn_rows

TRACE = TurnTrace(
    turn=1,
    origin=Origin.VOICE,
    outcome=Outcome.COMPLETE,
    timings=TurnTimings(endpoint_ms=200.0, first_audio_ms=230.0),
    endpoint=EndpointReason.COMPLETE,
    pause_ms=192.0,
    stopped=None,
    speculation=Speculation.HIT,
    drafts_dropped=0,
    false_alarms=0,
    replaces=None,
    speech_ms=800.0,
    text_chars=14,
    heard_chars=14,
    audio_ms=1500.0,
    played_ms=1500.0,
)
THEN = [
    Record(1.0, SpeechStarted(1, 100)),
    Record(1.5, TranscriptPartial("what")),
    Record(2.0, SpeechEnded(1, 900)),
    Record(2.2, TranscriptFinal("what time is it", True, 1, -1.0)),
    Record(2.2, TurnStarted(1, Origin.VOICE)),
    Record(2.3, StreamDelta(1, "It is ")),
    Record(2.3, StreamDelta(1, "9:30.")),
    Record(2.5, Duck(1, 0.3)),
    Record(4.0, ResponseComplete(1, "It is 9:30.", TurnTimings(endpoint_ms=200.0))),
    Record(4.0, TRACE),
    Record(5.0, MessageReceived(4, 2)),
    Record(5.1, TurnStarted(2, Origin.TEXT)),
    Record(5.2, StreamDelta(2, "I can do ")),
    Record(6.0, StreamInterrupted(2, StopReason.INTERRUPTED)),
    Record(6.1, Error.of(EngineFailed("x"), "correlation")),
    Record(6.2, StreamError.of(3, EngineFailed("x"), "correlation")),
]
END = 10.0


def changed(index, **how):
    record = THEN[index]
    new = attrs.evolve(record, item=attrs.evolve(record.item, **how))
    return [*THEN[:index], new, *THEN[index + 1 :]]


def differences(now, then=THEN, end=END):
    return compare(then, now, end=end).differences


@pytest.mark.requirement("V-12")
def test_the_same_is_the_same():
    found = compare(THEN, THEN, end=END)
    assert (found.agreed, found.differences) == (12, ())


@pytest.mark.parametrize(
    "now",
    [
        changed(3, confidence=None),
        changed(8, text="It is 11:31.", timings=TurnTimings()),
        changed(9, timings=TurnTimings(), audio_ms=0.0, heard_chars=10),
        changed(10, client_seq=None),
        changed(12, text="I can do this and "),
        changed(12, text="I can"),
        changed(14, correlation_id="other", message="other"),
        [record for record in THEN if not isinstance(record.item, TranscriptPartial)],
        [attrs.evolve(record, at=record.at + 0.4) for record in THEN],
        [*THEN[4:], *THEN[:4]],  # other lanes
    ],
)
def test_what_depends_on_speed_is_no_difference(now):
    assert not differences(now)


@pytest.mark.requirement("V-12")
@pytest.mark.parametrize(
    ("now", "lane", "word"),
    [
        (changed(0, at=101), "heard", "101"),
        (changed(3, text="what time was it"), "heard", "was"),
        (changed(3, accepted=False), "heard", "not understood"),
        (changed(3, turn=None), "heard", "it”"),
        (changed(3, replaces=7), "heard", "instead of turn 7"),
        (changed(4, origin=Origin.TEXT), "turn 1", "text"),
        (changed(7, gain=1.0), "turn 1", "gain 1"),
        (changed(8, text="It was 9:30."), "turn 1", "was"),
        (changed(9, pause_ms=224.0), "turn 1", "pause_ms 224"),
        (changed(9, endpoint=EndpointReason.SILENCE), "turn 1", "silence"),
        (changed(9, speculation=Speculation.WASTE), "turn 1", "waste"),
        (changed(9, heard_chars=50), "turn 1", "50"),
        (changed(10, turn=3), "replies", "turn 3"),
        (changed(12, text="I will do"), "turn 2", "will"),
        (changed(13, reason=StopReason.BARGE_IN), "turn 2", "barge_in"),
        (THEN[1:], "heard", "900"),
        ([*THEN, Record(6.3, Duck(3, 0.5))], "turn 3", "gain 0.5"),
        ([attrs.evolve(record, at=record.at + 0.6) for record in THEN], "heard", "1.600"),
    ],
)
def test_another_decision_is_a_difference(now, lane, word):
    found = [each for each in differences(now) if each.lane == lane]
    assert word in found[0].replayed


def test_only_the_first_of_a_lane_is_told_and_the_earliest_comes_first():
    now = [Record(record.at, record.item) for record in THEN[5:]]
    found = differences(now)
    assert [each.lane for each in found] == ["heard", "turn 1"]
    lines = explain(found)
    assert "1.000 s  heard" in lines[0]
    assert lines[2].split(": ")[1] == "(nothing)"


def test_at_the_end_one_side_may_be_ahead():
    late = Record(9.8, Duck(9, 0.5))
    assert not differences([*THEN, late])
    assert differences([*THEN, attrs.evolve(late, at=9.4)])


def test_a_server_that_shut_down_is_compared_until_then():
    then = [*THEN[:5], Record(2.3, ServerShuttingDown(3.0))]
    assert not differences(THEN, then)


@given(st.permutations(range(len(THEN))), st.integers(0, len(THEN)))
def test_it_never_fails_and_is_symmetric_in_whether_there_is_one(order, cut):
    now = sorted((THEN[index] for index in order[:cut]), key=lambda record: record.at)
    assert bool(differences(now)) == bool(differences(THEN, now))


@pytest.mark.requirement("V-12")
def test_the_table_tells_each_turn():
    typed = [
        Record(4.9, UserMessage("what can you do")),
        *THEN,
        Record(
            6.0,
            attrs.evolve(
                TRACE,
                turn=2,
                origin=Origin.TEXT,
                outcome=Outcome.INTERRUPTED,
                stopped=StopReason.INTERRUPTED,
                endpoint=None,
                pause_ms=None,
                timings=TurnTimings(first_token_ms=3.0),
            ),
        ),
    ]
    assert turn_rows(THEN)[1].outcome == "unfinished"
    rows = turn_rows(typed)
    assert [(row.turn, row.words, row.answer) for row in rows] == [
        (1, "what time is it", "It is 9:30."),
        (2, "what can you do", "I can do "),
    ]
    head, first, second = table(rows)
    assert "endpoint" in head
    for word in ("complete", "192 ms", "230 ms", "hit", "14/14", "what time is it → It is 9:30."):
        assert word in first
    assert "interrupted (interrupted)" in second
    assert "3 ms" in second

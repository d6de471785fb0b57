from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.segmenter import (
    TRANSITIONS,
    Evidence,
    Segmenter,
    SegmenterSettings,
    SpeechEnded,
    SpeechStarted,
    State,
)

FRAME = 512
MS = 16  # samples in a millisecond

Event = SpeechStarted | SpeechEnded


def follow(
    probabilities: list[float], settings: SegmenterSettings | None = None
) -> list[tuple[int, Event]]:
    """Events with the index of the frame at which they came."""
    segmenter = Segmenter(settings)
    events = []
    for index, probability in enumerate(probabilities):
        if (event := segmenter.step(probability, (index + 1) * FRAME)) is not None:
            events.append((index, event))
            assert segmenter.speaking is isinstance(event, SpeechStarted)
    return events


def test_the_table_is_total() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, Evidence))


@pytest.mark.requirement("V-3")
def test_speech_begins_where_it_began_and_ends_where_it_ended() -> None:
    assert follow([0.0] * 20 + [0.9] * 10 + [0.1] * 5) == [
        (21, SpeechStarted(20 * FRAME, 20 * FRAME - 300 * MS)),
        (31, SpeechEnded(30 * FRAME)),
    ]


@pytest.mark.requirement("V-3")
def test_a_click_is_no_speech() -> None:
    assert follow([0.0, 0.99, 0.0, 0.0, 0.99, 0.0]) == []


def test_a_dip_is_no_pause() -> None:
    assert [index for index, _ in follow([0.9] * 5 + [0.1] + [0.9] * 5)] == [1]


def test_between_the_thresholds_nothing_changes() -> None:
    assert follow([0.4] * 10) == []
    assert len(follow([0.9] * 3 + [0.4] * 10)) == 1
    assert len(follow([0.9] * 3 + [0.1, 0.4] * 10)) == 1
    assert len(follow([0.9, 0.4] * 10)) == 0


def test_the_pre_roll_reaches_neither_before_the_stream_nor_into_the_speech_before() -> None:
    events = [event for _, event in follow([0.0] + [0.9] * 4 + [0.1] * 3 + [0.9] * 3)]
    assert events == [
        SpeechStarted(FRAME, 0),
        SpeechEnded(5 * FRAME),
        SpeechStarted(8 * FRAME, 5 * FRAME),
    ]


def test_without_minimum_durations_one_frame_is_enough() -> None:
    settings = SegmenterSettings(min_speech_ms=0, min_silence_ms=0, pre_roll_ms=0)
    assert follow([0.0, 0.9, 0.0], settings) == [
        (1, SpeechStarted(FRAME, FRAME)),
        (2, SpeechEnded(2 * FRAME)),
    ]


def test_frames_may_be_missing_but_not_overlap() -> None:
    segmenter = Segmenter()
    segmenter.step(0.1, FRAME)
    segmenter.step(0.1, 10 * FRAME)
    with pytest.raises(ValueError, match="before the end"):
        segmenter.step(0.1, 11 * FRAME - 1)
    with pytest.raises(ValueError, match="before the end"):
        Segmenter().step(0.1, FRAME - 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"start_threshold": 0.3},
        {"start_threshold": 1.1},
        {"stop_threshold": -0.1},
        {"start_threshold": float("nan")},
        {"min_speech_ms": -1},
        {"min_silence_ms": -1},
        {"pre_roll_ms": -1},
        {"frame_samples": 0},
    ],
)
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needed|negative|least"):
        SegmenterSettings(**bad)


SETTINGS = st.builds(
    SegmenterSettings,
    start_threshold=st.floats(0.4, 0.9),
    stop_threshold=st.floats(0.1, 0.4),
    min_speech_ms=st.integers(0, 200),
    min_silence_ms=st.integers(0, 200),
    pre_roll_ms=st.integers(0, 500),
)
PROBABILITIES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.45, 0.7, 1.0]) | st.floats(0, 1), st.integers(1, 6)),
    max_size=30,
).map(lambda runs: [p for p, times in runs for _ in range(times)])


@pytest.mark.requirement("V-3")
@given(PROBABILITIES, SETTINGS)
def test_events_alternate_and_positions_grow(
    probabilities: list[float], settings: SegmenterSettings
) -> None:
    heard_until = 0
    for number, (index, event) in enumerate(follow(probabilities, settings)):
        assert isinstance(event, SpeechEnded if number % 2 else SpeechStarted)
        now = (index + 1) * FRAME
        if isinstance(event, SpeechStarted):
            assert heard_until <= event.audio_from_sample <= event.at_sample < now
            assert event.at_sample - event.audio_from_sample <= settings.pre_roll_ms * MS
            # Noticed with the first frame that completes the minimum, and not later.
            assert 0 <= now - event.at_sample - settings.min_speech_ms * MS < FRAME or (
                settings.min_speech_ms * MS <= FRAME == now - event.at_sample
            )
        else:
            assert heard_until < event.at_sample < now
        heard_until = event.at_sample


@attrs.define
class Naive:
    """The same in plain words: looks back over the whole history at each frame."""

    settings: SegmenterSettings
    history: list[float] = attrs.field(factory=list)
    speaking: bool = False
    ended_at: int = 0

    def step(self, probability: float) -> Event | None:
        s = self.settings
        self.history.append(probability)
        run = 0
        for past in reversed(self.history):
            voiced = past >= (s.stop_threshold if self.speaking else s.start_threshold)
            if voiced is self.speaking:
                break
            run += 1
        minimum = s.min_silence_ms if self.speaking else s.min_speech_ms
        if run == 0 or run * FRAME < minimum * MS:
            return None
        self.speaking = not self.speaking
        at = (len(self.history) - run) * FRAME
        if self.speaking:
            return SpeechStarted(at, max(self.ended_at, at - s.pre_roll_ms * MS))
        self.ended_at = at
        return SpeechEnded(at)


@given(PROBABILITIES, SETTINGS)
def test_it_agrees_with_a_naive_model(
    probabilities: list[float], settings: SegmenterSettings
) -> None:
    naive, segmenter = Naive(settings), Segmenter(settings)
    for index, probability in enumerate(probabilities):
        assert segmenter.step(probability, (index + 1) * FRAME) == naive.step(probability)
        assert segmenter.speaking is naive.speaking

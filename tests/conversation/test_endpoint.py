import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.endpoint import (
    TRANSITIONS,
    Endpointer,
    EndpointReason,
    Signal,
    State,
)


def test_the_table_is_whole():
    assert set(TRANSITIONS) == {(state, signal) for state in State for signal in Signal}
    assert State.IDLE not in {
        new for (old, _), new in TRANSITIONS.items() if old is not State.IDLE
    }, "only time ends an utterance"


def test_a_pause_shorter_than_the_silence_is_no_end():
    ears = Endpointer(silence=8000, max_length=10**9)
    ears.signal(Signal.STARTED, 1000)
    ears.signal(Signal.ENDED, 5000)
    assert ears.advance(12_999) is None
    ears.signal(Signal.STARTED, 12_999)
    assert ears.advance(30_000) is None
    ears.signal(Signal.ENDED, 31_000)
    end = ears.advance(39_000)
    assert end is not None
    assert (end.reason, end.speech_end, end.at) == (EndpointReason.SILENCE, 31_000, 39_000)
    assert ears.advance(10**6) is None


@pytest.mark.parametrize(("paused", "speech_end"), [(True, 500), (False, 700)])
def test_closing_ends_what_is_open(paused, speech_end):
    ears = Endpointer(silence=8000, max_length=10**9)
    assert ears.close(10) is None
    ears.signal(Signal.STARTED, 100)
    if paused:
        ears.signal(Signal.ENDED, 500)
    end = ears.close(700)
    assert end is not None
    assert (end.reason, end.speech_end) == (EndpointReason.CLOSED, speech_end)
    assert ears.close(800) is None


def test_an_utterance_has_a_greatest_length():
    ears = Endpointer(silence=8000, max_length=100)
    ears.signal(Signal.STARTED, 1000)
    assert ears.advance(1099) is None
    end = ears.advance(1100)
    assert end is not None
    assert end.reason is EndpointReason.MAX_LENGTH


@pytest.mark.requirement("V-4")
@given(
    silence=st.integers(1, 50),
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=60),
)
def test_against_a_naive_model(silence, steps):
    """Sample by sample: a turn ends where `silence` unvoiced samples follow a voiced one."""
    ears = Endpointer(silence=silence, max_length=10**9)
    position = 0
    ends = []
    voiced_before = False
    for voiced, length in steps:
        if voiced is not voiced_before:
            ears.signal(Signal.STARTED if voiced else Signal.ENDED, position)
            voiced_before = voiced
        for _ in range(length):
            position += 1
            if (end := ears.advance(position)) is not None:
                ends.append((end.speech_end, end.at))
    expected = []
    samples = [voiced for voiced, length in steps for _ in range(length)]
    run, open_ = 0, False
    for index, voiced in enumerate(samples):
        if voiced:
            run, open_ = 0, True
        elif open_:
            run += 1
            if run == silence:
                expected.append((index + 1 - silence, index + 1))
                open_ = False
    assert ends == expected

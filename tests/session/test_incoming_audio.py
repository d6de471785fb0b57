"""What a client's microphone sends is acknowledged when it was heard, and its words are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session.incoming_tools import Said, frame
from voicechat.protocol.messages.audio import AudioClose
from voicechat.protocol.messages.conversation import Interrupt
from voicechat.protocol.messages.session import InputAck

pytestmark = pytest.mark.requirement("S-3")


def test_audio_that_comes_again_is_dropped():
    said = Said()
    said.opened(1)
    assert said.hears(frame(1, 0))
    assert said.hears(frame(1, 320))
    assert not said.hears(frame(1, 0))
    assert not said.hears(frame(1, 320))
    assert said.hears(frame(1, 480)), "half of it is new"
    assert said.hears(frame(1, 800, 0, last=True)), "the end has to be heard"
    assert not said.fresh(frame(2, 0))


def test_audio_counts_as_received_when_it_was_taken_and_not_before():
    said = Said()
    said.opened(1)
    assert said.hears(frame(1, 0))
    assert said.fresh(frame(1, 320))
    assert said.position.received == 320
    said.drop(frame(1, 320))
    said.silence(1, 640)
    assert (said.position.received, said.samples) == (320, 320), "it was refused"
    assert said.fresh(frame(1, 320)), "so it can come again"


def test_what_comes_of_a_stream_that_was_given_up_need_not_be_kept_when_the_rest_is_safe():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0))
    said.drop(frame(1, 320))
    said.final()
    said.listened(1)
    said.drop(frame(1, 640))
    assert said.samples == 0, "there are words that are not kept"
    before = said.told
    said.final_kept(1, 300)
    assert (said.samples, said.position.received) == (960, 960)
    assert said.told > before
    said.drop(frame(1, 960))
    assert said.samples == 1280
    said.opened(2)
    said.listened(2)
    assert said.samples == 0, "the next one begins anew"


def test_what_nobody_opened_is_not_settled_by_being_dropped():
    said = Said()
    said.restore(4, 100)
    said.drop(frame(4, 100))
    assert said.samples == 100


def test_silence_settles_as_far_as_audio_has_come():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0))
    said.silence(1, 200)
    assert said.ack() == InputAck(0, 1, 200)
    said.silence(1, 5000)
    assert said.samples == 320
    said.opened(2)
    said.silence(1, 5000)
    assert said.ack() == InputAck(0, 2, 0), "of the older one it is void"


def test_nothing_is_settled_beyond_words_that_are_not_kept():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0, 5000))
    said.silence(1, 100)
    said.final()
    said.silence(1, 2000)
    assert said.samples == 100
    said.final_kept(1, 1500)
    assert said.samples == 1500
    said.silence(1, 2000)
    assert said.samples == 2000


def test_a_cough_settles_nothing_while_the_words_before_it_are_not_kept():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0, 5000))
    said.final()  # a question
    said.final()  # a cough behind it: nothing to keep
    said.final_kept(1, 4000)
    assert said.samples == 0
    said.final_kept(1, 1500)
    assert said.samples == 4000, "in any order: all of it is safe now"


def test_the_end_of_a_stream_is_acknowledged_when_it_was_heard_and_kept():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0, 5000))
    said.say(AudioClose(1), 1)
    assert said.settled == 0
    said.final()
    said.listened(1)
    assert said.ack() == InputAck(0, 1, 0)
    before = said.told
    said.final_kept(1, 4000)
    assert said.ack() == InputAck(1, 1, 5000), "what came behind the words as well"
    assert said.told > before


def test_the_end_of_a_stream_without_words_is_acknowledged_when_it_was_heard():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0))
    said.say(AudioClose(1), 1)
    assert said.settled == 0
    before = said.told
    said.listened(1)
    assert said.ack() == InputAck(1, 1, 320)
    assert said.told > before


def test_an_end_that_comes_behind_the_last_frame_is_acknowledged():
    """The stream was listened to before the message came."""
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0, last=True))
    said.listened(1)
    before = said.told
    said.say(AudioClose(1), 1)
    assert said.ack() == InputAck(1, 1, 320)
    assert said.told > before


def test_such_an_end_waits_for_its_words():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0, last=True))
    said.final()
    said.listened(1)
    said.say(AudioClose(1), 1)
    assert said.settled == 0
    said.final_kept(1, 300)
    assert said.settled == 1


def test_a_stream_that_is_ended_twice_does_not_hold_up_acknowledgements():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0))
    said.say(AudioClose(1), 1)
    said.say(Interrupt(), 2)
    said.say(AudioClose(1), 3)
    assert said.settled == 2, "the newer one stands for both"
    said.listened(1)
    assert said.settled == 3
    said.say(AudioClose(1), 4)
    said.say(Interrupt(), 5)
    assert said.settled == 5


@pytest.mark.parametrize("known", [None, 4])
def test_the_end_of_a_stream_that_nobody_listens_to_holds_up_nothing(known):
    """It was refused, or the server has forgotten it: after a restart it is closed again."""
    said = Said()
    said.restore(known, 100)
    said.say(AudioClose(4), 1)
    assert said.settled == 1


def test_after_a_restart_a_client_may_number_its_streams_anew():
    said = Said()
    said.restore(4, 1000)
    assert said.ack() == InputAck(0, 4, 1000)
    said.opened(1)
    assert said.fresh(frame(1, 0)), "not one sample of it has been heard"
    assert said.ack() == InputAck(0, 1, 0)


def test_a_stream_that_follows_another_is_not_confused_with_it():
    said = Said()
    said.opened(1)
    said.hears(frame(1, 0))
    said.opened(2)  # the first is still being listened to
    said.hears(frame(2, 0))
    said.say(AudioClose(2), 1)
    said.listened(1)
    assert said.ack() == InputAck(0, 2, 0)
    said.listened(2)
    assert said.ack() == InputAck(1, 2, 320)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("frame"), st.integers(1, 400)),
            st.tuples(st.just("silence"), st.integers(0, 5000)),
            st.tuples(st.just("final"), st.integers(1, 400)),
            st.tuples(st.just("kept"), st.integers(0, 3)),
        ),
        max_size=40,
    )
)
def test_settled_audio_never_reaches_unkept_words(events):
    """Words are at the end of what had come; each is kept in its order, or was nothing at all."""
    said = Said()
    said.opened(1)
    end, words, settled = 0, [], 0
    for kind, number in events:
        if kind == "frame":
            said.hears(frame(1, end, number))
            end += number
        elif kind == "silence":
            said.silence(1, number)
        elif kind == "final":
            begin, end = end, end + number
            said.hears(frame(1, begin, number))
            said.final()
            words.append((begin, end))
        elif number < len(words):
            said.final_kept(1, words.pop(number)[1])
        assert settled <= said.samples <= end
        settled = said.samples
        if words:
            assert settled <= min(begin for begin, _ in words)

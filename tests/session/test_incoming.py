"""What a client says is handled once, and acknowledged only when it could not be lost any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioClose, Playback
from voicechat.protocol.messages.connection import Settings
from voicechat.protocol.messages.conversation import Interrupt, UserMessage
from voicechat.protocol.messages.session import InputAck
from voicechat.session.incoming import Incoming

pytestmark = pytest.mark.requirement("S-3")


class Said(Incoming):
    """One of a client that numbers; counts what it tells."""

    def __init__(self, *, numbered=True, taken=0):
        super().__init__(numbered=numbered, taken=taken)
        self.told = 0
        self.on_ack = self._tell

    def _tell(self):
        self.told += 1

    def say(self, message, seq, *, safe=True):
        """Whether it was handled."""
        envelope = Envelope(message, seq)
        if not self.admit(envelope):
            return False
        self.handled(envelope, safe=safe)
        return True

    @property
    def settled(self):
        return self.ack().client_seq

    @property
    def samples(self):
        return self.ack().samples


def frame(stream, offset, samples=320, *, last=False):
    return AudioFrame(FrameKind.MICROPHONE, stream, 0, offset, bytes(2 * samples), last)


def test_messages_are_handled_once_in_their_order():
    said = Said()
    assert said.say(UserMessage("a"), 1)
    assert said.say(Interrupt(), 2)
    assert not said.say(UserMessage("a"), 1)
    assert not said.say(Interrupt(), 2)
    assert said.say(Settings(), 3)
    assert said.ack() == InputAck(3, None, 0)


def test_a_message_that_comes_again_is_acknowledged_again():
    said = Said()
    said.say(Interrupt(), 1)
    before = said.told
    said.say(Interrupt(), 1)
    assert said.told == before + 1, "its acknowledgement may have been lost"


def test_a_message_that_is_missing_is_noticed():
    said = Said()
    said.say(Interrupt(), 1)
    with pytest.raises(ProtocolError, match="Message 2 is missing before 3") as caught:
        said.say(Interrupt(), 3)
    assert caught.value.code is ErrorCode.OUT_OF_ORDER
    assert said.say(Interrupt(), 2), "nothing has changed"


def test_a_message_without_a_number_is_refused():
    said = Said()
    with pytest.raises(ProtocolError, match=r"user_message\.seq is missing") as caught:
        said.say(UserMessage("a"), None)
    assert caught.value.code is ErrorCode.INVALID_MESSAGE
    assert said.say(Playback(1, 0), None), "it has none"


def test_a_client_that_does_not_number_may_say_anything():
    said = Said(numbered=False)
    for seq in (None, 5, 5, 2):
        assert said.say(UserMessage("a"), seq)
    assert said.say(AudioClose(1), 9)
    assert said.fresh(frame(7, 0))
    assert said.fresh(frame(7, 0))
    assert said.settled == 0


def test_a_message_is_settled_when_it_is_kept_and_not_before():
    said = Said()
    said.say(UserMessage("a"), 1, safe=False)
    said.say(Interrupt(), 2)
    assert said.settled == 0
    before = said.told
    said.settle(1)
    assert said.settled == 2
    assert said.told == before + 1


def test_a_client_that_comes_back_is_told_what_was_taken():
    said = Said()
    said.say(UserMessage("a"), 1, safe=False)
    said.say(Interrupt(), 2)
    assert said.resume(1) == 2
    assert not said.say(UserMessage("a"), 1)
    assert said.settled == 0, "it is still not kept"


def test_after_a_crash_numbers_go_on_where_the_client_has_come():
    said = Said(taken=3)
    assert said.settled == 3
    assert said.resume(6) == 5, "4 and 5 were acknowledged, and are no part of the conversation"
    assert said.say(Interrupt(), 6)
    assert not said.say(Interrupt(), 5)


# -- the microphone --------------------------------------------------------------------------------


def test_audio_that_comes_again_is_dropped():
    said = Said()
    said.opened(1)
    assert said.fresh(frame(1, 0))
    assert said.fresh(frame(1, 320))
    assert not said.fresh(frame(1, 0))
    assert not said.fresh(frame(1, 320))
    assert said.fresh(frame(1, 480)), "half of it is new"
    assert said.fresh(frame(1, 800, 0, last=True)), "the end has to be heard"
    assert not said.fresh(frame(2, 0))


def test_silence_settles_as_far_as_audio_has_come():
    said = Said()
    said.opened(1)
    said.fresh(frame(1, 0))
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
    said.fresh(frame(1, 0, 5000))
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
    said.fresh(frame(1, 0, 5000))
    said.final()  # a question
    said.final()  # a cough behind it: nothing to keep
    said.final_kept(1, 4000)
    assert said.samples == 0
    said.final_kept(1, 1500)
    assert said.samples == 4000, "in any order: all of it is safe now"


def test_the_end_of_a_stream_is_acknowledged_when_it_was_heard_and_kept():
    said = Said()
    said.opened(1)
    said.fresh(frame(1, 0, 5000))
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
    said.fresh(frame(1, 0))
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
    said.fresh(frame(1, 0, last=True))
    said.listened(1)
    before = said.told
    said.say(AudioClose(1), 1)
    assert said.ack() == InputAck(1, 1, 320)
    assert said.told > before


def test_such_an_end_waits_for_its_words():
    said = Said()
    said.opened(1)
    said.fresh(frame(1, 0, last=True))
    said.final()
    said.listened(1)
    said.say(AudioClose(1), 1)
    assert said.settled == 0
    said.final_kept(1, 300)
    assert said.settled == 1


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
    said.fresh(frame(1, 0))
    said.opened(2)  # the first is still being listened to
    said.fresh(frame(2, 0))
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
            said.fresh(frame(1, end, number))
            end += number
        elif kind == "silence":
            said.silence(1, number)
        elif kind == "final":
            begin, end = end, end + number
            said.fresh(frame(1, begin, number))
            said.final()
            words.append((begin, end))
        elif number < len(words):
            said.final_kept(1, words.pop(number)[1])
        assert settled <= said.samples <= end
        settled = said.samples
        if words:
            assert settled <= min(begin for begin, _ in words)

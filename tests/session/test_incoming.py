"""What a client says is handled once, and acknowledged only when it could not be lost any more."""

from __future__ import annotations

import pytest

from tests.session.incoming_tools import Said, frame
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.audio import AudioClose, Playback
from voicechat.protocol.messages.connection import Settings
from voicechat.protocol.messages.conversation import Interrupt, UserMessage
from voicechat.protocol.messages.session import InputAck

pytestmark = pytest.mark.requirement("S-3")


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
    said.resume("page")
    said.say(UserMessage("a"), 1, safe=False)
    said.say(Interrupt(), 2)
    assert said.resume("page") == (2, 2)
    assert said.resume("another") == (2, 0)
    assert not said.say(UserMessage("a"), 1)
    assert said.settled == 0, "it is still not kept"


def test_after_a_crash_numbers_go_on_where_the_client_has_come():
    said = Said(taken=3)
    assert said.settled == 3
    assert said.resume("page", 5) == (5, 0), (
        "4 and 5 were acknowledged, and are no part of the conversation"
    )
    assert said.say(Interrupt(), 6)
    assert not said.say(Interrupt(), 5)

"""Turn taking where one thing ends in the middle of another."""

from __future__ import annotations

import pytest

from tests.conversation.turn_frames import FRAME, Frame, step
from voicechat.conversation.decisions import BargeIn, Endpoint
from voicechat.conversation.finished import Words
from voicechat.conversation.interruption import Answer
from voicechat.conversation.rules import Rules
from voicechat.conversation.turn_taking import State, TurnTaking
from voicechat.protocol.messages.trace import EndpointReason

pytestmark = pytest.mark.requirement("V-4", "V-7")
THINKING = Answer(audible=False)
REOPENABLE = Answer(audible=False, reopenable=True)
AUDIBLE = Answer(audible=True)
PLAIN = Words("what time is it", accepted=True)


def frames(rules, *parts):
    """Frames from parts (count, voiced, answer, words)."""
    log, voiced = [], False
    for count, speaks, answer, words in parts:
        for _ in range(count):
            position = FRAME * (len(log) + 1)
            change = position - FRAME if speaks != voiced else None
            voiced = speaks
            voice = (change, None, True, 0) if speaks else (None, change, False, 0)
            log.append(Frame(position, *voice, answer, words, 0.0, rules))
    return log


def decisions(rules, *parts):
    taking = TurnTaking(rules)
    return [said for frame in frames(rules, *parts) for said in step(taking, frame)]


def test_half_duplex_is_deaf_to_the_tail_of_an_answer_that_nobody_interrupted():
    """The room goes on with the answer's last word, whether or not it was taken for speech."""
    rules = Rules(barge_in=False)
    taking = TurnTaking(rules)
    for frame in frames(rules, (30, False, AUDIBLE, PLAIN), (8, True, None, PLAIN)):
        step(taking, frame)
        assert taking.state not in {State.LISTENING, State.INTERRUPTED}


def test_half_duplex_is_deaf_to_an_answer_that_begins_during_a_sound():
    """A cough just before the answer: from then on the microphone hears the answer itself."""
    rules = Rules(barge_in=False)
    said = decisions(rules, (4, True, THINKING, PLAIN), (40, True, AUDIBLE, PLAIN))
    assert not any(isinstance(each, BargeIn) for each in said)


def test_what_was_ended_for_its_length_is_not_taken_up_again():
    """Else the whole of it is ended, and recognised, anew with every frame that follows."""
    rules = Rules(max_length_ms=1000)
    said = decisions(rules, (32, True, None, PLAIN), (20, True, REOPENABLE, PLAIN))
    assert [each for each in said if isinstance(each, Endpoint)] == [
        Endpoint(EndpointReason.MAX_LENGTH, 32 * FRAME, 32 * FRAME)
    ]

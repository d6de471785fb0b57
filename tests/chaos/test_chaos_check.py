"""The judge of the chaos: each thing that can go wrong must be seen."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest

from bench.chaos_check import check
from bench.chaos_said import Said, Seen
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    Origin,
    ResponseComplete,
    StreamDelta,
    TurnStarted,
    TurnTimings,
)


def frame(offset: int, *, last: bool = False) -> AudioFrame:
    return AudioFrame(FrameKind.SPEECH, 1, 0, offset, bytes(640), last=last)


def conversation() -> SimpleNamespace:
    """One question, and its answer of two words and two frames."""
    events = [
        MessageReceived(1, 1),
        TurnStarted(1, Origin.TEXT),
        StreamDelta(1, "It is "),
        frame(0),
        StreamDelta(1, "4."),
        frame(320, last=True),
        ResponseComplete(1, "It is 4.", TurnTimings()),
    ]
    said = Said("two and two", number=1, answer="4", known=True, turn=1, taken=["two and two"])
    return SimpleNamespace(
        said=[said],
        seen=[Seen(0.0, event, number, 0) for number, event in enumerate(events, 1)],
        strange=[],
        unanswered=[],
        refusals=[],
        client=SimpleNamespace(session=None),
        history=[
            {"turn": 1, "speaker": "user", "text": "two and two", "status": "complete"},
            {"turn": 1, "speaker": "assistant", "text": "It is 4.", "status": "complete"},
        ],
    )


def lose_an_item(of):
    del of.seen[2]


def double_an_item(of):
    of.seen.insert(3, of.seen[2])


def lose_a_frame(of):
    del of.seen[3]


def renumber_after_a_lost_frame(of):
    del of.seen[3]
    of.seen = [attrs.evolve(seen, seq=number) for number, seen in enumerate(of.seen, 1)]


def repeat_a_frame_under_a_new_number(of):
    of.seen.insert(6, of.seen[5])
    of.seen = [attrs.evolve(seen, seq=number) for number, seen in enumerate(of.seen, 1)]


def take_it_twice(of):
    of.said[0].taken *= 2


def never_take_it(of):
    of.said[0].taken = []


def mishear_it(of):
    of.said[0].taken = ["two and blue"]


def hear_what_nobody_said(of):
    of.strange.append("boo")


def forget_the_question(of):
    del of.history[0]


def keep_it_twice(of):
    of.history.insert(0, of.history[0])


def keep_another_answer(of):
    of.history[1]["text"] = "It is 5."


def forget_the_answer(of):
    del of.history[1]


def call_the_answer_lost(of):
    of.history[1]["status"] = "lost"


def never_answer(of):
    of.unanswered.append(of.said[0])


def refuse(of):
    of.refusals.append("no")


def answer_something_else(of):
    of.said[0].answer = "5"


def test_a_good_conversation_has_no_problems():
    found = check(conversation(), conversation().history)
    assert found.problems == []
    assert found.counts.total() == 1 + 7 + 2 + 1 + 2


@pytest.mark.parametrize(
    "harm",
    [
        lose_an_item,
        double_an_item,
        lose_a_frame,
        renumber_after_a_lost_frame,
        repeat_a_frame_under_a_new_number,
        take_it_twice,
        never_take_it,
        mishear_it,
        hear_what_nobody_said,
        forget_the_question,
        keep_it_twice,
        keep_another_answer,
        forget_the_answer,
        call_the_answer_lost,
        never_answer,
        refuse,
        answer_something_else,
    ],
)
def test_harm_is_seen(harm):
    harmed = conversation()
    harm(harmed)
    assert check(harmed, harmed.history).problems

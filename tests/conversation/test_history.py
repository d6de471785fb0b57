"""What the history holds: the users' words, and of each answer what was heard of it by then."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.agents.ports import Message, Role
from voicechat.conversation.history import History

pytestmark = pytest.mark.requirement("V-8")
BOUND = 200


@attrs.define(eq=False)
class Answer:
    """An answer of which more and more is heard."""

    whole: str
    heard: int = 0
    cut: bool = False

    @property
    def message(self):
        return Message(Role.ASSISTANT, self.whole[: self.heard], intended=self.whole, cut=self.cut)


def user(text):
    return Message(Role.USER, text)


def test_a_question_and_as_much_of_its_answer_as_was_heard():
    history, answer = History(), Answer("It is noon.")
    history.user(1, "what time is it")
    history.answer(1, answer)
    assert history.messages() == (
        user("what time is it"),
        Message(Role.ASSISTANT, "", intended="It is noon."),
    )
    answer.heard = 5
    assert history.messages()[1].text == "It is", "it is looked at anew each time"
    answer.cut = True
    assert history.messages()[1].cut


def test_the_last_report_of_an_answer_may_come_when_the_next_has_begun_and_not_later():
    history, first = History(), Answer("One two three.", heard=3)
    history.answer(1, first)
    before = history.messages()
    history.answer(2, Answer("Four."))
    first.heard = 7
    assert history.messages()[0].text == "One two"
    history.answer(3, Answer("Five."))
    first.heard = len(first.whole)
    assert history.messages()[0].text == "One two"
    assert before[0].text == "One", "an agent may keep what it got"


def test_the_user_may_say_more_while_the_last_answer_is_still_heard():
    history, answer = History(), Answer("One two three.", heard=3)
    history.answer(1, answer)
    history.user(2, "stop")
    answer.heard = 7
    assert [message.text for message in history.messages()] == ["One two", "stop"]


def test_an_answer_of_no_words_is_none():
    history = History()
    history.user(1, "uh-huh")
    history.answer(1, Answer(""))
    assert history.messages() == (user("uh-huh"),)


def test_an_answer_of_which_nothing_was_heard_still_tells_what_it_meant():
    history = History()
    history.answer(1, Answer("It is noon.", cut=True))
    (message,) = history.messages()
    assert (message.text, message.whole, message.cut) == ("", "It is noon.", True)


def test_what_was_only_a_beginning_is_forgotten_with_its_answer():
    history = History()
    history.user(1, "hello")
    history.answer(1, Answer("Hello.", heard=6))
    history.user(2, "set a timer")
    history.answer(2, Answer("For how long?"))
    history.forget(2)
    history.forget(7)  # there is none
    history.user(3, "set a timer for ten minutes")
    assert [message.whole for message in history.messages()] == [
        "hello",
        "Hello.",
        "set a timer for ten minutes",
    ]


def test_the_oldest_are_forgotten_also_after_one_was_taken_back():
    history = History()
    for turn in range(BOUND):
        history.user(turn, f"question {turn}")
        history.answer(turn, Answer(f"answer {turn}"))
    history.forget(BOUND - 1)
    for turn in range(BOUND, 2 * BOUND):
        history.user(turn, f"question {turn}")
    texts = [message.text for message in history.messages()]
    assert texts == [f"question {turn}" for turn in range(BOUND, 2 * BOUND)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.text("ab ", min_size=1, max_size=5)),
        st.tuples(st.just("answer"), st.text("xyz ", max_size=8)),
        st.tuples(st.just("hear"), st.integers(0, 10)),
        st.tuples(st.just("cut"), st.none()),
        st.tuples(st.just("forget"), st.integers(0, 12)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_it_is_the_list_of_what_was_said_and_heard(steps):
    """Against a list of everything, in which all answers but the last two are frozen."""
    history, said, turn = History(), [], 0
    answers = {}
    for what, how in steps:
        latest = max(answers, default=None)
        match what:
            case "ask":
                turn += 1
                history.user(turn, how)
                said.append((turn, user(how)))
            case "answer":
                turn += latest == turn  # or else it answers what was asked last
                live = [each for _, each in said if isinstance(each, Answer)]
                said = [(of, each.message if each in live[:-1] else each) for of, each in said]
                answers[turn] = Answer(how)
                history.answer(turn, answers[turn])
                said.append((turn, answers[turn]))
            case "hear" if latest is not None:
                # Late news of an answer that is over, too: it must change nothing.
                for answer in answers.values():
                    answer.heard = min(len(answer.whole), answer.heard + how)
            case "cut" if latest is not None:
                answers[latest].cut = True
            case "forget":
                history.forget(how)
                said = [(of, each) for of, each in said if of != how]
        messages = history.messages()
        now = [each.message if isinstance(each, Answer) else each for _, each in said]
        assert messages == tuple(each for each in now if each.whole)
        for message in messages:
            assert message.whole.startswith(message.text), "never more than was to be said"


@given(count=st.integers(BOUND - 2, BOUND + 30), forgotten=st.sets(st.integers(0, BOUND + 30)))
def test_it_has_a_bound(count, forgotten):
    history = History()
    for turn in range(count):
        history.user(turn, f"{turn}")
        if turn in forgotten:
            history.forget(turn)
    left = [f"{turn}" for turn in range(count) if turn not in forgotten]
    texts = [message.text for message in history.messages()]
    assert len(texts) <= BOUND
    assert texts == left[len(left) - len(texts) :], "the newest, in order"
    assert texts[-20:] == left[-20:]

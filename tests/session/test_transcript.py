"""What was said, as the client sees it and as it is kept: each kind of message, and both agree."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest

from tests.session.transcript_tools import NOW, begun, failed, final, stopped, traced, whole
from voicechat.agents.ports import Message, Role
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.conversation import (
    Origin,
    StopReason,
    StreamDelta,
    TranscriptPartial,
)
from voicechat.protocol.messages.session import EntryStatus
from voicechat.session.store.ports import Forget, Put
from voicechat.session.transcript import KEPT, Transcript

pytestmark = pytest.mark.requirement("S-2")


def following(*items, before=()):
    transcript, changes = Transcript("s", before), []
    for n, item in enumerate(items):
        changes += transcript.follow(item, NOW + timedelta(seconds=n))
    return transcript, changes


def shown(transcript):
    return [
        (each.turn, each.speaker.value, each.text, each.status.value)
        for each in transcript.history()
    ]


def puts(changes):
    """(turn, speaker, text, status) of what is put."""
    return [
        (c.message.turn, c.message.speaker.value, c.message.text, c.message.status.value)
        for c in changes
        if isinstance(c, Put)
    ]


def test_a_spoken_question_and_its_answer():
    transcript, changes = following(
        TranscriptPartial("what"),
        final("what time", stream=3, until=480),
        begun(),
        StreamDelta(1, "It is "),
        StreamDelta(1, "ten."),
        whole("It is ten."),
    )
    assert shown(transcript) == [
        (1, "user", "what time", "complete"),
        (1, "assistant", "It is ten.", "complete"),
    ]
    question, answer = changes
    assert (question.session_id, question.stream, question.samples) == ("s", 3, 480)
    assert question.message.origin is Origin.VOICE
    assert question.message.heard == "what time"
    assert question.message.at == NOW + timedelta(seconds=1)
    assert (answer.stream, answer.message.status) == (None, EntryStatus.COMPLETE)
    assert answer.message.at == NOW + timedelta(seconds=2), "when it began"
    assert transcript.last_turn == 1


def test_typed_words_have_the_number_of_their_client():
    transcript = Transcript("s")
    (change,) = transcript.typed(4, "hello", 17, NOW)
    assert (change.message.client_seq, change.message.origin) == (17, Origin.TEXT)
    (entry,) = transcript.history()
    assert (entry.client_seq, entry.at) == (17, "2026-03-04T10:00:00.000+00:00")
    assert transcript.last_turn == 4


def test_an_answer_in_flight_is_shown_as_far_as_it_is_and_not_kept():
    transcript, changes = following(final("q"), begun(), StreamDelta(1, "It "))
    assert shown(transcript)[1] == (1, "assistant", "It ", "open")
    assert len(puts(changes)) == 1
    transcript.follow(StreamDelta(1, "is."), NOW)
    assert shown(transcript)[1] == (1, "assistant", "It is.", "open")


def test_a_long_answer_costs_no_more_for_each_word():
    """As much for the last words as for the first: nothing is copied that was said before."""

    def cost(transcript):
        tracemalloc.start()
        for _ in range(100):
            transcript.follow(StreamDelta(1, "word "), NOW)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    transcript, _ = following(final("q"), begun())
    transcript.follow(StreamDelta(1, "word " * 1_000_000), NOW)
    assert cost(transcript) < 1_000_000
    transcript.history()
    assert cost(transcript) < 1_000_000, "also when it was looked at"
    assert transcript.history()[1].text == "word " * 1_000_200
    (change,) = transcript.follow(stopped(), NOW)
    assert change.message.text == "word " * 1_000_200


@pytest.mark.parametrize(
    ("end", "status"), [(stopped(), "interrupted"), (failed(), "failed")], ids=["cut", "failed"]
)
def test_an_answer_that_stops_early_stands_as_far_as_it_came(end, status):
    transcript, changes = following(final("q"), begun(), StreamDelta(1, "It is "), end)
    assert shown(transcript)[1] == (1, "assistant", "It is ", status)
    assert puts(changes)[1] == (1, "assistant", "It is ", status)
    assert transcript.follow(StreamDelta(1, "late"), NOW) == []
    assert transcript.follow(whole("late"), NOW) == [], "it has ended before"
    assert shown(transcript)[1] == (1, "assistant", "It is ", status)


def test_a_question_that_is_taken_up_again_replaces_what_it_began():
    transcript, changes = following(
        final("set a timer"),
        begun(),
        StreamDelta(1, "For how"),
        stopped(reason=StopReason.REOPENED),
        traced(heard=3),
        final("set a timer for ten minutes", 2, replaces=1),
        begun(2),
        whole("Done.", 2),
    )
    assert shown(transcript) == [
        (2, "user", "set a timer for ten minutes", "complete"),
        (2, "assistant", "Done.", "complete"),
    ]
    assert changes[1] == Forget("s", 1)
    assert [turn for turn, *_ in puts(changes)] == [1, 2, 2]


def test_silence_is_no_answer():
    transcript, changes = following(final("mhm"), begun(), whole(""))
    assert shown(transcript) == [(1, "user", "mhm", "complete")]
    assert len(changes) == 1
    assert transcript.follow(traced(heard=5), NOW) == []


@pytest.mark.parametrize("end", [whole("It is too hot."), whole(""), stopped(), failed()])
def test_notices_of_the_server_are_not_kept(end):
    items = (begun(1, Origin.NOTICE), StreamDelta(1, "It is too hot."), end)
    transcript, changes = following(*items, traced(origin=Origin.NOTICE, heard=9))
    assert (changes, transcript.history(), transcript.messages()) == ([], (), ())


def test_what_the_assistant_says_by_itself_is_kept():
    transcript, _ = following(begun(1, Origin.ASSISTANT), StreamDelta(1, "Ding!"), whole("Ding!"))
    assert shown(transcript) == [(1, "assistant", "Ding!", "complete")]
    assert transcript.history()[0].origin is Origin.ASSISTANT


@pytest.mark.parametrize(
    "nothing", [final("", None), final("", 1, accepted=False), final("x", None)]
)
def test_what_nobody_understood_is_no_message(nothing):
    transcript, changes = following(nothing)
    assert (changes, transcript.history()) == ([], ())


def test_a_cough_after_a_question_lets_it_stand_anew():
    """Its words come again, in place of those that were answered before."""
    transcript, changes = following(
        final("q"), begun(), stopped(reason=StopReason.REOPENED), final("q", 2, replaces=1)
    )
    assert shown(transcript) == [(2, "user", "q", "complete")]
    assert changes[1] == Forget("s", 1)


def test_how_much_was_heard_is_known_at_the_trace():
    text = "It is ten o'clock."
    transcript, changes = following(
        final("q"), begun(), StreamDelta(1, text), stopped(), traced(heard=9)
    )
    assert changes[-1].message.heard == "It is ten"
    assert changes[-1].message.status is EntryStatus.INTERRUPTED
    assert transcript.messages() == (
        (1, Message(Role.USER, "q")),
        (1, Message(Role.ASSISTANT, "It is ten", intended=text, cut=True)),
    )


def test_an_agent_gets_whole_answers_whole_and_cut_ones_as_they_were_heard():
    done, _ = following(begun(1, Origin.ASSISTANT), whole("All of it. "))
    assert done.messages() == ((1, Message(Role.ASSISTANT, "All of it.", intended="All of it.")),)
    cut, _ = following(begun(1, Origin.ASSISTANT), StreamDelta(1, "Half"), stopped(), traced())
    assert cut.messages() == ((1, Message(Role.ASSISTANT, "", intended="Half", cut=True)),)


@pytest.mark.requirement("L-4")
def test_what_has_no_answer_when_the_session_ends_is_lost_and_can_be_asked_again():
    transcript, _ = following(
        final("answered", 1),
        begun(1),
        whole("Yes.", 1),
        final("silent", 2),
        whole("", 2),
        final("half", 3),
        begun(3),
        StreamDelta(3, "It "),
        begun(5, Origin.ASSISTANT),
        begun(6, Origin.NOTICE),
        final("reopened", 7),
        begun(7),
        stopped(7, StopReason.REOPENED),
    )
    transcript.typed(4, "waiting", 9, NOW)
    changes = transcript.end(NOW)
    assert puts(changes) == [
        (3, "assistant", "It ", "lost"),
        (4, "assistant", "", "lost"),
        (5, "assistant", "", "lost"),
    ]
    assert changes[1].message.origin is Origin.TEXT
    assert transcript.end(NOW) == []
    assert EntryStatus.OPEN not in {each.status for each in transcript.history()}


def test_speech_and_other_messages_change_nothing():
    frame = AudioFrame(FrameKind.SPEECH, 1, 0, 0, bytes(2))
    transcript, changes = following(final("q"), begun(), StreamDelta(1, "a"), frame, traced(2))
    assert len(changes) == 1
    assert shown(transcript)[1][2] == "a"


def test_history_goes_on_where_the_server_has_ended():
    first, changes = following(final("q", 7), begun(7), whole("a", 7))
    again = Transcript("s", [change.message for change in changes])
    assert again.history() == first.history()
    assert again.last_turn == 7
    assert again.follow(traced(7, heard=1), NOW)[0].message.heard == "a"


def test_only_the_newest_messages_are_at_hand():
    transcript = Transcript("s")
    for turn in range(1, KEPT + 51):
        assert transcript.typed(turn, f"q{turn}", turn, NOW), "the store has all"
    assert len(transcript.history()) == KEPT
    assert [entry.turn for entry in transcript.history()] == list(range(51, KEPT + 51))


def test_the_title_comes_from_the_first_words_of_the_user():
    transcript = Transcript("s")
    assert transcript.title == ""
    transcript.follow(begun(1, Origin.ASSISTANT), NOW)
    transcript.follow(whole("Good morning."), NOW)
    assert transcript.title == ""
    transcript.typed(3, "hello\nthere", 2, NOW)
    transcript.typed(4, "more", 3, NOW)
    assert transcript.title == "hello"


def test_messages_that_wait_for_an_answer_stand_by_turn():
    """As after a restart: each question is followed by its answer."""
    transcript = Transcript("s")
    for turn in (1, 2):
        transcript.typed(turn, f"q{turn}", turn, NOW)
    for turn in (1, 2):
        transcript.follow(begun(turn, Origin.TEXT), NOW)
        transcript.follow(whole(f"a{turn}", turn), NOW)
    assert [text for _, _, text, _ in shown(transcript)] == ["q1", "a1", "q2", "a2"]
    assert [message.text for _, message in transcript.messages()] == ["q1", "a1", "q2", "a2"]

"""Long texts are cut where one breathes, and nothing of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.speech.ports import WordMark
from voicechat.speech.tts.pieces import pieces, whole_words

texts = st.text(st.sampled_from("ab .,!?\n"), max_size=200)


@given(texts, st.integers(1, 30))
def test_pieces_are_the_text(text, longest):
    cut = list(pieces(text, longest))
    assert "".join(piece for _, piece in cut) == text
    assert all(0 < len(piece) <= longest for _, piece in cut) or not text
    assert all(text[offset:].startswith(piece) for offset, piece in cut)


@given(texts, st.integers(3, 30))
def test_no_word_is_cut_that_fits(text, longest):
    for _, piece in list(pieces(text, longest))[:-1]:
        assert piece[-1].isspace() or not any(c.isspace() for c in piece)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two, three four five", "One. "),
        ("One two, three four five", "One two, "),
        ("One two three four five", "One two three "),
        ("Onetwothreefourfive", "Onetwothreefour"),
    ],
)
def test_the_best_break_is_taken(text, first):
    assert next(iter(pieces(text, 15))) == (0, first)


@pytest.mark.parametrize(
    ("text", "reported", "words"),
    [
        ("It is 3.14 now.", [0, 3, 6, 7, 7, 10, 11], ["It", "is", "3.14", "now"]),
        ("six. one two", [0, 4, 8], ["six", "one", "two"]),  # counted one too few
        ('a "quoted (word)" - here!', [0, 3, 11, 18, 20], ["a", "quoted", "word", "here"]),
        ("it's $5 & twenty-five", [0, 5, 6, 8, 10, 17], ["it's", "$5", "&", "twenty-five"]),
        ("a", [0, 5], ["a"]),
    ],
)
def test_each_word_has_one_mark(text, reported, words):
    marks = list(whole_words((WordMark(at, 1, at * 100) for at in reported), text, 0))
    assert [text[m.text_offset :][: m.length] for m in marks] == words
    assert [m.sample for m in marks] == sorted({m.sample for m in marks})
    assert not list(whole_words([WordMark(0, 1, 0)], text, len(text)))


@given(st.text(max_size=60), st.lists(st.integers(0, 60)), st.integers(0, 60))
def test_marks_lie_in_the_text_and_never_overlap(text, offsets, last_end):
    for mark in whole_words((WordMark(at, 3, 0) for at in offsets), text, last_end):
        assert last_end <= mark.text_offset < mark.text_offset + mark.length <= len(text)
        assert text[mark.text_offset :][: mark.length].strip()
        last_end = mark.text_offset + mark.length

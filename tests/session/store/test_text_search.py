"""Words and where they are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.session.store.text_search import fold, snippet, terms

pytestmark = pytest.mark.requirement("S-10")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("A, b & Ç!", " a b c "),
        ("Straße ﬁn ½", " strasse fin 1 2 "),
        ("cafe\u0301 CAFÉ", " cafe cafe "),
        ("東京に行く", " 東 京 に 行 く "),
        ("नमस्ते दुनिया", " नमस्ते दुनिया "),
        ("…!?", ""),
        ("", ""),
        ("don't 3.5", " don t 3 5 "),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once_and_each_word_is_found(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    for word in folded.split():
        assert all(term in folded for term in terms(word))
        assert all(term in folded for term in terms(word[:1]))


@given(st.text(), st.lists(st.text(), max_size=4), st.text(min_size=1))
def test_snippet_is_short_and_marks_are_its_own(title: str, texts: list[str], query: str) -> None:
    shown = snippet(title, texts, terms(query) or (" x ",))
    longest = max(map(len, [title, *texts]))
    assert len(shown) <= min(3 * longest, 3 * 250) + 4
    depth = 0
    for sign in shown:
        depth += {"[": 1, "]": -1}.get(sign, 0)
        assert depth in {0, 1}
    assert depth == 0


def test_snippet_of_a_long_text_shows_what_is_around() -> None:
    text = "one two three " * 20 + "the needle lies in a haystack " + "four five six " * 20
    shown = snippet("title", [text], terms("needle hay"))
    assert shown == (
        "… two three one two three the [needle] lies in a [haystack] four five six four five six"
        " four five six four five six four …"
    )


def test_snippet_is_from_the_newest_text_with_the_most_words() -> None:
    texts = ["eggs", "eggs and bacon", "bacon and eggs"]
    assert snippet("bacon", texts, terms("eggs bacon")) == "[eggs] and [bacon]"
    assert snippet("no [such] bacon", [], terms("bacon")) == "no (such) [bacon]"


def test_search_of_very_many_words_is_cut() -> None:
    assert len(terms(" ".join(f"w{n}" for n in range(100)))) == 16

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.sentences import MAX_PIECE, MIN_FIRST_CLAUSE, SentenceSplitter


def pieces(*deltas):
    splitter = SentenceSplitter()
    out = [piece for delta in deltas for piece in splitter.push(delta)]
    return out + splitter.flush()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   ", []),
        ("Okay", ["Okay"]),
        ("It is 3.05 PM. Anything else?", ["It is 3.05 PM.", "Anything else?"]),
        ("Wait... what? Yes!", ["Wait...", "what?", "Yes!"]),
        ("Dr. Smith, e.g. him.", ["Dr. Smith, e.g. him."]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("One\nTwo", ["One", "Two"]),
        (
            "You have three timers running, the first has two minutes. Second, one, two, three.",
            [
                "You have three timers running,",
                "the first has two minutes.",
                "Second, one, two, three.",
            ],
        ),
        ("Well, yes.", ["Well, yes."]),
    ],
)
def test_pieces(text, expected):
    assert pieces(text) == expected
    assert pieces(*text) == expected, "letter by letter"


@pytest.mark.requirement("V-6")
def test_the_first_clause_is_given_before_the_sentence_ends():
    splitter = SentenceSplitter()
    assert splitter.push("The pasta timer is done now, and the ") == [
        "The pasta timer is done now,"
    ]
    assert splitter.push("egg timer, which is long enough to be a clause, ") == []
    assert len("The pasta timer is done now,") > MIN_FIRST_CLAUSE


@given(st.text(st.sampled_from(" .,!?:;\nabc1é…"), max_size=900), st.data())
def test_nothing_is_lost_and_no_piece_is_too_long(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    deltas = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out = pieces(*deltas)
    assert "".join("".join(out).split()) == "".join(text.split())
    assert all(0 < len(piece) <= MAX_PIECE and piece == piece.strip() for piece in out)
    assert out == pieces(text), "how the text is cut into deltas does not matter"

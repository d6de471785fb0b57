"""What was heard, against a naive loudspeaker that knows where every word really ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.heard import HeardMap
from voicechat.conversation.sentences import SentenceSplitter
from voicechat.speech.ports import WordMark
from voicechat.speech.resample import StreamResampler

pytestmark = pytest.mark.requirement("V-8")

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 48_000])
PUNCTUATION = ".,!?;:)\"'…-"


@attrs.frozen
class Word:
    text: str  # with its punctuation
    samples: int  # of the word, at the engine's rate
    gap: int  # samples of silence after it


words = st.builds(
    Word,
    text=st.builds(
        str.__add__,
        st.text(st.sampled_from("abcé5'"), min_size=1, max_size=6).filter(lambda t: t.strip("'")),
        st.text(st.sampled_from(PUNCTUATION), max_size=2),
    ),
    samples=st.integers(1, 900),
    gap=st.integers(0, 300),
)
answers = st.lists(st.lists(words, min_size=1, max_size=7), min_size=1, max_size=5)
spaces = st.sampled_from([" ", "  ", "\n", " \n "])


@attrs.define
class Playback:
    """Speaks an answer into a map, and knows at which (fractional) sample each word is over."""

    rate: int
    tts_rate: int
    answer: str = ""
    made: int = 0
    over: list[tuple[Fraction, int]] = attrs.field(factory=list)  # when, end of the word
    seams: set[int] = attrs.field(factory=lambda: {0})  # where pieces end

    def speak(self, pieces, data, *, marks, finish_last=True):
        heard = HeardMap(rate=self.rate, tts_rate=self.tts_rate)
        for number, piece in enumerate(pieces):
            self.answer += data.draw(spaces) if self.answer else ""
            begin = len(self.answer)
            # The text may be known further than what is spoken, and have other white space.
            self.answer += data.draw(spaces).join(word.text for word in piece)
            heard.sentence(" ".join(w.text for w in piece), self.answer + " and more")
            in_piece = at = 0
            chunk, marked = 0, []
            text_at = begin
            for word in piece:
                text_at = self.answer.index(word.text, text_at)
                core = word.text.rstrip(PUNCTUATION)
                marked.append(WordMark(in_piece, len(core), at))
                in_piece += len(word.text) + 1
                at += word.samples
                self.over.append((self.played(self.made + at), text_at + len(core)))
                text_at += len(word.text)
                at += word.gap
                chunk += word.samples + word.gap
                if data.draw(st.booleans()):
                    heard.audio(chunk, marked if marks else ())
                    chunk, marked = 0, []
            heard.audio(chunk, marked if marks else ())
            self.made += at
            if finish_last or number < len(pieces) - 1:
                heard.end_sentence()
                self.seams.add(len(self.answer))
        return heard

    def played(self, made):
        return Fraction(made * self.rate, self.tts_rate)

    def truly(self, played):
        """How many words are over; the last sample of a word may be a part of one."""
        return sum(1 for at, _ in self.over if at < played + 1)

    def counted(self, characters):
        return sum(1 for _, end in self.over if end <= characters)

    def is_boundary(self, characters):
        return characters in self.seams or characters in {end for _, end in self.over}


@given(pieces=answers, rate=RATES, tts_rate=RATES, finish=st.booleans(), data=st.data())
def test_with_word_marks_never_more_than_heard_and_at_most_a_word_less(
    pieces, rate, tts_rate, finish, data
):
    real = Playback(rate, tts_rate)
    heard = real.speak(pieces, data, marks=True, finish_last=finish)
    total = int(real.played(real.made)) + 2
    before = 0
    some = data.draw(st.lists(st.integers(0, total), max_size=30))
    for played in sorted({*some, 0, *(int(at) for at, _ in real.over), total}):
        characters = heard.heard(played)
        counted = real.counted(characters)
        assert counted <= real.truly(played)
        assert counted >= real.truly(played - 1) - 1
        assert real.is_boundary(characters)
        assert characters >= before, "more played, more heard"
        before = characters
    if finish:
        assert before == len(real.answer)


@given(pieces=answers, rate=RATES, tts_rate=RATES, data=st.data())
def test_without_marks_a_finished_piece_is_divided_and_an_unfinished_one_is_not_heard(
    pieces, rate, tts_rate, data
):
    # Even speech: every character takes as long as the next.
    even = [[Word(w.text, 40 * (len(w.text)), 40) for w in piece] for piece in pieces]
    real = Playback(rate, tts_rate)
    heard = real.speak(even, data, marks=False, finish_last=False)
    finished = max(real.seams)
    total = int(real.played(real.made)) + 2
    before = 0
    for played in sorted({*(int(at) + extra for at, _ in real.over for extra in (0, 1)), total}):
        characters = heard.heard(played)
        assert before <= characters <= finished
        assert real.is_boundary(characters)
        counted = real.counted(characters)
        assert counted <= real.truly(played)
        assert counted >= min(real.truly(played - 1), real.counted(finished)) - 2
        before = characters
    assert before == finished
    heard.end_sentence()
    assert heard.heard(total) == len(real.answer)


def map_of(*pieces, answer):
    """Each piece: its text, and per chunk the samples and marks (offset, sample)."""
    heard = HeardMap(rate=100, tts_rate=100)
    for text, *chunks in pieces:
        heard.sentence(text, answer)
        for samples, *marks in chunks:
            heard.audio(samples, [WordMark(offset, 1, sample) for offset, sample in marks])
        heard.end_sentence()
    return lambda played: answer[: heard.heard(played)]


def test_the_cut_of_an_answer():
    text = "“Well, it's ten — no: twenty-five.”  Is (that) it?"
    heard = map_of(
        ("“Well, it's ten — no: twenty-five.”", (30, (1, 0), (7, 20)), (70, (12, 50), (18, 70))),
        ("Is (that) it?", (10,), (90, (0, 5), (4, 40), (10, 80))),
        answer=text,
    )
    assert heard(19) == ""
    assert heard(20) == "“Well"
    assert heard(50) == "“Well, it's"
    assert heard(69) == "“Well, it's"
    assert heard(70) == "“Well, it's ten", "the dash is no word"
    assert heard(99) == "“Well, it's ten"
    assert heard(100) == "“Well, it's ten — no: twenty-five.”", "a word without a mark: at the end"
    assert heard(104) == heard(139) == heard(100)
    assert heard(140) == heard(100) + "  Is"
    assert heard(180) == heard(100) + "  Is (that"
    assert heard(200) == heard(10**9) == text


def test_parts_of_a_word_with_marks_of_their_own_count_together():
    heard = map_of(
        ("a twenty-five b", (40, (0, 0), (2, 10), (9, 20), (14, 30))), answer="a twenty-five b"
    )
    assert [heard(at) for at in (10, 20, 30, 40)] == ["a", "a", "a twenty-five", "a twenty-five b"]


def test_marks_out_of_order_or_beyond_the_audio_never_say_more():
    heard = map_of(
        ("a b c d", (40, (2, 30), (4, 20), (0, 35), (6, 90))),
        ("e", (10, (0, 0))),
        answer="a b c d e",
    )
    assert [heard(at) for at in (29, 30, 40, 89)] == ["", "a b", "a b", "a b"]
    assert heard(90) == "a b c d e"


def test_nothing_played_is_nothing_heard():
    heard = map_of(("…", (0,)), ("Hm", (10, (0, 0))), answer="… Hm")
    assert heard(0) == heard(-5) == ""
    assert heard(1) == "…"


def test_a_piece_that_was_cut_off_in_the_making_is_never_whole():
    heard = HeardMap(rate=100, tts_rate=100)
    heard.sentence("one two three.", "one two three.")
    heard.audio(100, [WordMark(0, 3, 0), WordMark(4, 3, 40)])
    assert heard.heard(10**9) == len("one")
    with pytest.raises(ValueError, match="not ended"):
        heard.sentence("three.", "one two three.")


def test_a_piece_that_is_not_in_the_answer_is_a_fault():
    heard = HeardMap(rate=100, tts_rate=100)
    with pytest.raises(ValueError, match="not in"):
        heard.sentence("four", "one two three")


@given(
    text=st.text(st.sampled_from(" .,!?:;\n—abc1é…"), max_size=700),
    cuts=st.lists(st.integers(0, 700), max_size=8),
)
def test_every_piece_of_the_splitter_is_found(text, cuts):
    splitter, answer = SentenceSplitter(), ""
    heard = HeardMap(rate=16_000, tts_rate=22_050)
    played = 0
    bounds = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    deltas = [text[a:b] for a, b in pairwise(bounds)]
    for number in range(len(deltas) + 1):
        last = number == len(deltas)
        answer += "" if last else deltas[number]
        for piece in splitter.flush() if last else splitter.push(deltas[number]):
            heard.sentence(piece, answer)
            heard.audio(22_050)
            heard.end_sentence()
            played += 16_000
            assert answer[: heard.heard(played)].endswith(piece)
    assert answer[: heard.heard(played)] == text.rstrip() or not text.strip()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("made", [1, 1_000, 22_049, 33_333, 100_001])
def test_what_the_resampler_gives_is_enough_to_be_heard(rate, made):
    resampler = StreamResampler(22_050, rate)
    heard = HeardMap(rate=rate, tts_rate=22_050)
    heard.sentence("all", "all")
    played = 0
    for begin in range(0, made, 1323):
        samples = min(1323, made - begin)
        heard.audio(samples)
        played += len(resampler.process(bytes(2 * samples))) // 2
    heard.end_sentence()
    if made > rate // 10:
        assert heard.heard(played - rate // 10) == 0
    played += len(resampler.process(b"", last=True)) // 2
    assert heard.heard(played) == (3 if played else 0)

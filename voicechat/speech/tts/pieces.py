"""PURE. Cuts a long text where a speaker would breathe, so that one request's memory is bounded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voicechat.speech.ports import WordMark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 300
"""Characters of a piece: about 20 s of speech, most sentences are shorter."""

_OPENING = r"\"“\u2018(\[{<"
_CLOSING = r"\"”\u2019)\]}>.,;:!?…"
_WORD = re.compile(rf"[^\s{_OPENING}{_CLOSING}-](?:\S*[^\s{_OPENING}{_CLOSING}-])?")
"""Characters between blanks, without the punctuation around them."""
_BREAKS = tuple(re.compile(p) for p in (r"[.!?]+\s+", r"[,;:]\s+", r"\s+"))


def pieces(text: str, longest: int = LONGEST) -> Iterator[tuple[int, str]]:
    """Yield (offset, piece) of at most `longest` characters, which together are the whole text.

    A piece ends after a sentence if it can, else after a clause, else after a word.
    """
    start = 0
    while len(text) - start > longest:
        end = start + longest
        for pattern in _BREAKS:
            if found := [m.end() for m in pattern.finditer(text, start, end)]:
                end = found[-1]
                break
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def whole_words(marks: Iterable[WordMark], text: str, last_end: int) -> Iterator[WordMark]:
    """Give each mark the extent of the word of `text` in which it lies, and each word one mark.

    espeak-ng reports each part of "3.14", and after some full stops counts one character too few.

    Args:
        marks: In the order of time.
        text: What is spoken.
        last_end: Text offset of the end of the last word that has its mark.
    """
    for mark in marks:
        found = _WORD.search(text, mark.text_offset)
        if found and found.start() >= last_end:
            last_end = found.end()
            yield WordMark(found.start(), found.end() - found.start(), mark.sample)

"""Finds words in what was said, whatever their case and accents. PURE.

A word is a run of letters, digits and marks; where a script has no spaces, each sign is one. Texts
are compared in a folded form, a blank before and after each word, so that "``␣word␣`` is in it" and
"``␣wor`` is in it" are all that a search has to ask; any store can.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# The vowel signs of Indic scripts and of Thai are marks, which \w leaves out.
_WORD: Final = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])[\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff])+")
_ACCENT: Final = re.compile("[\u0300-\u036f]+")
_MAX_TERMS: Final = 16
"""More words in a search are left out."""
_TEXTS: Final = 200
"""So many texts with a word in them are looked at for the best snippet."""
_BEFORE: Final = 30
_AFTER: Final = 90
"""Characters round the first word that was found."""


def _folded_words(word: str) -> list[str]:
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", word).casefold())
    return _WORD.findall(unicodedata.normalize("NFC", plain))


def _words(text: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    for found in _WORD.finditer(text):
        yield found, _folded_words(found[0])


def fold(text: str) -> str:
    """What a search looks into: `` a b c `` for "A, b & Ç!"; empty where there are no words."""
    words = [part for _, parts in _words(unicodedata.normalize("NFC", text)) for part in parts]
    return f" {' '.join(words)} " if words else ""


def terms(query: str) -> tuple[str, ...]:
    """What each has to occur in folded texts; the last word may be only the beginning of one."""
    words = fold(query).split()[:_MAX_TERMS]
    whole = [f" {word} " for word in words[:-1]]
    return tuple(dict.fromkeys([*whole, *(f" {word}" for word in words[-1:])]))


def snippet(title: str, texts: Iterable[str], wanted: tuple[str, ...]) -> str:
    """The words in what is around them, each in ``[`` and ``]``.

    Args:
        title: Of the session.
        texts: What was said in it with at least one of the words, the newest first.
        wanted: As `terms` gives them.

    Returns:
        From the text with the most of the words, the newest of these; else from the title.
        Brackets of the text itself are round ones here.
    """
    best, most = title, 0
    for text in islice(texts, _TEXTS):
        folded = fold(text)
        count = sum(term in folded for term in wanted)
        if count > most:
            best, most = text, count
        if count == len(wanted):
            break
    return _marked(unicodedata.normalize("NFC", best), wanted)


def _marked(text: str, wanted: tuple[str, ...]) -> str:
    spans = [
        found.span()
        for found, parts in _words(text)
        if any(term in f" {part} " for part in parts for term in wanted)
    ]
    first = spans[0][0] if spans else 0
    begin, end = _window(text, first)
    pieces, at = [], begin
    for left, right in spans:
        if right > end:
            break
        pieces += [_round(text[at:left]), "[", text[left:right], "]"]
        at = right
    pieces.append(_round(text[at:end]))
    shown = " ".join("".join(pieces).split())
    return f"{'… ' if begin else ''}{shown}{' …' if end < len(text) else ''}"


def _window(text: str, first: int) -> tuple[int, int]:
    """Where to cut: at blanks, if there are any near."""
    begin = max(0, first - _BEFORE)
    if begin and (blank := text.find(" ", begin, first)) >= 0:
        begin = blank + 1
    end = min(len(text), first + _AFTER)
    if end < len(text) and (blank := text.rfind(" ", first + _AFTER // 2, end)) >= 0:
        end = blank
    return begin, end


def _round(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")

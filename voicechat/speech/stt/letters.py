"""PURE. Guesses the pronunciation of an English word that no dictionary has.

A grammar that holds one unknown word does not compile at all, so a rough guess is better than none.
The rules are a plausible reading of each spelling; known words inside a compound, and endings, are
taken from the dictionary first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPELLINGS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ture": "CH ER", "ight": "AY T", "ough": "AO",
    "augh": "AO", "eigh": "EY", "tch": "CH", "dge": "JH", "sch": "SH", "igh": "AY", "air": "EH R",
    "ear": "IH R", "eer": "IH R", "our": "AW R", "oor": "AO R", "are": "EH R", "ore": "AO R",
    "qu": "K W", "ck": "K", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "wr": "R",
    "kn": "N", "gn": "N", "ng": "NG", "gh": "G", "ce": "S", "ci": "S IH", "cy": "S IY",
    "ge": "JH", "gi": "JH IH", "gy": "JH IY", "ee": "IY", "ea": "IY", "ie": "IY", "ei": "EY",
    "ai": "EY", "ay": "EY", "ey": "IY", "oa": "OW", "oo": "UW", "ou": "AW", "ow": "OW", "oi": "OY",
    "oy": "OY", "au": "AO", "aw": "AO", "ue": "UW", "ew": "UW", "ui": "UW", "ar": "AA R",
    "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER", "a": "AE", "b": "B", "c": "K", "d": "D",
    "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M",
    "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V",
    "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
_LONGEST = max(map(len, _SPELLINGS))
_SHORTEST_PART = 3  # letters; shorter parts of a compound are mostly chance
_HARD = frozenset(("P", "T", "K", "F", "TH"))
_HISSING = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))


def pronounce(word: str, known: Mapping[str, str]) -> str:
    """ARPAbet phones of `word`, separated by blanks; empty for a word without a letter.

    Args:
        word: In lower case; anything but letters only separates parts.
        known: Words to which the guess may refer, with their phones.
    """
    letters = "".join(c for c in word if "a" <= c <= "z")
    return (
        known.get(letters)
        or _inflected(letters, known)
        or _compound(letters, known)
        or _spelt(letters)
    )


def _inflected(word: str, known: Mapping[str, str]) -> str:
    if word.endswith("s") and (stem := known.get(word[:-1])):
        last = stem.split()[-1]
        return f"{stem} {'IH Z' if last in _HISSING else 'S' if last in _HARD else 'Z'}"
    if word.endswith("ing") and (stem := known.get(word[:-3]) or known.get(word[:-3] + "e")):
        return f"{stem} IH NG"
    return ""


def _compound(word: str, known: Mapping[str, str]) -> str:
    for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        if (head := known.get(word[:cut])) and (tail := known.get(word[cut:])):
            return f"{head} {tail}"
    return ""


def _spelt(word: str) -> str:
    phones: list[str] = []
    at = 0
    while at < len(word):
        if word[at] in _LONG and word[at + 2 :] == "e" and word[at + 1] not in _LONG:
            phones += [_LONG[word[at]], _SPELLINGS["ce" if word[at + 1] == "c" else word[at + 1]]]
            break  # "make", "time": the last e is silent and lengthens the vowel
        for length in range(_LONGEST, 0, -1):
            if (spelling := word[at : at + length]) in _SPELLINGS and len(spelling) == length:
                break
        if not (at and word[at:] == "e"):  # silent at the end
            phones += _SPELLINGS[spelling].split()
        at += length
        if at < len(word) and word[at] == word[at - 1] and word[at] not in _LONG:
            at += 1  # a doubled consonant sounds once
    return " ".join(phones)

"""PURE. What a command recogniser listens for: a closed grammar, and how its words sound."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NOT_WORDS = re.compile(
    r"//[^\n]*|/\*.*?\*/"  # comments
    r"|^\s*\#JSGF[^;]*;|\b(?:grammar|import)\s+[^;]+;"  # header
    r"|<[^>]*>|\{[^}]*\}|/[^/\n]*/"  # rule names, tags, weights
    r"|\bpublic\b(?=\s*<)",
    re.DOTALL | re.MULTILINE,
)
_WORD = re.compile(r"[^\s;=|*+()\[\]\"]+")


def never(_text: str) -> bool:
    """No sentence needs care."""
    return False


@attrs.frozen
class Grammar:
    """Sentences that can be recognised.

    Attributes:
        jsgf: A grammar in the JSpeech Grammar Format with one public rule, words in lower case.
        pronunciations: ARPAbet phones, separated by blanks, of words that the engine's dictionary
            lacks or has wrong; they replace the dictionary's.
        examples: Some sentences, to tell people what they can say.
        careful: Whether acting on a sentence changes something, so that it must be heard more
            surely than a question.
    """

    jsgf: str
    pronunciations: Mapping[str, str] = attrs.field(factory=dict)
    examples: tuple[str, ...] = ()
    careful: Callable[[str], bool] = never

    def words(self) -> frozenset[str]:
        """Every word that occurs in the rules."""
        without_rule_names = re.sub(r"public\s*(?=<)", "", self.jsgf)
        return frozenset(_WORD.findall(_NOT_WORDS.sub(" ", without_rule_names)))

"""PURE: what a person wrote or said, brought to the one form that the sentence templates are in.

Case, punctuation, contractions, politeness, symbols and British spelling are handled here, for
every sentence at once. Numbers are taken out: instead of each, the text holds where it stands in a
table, moved by an offset for its form, so that hassil's integer ranges tell "half" from "ten" and
any number fits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from voicechat.agents.assistant.numbers import Form, is_literal, read_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from fractions import Fraction

MAX_CHARACTERS = 300
"""Longer text is no command; matching backtracks, so its cost must be bounded."""

MAX_CANDIDATES = 12
"""Ways to take politeness off that are tried; real requests need three or four."""

OFFSETS = {Form.FRACTION: 0, Form.WHOLE: 1000, Form.DECIMAL: 2000}
"""Where each form's places begin; the ranges of `data/common.yaml` say the same."""

_SYMBOLS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[\u2018\u2019\u02bc`]", "'"),
        (r"[\u2010-\u2015\u2212]", "-"),
        (r"km/h", " kmh "),
        (r"°|º", " degrees "),
        (r"%", " percent "),
        (r"\*\*|\^", " to the power of "),
        (r"²", " squared "),
        (r"³", " cubed "),
        (r"√", " the square root of "),
        (r"(?<=[\d)])\s*[x×]\s*(?=[\d(.])|[*×]", " times "),  # noqa: RUF001  (the sign itself)
        (r"÷", " divided by "),
        (r"(?<=[\w)])\s*/\s*(?=[\w(.])", " divided by "),
        (r"\+", " plus "),
        (r"(?<=[a-z])-(?=[a-z])", " "),
        (r"(?<=\d)-(?=[a-z])", " "),
        (r"-(?=\s*[\d(.])|(?<=[\d)])\s*-\s", " minus "),
        (r"(?<=\d)(?=[a-z])(?!(?:st|nd|rd|th)\b)", " "),
    )
)
_TOKEN = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+|[a-z]+(?:'[a-z]+)*|[()]")


@attrs.frozen
class Vocabulary:
    """Phrases that are handled for every sentence at once, each a tuple of words.

    Attributes:
        leads: May precede any sentence ("hey", "can you").
        tails: May follow any sentence ("please").
        aliases: What is replaced, and by what ("what's" by "what is").
    """

    leads: frozenset[tuple[str, ...]]
    tails: frozenset[tuple[str, ...]]
    aliases: Mapping[str, tuple[str, ...]]


@attrs.frozen
class Prepared:
    """Text whose numbers are replaced by places in `numbers`; `tokens` still holds them."""

    text: str
    numbers: tuple[Fraction, ...]
    tokens: tuple[str, ...]

    def number(self, place: float) -> Fraction:
        """The number that a place in the text stands for."""
        return self.numbers[int(place) % 1000]


def tokenise(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Lower-case words, digit literals and brackets of `text`, aliases replaced."""
    text = text.lower()
    for pattern, replacement in _SYMBOLS:
        text = pattern.sub(replacement, text)
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        tokens.extend(vocabulary.aliases.get(token, (token,)))
    return tuple(tokens)


def candidates(text: str, vocabulary: Vocabulary) -> Iterator[Prepared]:
    """`text` as it stands, then with more and more of the politeness round it taken off."""
    if len(text) > MAX_CHARACTERS:
        return
    waiting = [tokenise(text, vocabulary)]
    seen: set[tuple[str, ...]] = set()
    while waiting and len(seen) < MAX_CANDIDATES:
        tokens = max(waiting, key=len)
        waiting.remove(tokens)
        if not tokens or tokens in seen:
            continue
        seen.add(tokens)
        yield place_numbers(tokens)
        if "and" in tokens:
            yield place_numbers(tokens, joined=False)
        waiting += [tokens[len(lead) :] for lead in vocabulary.leads if _begins(tokens, lead)]
        waiting += [tokens[: -len(tail)] for tail in vocabulary.tails if _ends(tokens, tail)]


def place_numbers(tokens: Sequence[str], *, joined: bool = True) -> Prepared:
    """Replace each number by its place in the table; after an operand a sign is an operator.

    Args:
        tokens: From `tokenise`.
        joined: Whether "and" may stand inside a number; "between nine hundred and forty" has two.
    """
    readable = tokens if joined else ["&" if word == "and" else word for word in tokens]
    words: list[str] = []
    numbers: list[Fraction] = []
    i = 0
    while i < len(tokens):
        after_operand = bool(words) and (is_literal(words[-1]) or words[-1] in (")", "percent"))
        reading = read_number(readable, i, signed=not after_operand)
        if reading is None:
            words.append(tokens[i])
            i += 1
        else:
            words.append(str(OFFSETS[reading.form] + len(numbers)))
            numbers.append(reading.value)
            i = reading.end
    return Prepared(" ".join(words), tuple(numbers), tuple(tokens))


def _begins(tokens: tuple[str, ...], lead: tuple[str, ...]) -> bool:
    return tokens[: len(lead)] == lead


def _ends(tokens: tuple[str, ...], tail: tuple[str, ...]) -> bool:
    return tokens[-len(tail) :] == tail

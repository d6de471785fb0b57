"""Finds the intent of a sentence: hassil over the templates, then arithmetic for typed chains."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs
from hassil.recognize import recognize_all

from voicechat.agents.assistant import arithmetic
from voicechat.agents.assistant.grammar import SpokenGrammar, follower, speech_grammar
from voicechat.agents.assistant.normalise import candidates
from voicechat.agents.assistant.templates import load_intents, vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hassil.models import MatchEntity
    from hassil.recognize import RecognizeResult

    from voicechat.agents.assistant.normalise import Prepared
    from voicechat.agents.ports import Completeness

EXPRESSION = "Expression"
"""The intent of typed arithmetic that no template covers; its slot `tokens` is the expression."""

_ASKING = (("what", "is"), ("how", "much", "is"), ("calculate",), ("compute",), ())


@attrs.frozen
class Understood:
    """What a sentence asks for.

    Attributes:
        intent: Name of the intent in the template files.
        slots: Numbers (those of one name added up, "an hour and a half") and words, by name.
        side_effect: Whether acting on it changes anything, so that guessing is forbidden.
        device: Whether the answer needs readings of the device.
    """

    intent: str
    slots: Mapping[str, Fraction | str] = attrs.field(factory=dict)
    side_effect: bool = False
    device: bool = False


class Matcher:
    """The templates, parsed once and shared by all sessions; it keeps no state of a session."""

    def __init__(self) -> None:
        self._intents = load_intents()
        self._vocabulary = vocabulary(self._intents)
        self.grammar: SpokenGrammar = speech_grammar(self._intents)
        self._follower = follower(self._intents, self.grammar)
        for example in self.grammar.examples:
            self.match(example)  # hassil prepares a template when it first meets it: some 20 ms

    def match(self, text: str) -> Understood | None:
        """What `text`, typed or spoken, asks for; None when no template fits."""
        loose: Understood | None = None
        for prepared in candidates(text, self._vocabulary):
            results = recognize_all(prepared.text, self._intents)
            best = min(results, key=_preference, default=None)
            if best is None:
                continue
            if not _has_wildcard(best):
                return _understood(best, prepared)
            loose = _understood(best, prepared)  # the last has least politeness in its wildcard
        if loose is not None:
            return loose
        for prepared in candidates(text, self._vocabulary):
            if expression := _expression(prepared.tokens):
                return Understood(EXPRESSION, {"tokens": expression})
        return None

    def completeness(self, words: str) -> Completeness:
        """How finished `words`, of a transcript, are as a command that can be spoken."""
        return self._follower.completeness(words)


def _preference(result: RecognizeResult) -> tuple[bool, int]:
    return _has_wildcard(result), -int(result.text_chunks_matched)


def _has_wildcard(result: RecognizeResult) -> bool:
    return any(entity.is_wildcard for entity in result.entities_list)


def _understood(result: RecognizeResult, prepared: Prepared) -> Understood:
    slots: dict[str, Fraction | str] = {}
    for entity in result.entities_list:
        value = _value(entity, prepared)
        before = slots.get(entity.name)
        if isinstance(value, Fraction) and isinstance(before, Fraction):
            value += before
        slots[entity.name] = value
    for place in "123":  # an amount and its unit become one slot, named as the unit
        amount, unit = slots.pop(f"n{place}", None), str(slots.pop(f"u{place}", ""))
        before = slots.get(unit, Fraction(0))
        if isinstance(amount, Fraction) and isinstance(before, Fraction):
            slots[unit] = before + amount
    metadata: dict[str, Any] = result.intent_metadata or {}
    return Understood(
        result.intent.name,
        {name: value for name, value in slots.items() if not name.startswith("_")},
        side_effect=bool(metadata.get("side_effect")),
        device=bool(metadata.get("device")),
    )


def _value(entity: MatchEntity, prepared: Prepared) -> Fraction | str:
    if isinstance(entity.value, int | float):
        return prepared.number(entity.value)
    if entity.is_wildcard:
        return _restored(entity.value, prepared)
    return Fraction(1) if entity.value == "1" else str(entity.value)


def _restored(text: str, prepared: Prepared) -> str:
    """A wildcard's words, with the numbers in it put back."""
    words = (str(prepared.number(int(word))) if word.isdecimal() else word for word in text.split())
    return " ".join(words)


def _expression(tokens: tuple[str, ...]) -> str:
    for asking in _ASKING:
        rest = tokens[len(asking) :]
        if tokens[: len(asking)] == asking and rest:
            try:
                value = arithmetic.evaluate(rest)
            except arithmetic.CannotCalculateError:
                return " ".join(rest)
            if value is not None:
                return " ".join(rest)
    return ""

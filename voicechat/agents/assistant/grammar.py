"""Turns the sentence templates into a speech grammar, so that what is understood is also heard.

Text, alternatives, optionals, permutations, lists and rules all have their counterpart in JSGF.
Blocks and values marked `typed_only` and wildcards are left out: they would let the recogniser
hear anything.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING

import attrs
from hassil.expression import (
    Alternative,
    Expression,
    ListReference,
    Permutation,
    RuleReference,
    Sequence,
    TextChunk,
)
from hassil.intents import TextSlotList

from voicechat.agents.assistant import phrases
from voicechat.agents.assistant.follow import Follower
from voicechat.agents.assistant.phrases import Maybe, Phrase, Rule, Rules, Then, Word
from voicechat.agents.assistant.spoken_numbers import number_rules
from voicechat.agents.assistant.templates import load_pronunciations, spoken, typed_only, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hassil.intents import Intents

TOP = "command"
_EXAMPLES_PER_INTENT = 4


@attrs.frozen
class SpokenGrammar:
    """What can be said.

    Attributes:
        jsgf: A JSGF grammar with one public rule.
        words: Every word in it, sorted.
        pronunciations: Phones in ARPAbet of those words that the bundled dictionary lacks.
        examples: Some sentences, of every intent.
        rules: The same grammar as phrases, by rule name; `TOP` is the public one, and each
            intent's name is the rule of its sentences.
    """

    jsgf: str
    words: tuple[str, ...]
    pronunciations: Mapping[str, str]
    examples: tuple[str, ...]
    rules: Mapping[str, Phrase] = attrs.field(repr=False)


def speech_grammar(intents: Intents) -> SpokenGrammar:
    """The grammar of all sentences of `intents` that may be spoken."""
    rules = _Translator(intents).translate()
    used = _reachable(rules)
    rules = {name: phrase for name, phrase in rules.items() if name in used}
    lines = ["#JSGF V1.0 UTF-8 en;", "grammar assistant;"]
    lines += [f"<{name}> = {phrases.jsgf(rules[name])};" for name in rules if name != TOP]
    lines.append(f"public <{TOP}> = {phrases.jsgf(rules[TOP])};")
    vocabulary = sorted({w for phrase in rules.values() for w in phrases.vocabulary_of(phrase)})
    pronunciations = load_pronunciations()
    return SpokenGrammar(
        jsgf="\n".join(lines) + "\n",
        words=tuple(vocabulary),
        pronunciations={w: pronunciations[w] for w in vocabulary if w in pronunciations},
        examples=_examples(intents, rules),
        rules=rules,
    )


def follower(intents: Intents, grammar: SpokenGrammar) -> Follower:
    """What tells how finished a transcript is, as a sentence of `grammar`."""
    afterthoughts = {spoken(value) for value in values(intents, "afterthought")}
    return Follower(grammar.rules, TOP, politeness=_list_rule("tail"), afterthoughts=afterthoughts)


def _list_rule(name: str) -> str:
    return f"list_{name}"


class _Translator:
    """Collects JSGF rules while walking hassil's expressions."""

    def __init__(self, intents: Intents) -> None:
        self._intents = intents
        self._rules: Rules = number_rules()
        self._aliases = {
            tuple(Word(word) for word in str(value.value_out).split()): phrases.words(spoken(value))
            for value in values(intents, "alias")
            if not typed_only(value.metadata)
        }

    def translate(self) -> Rules:
        spoken_intents = []
        for name, intent in self._intents.intents.items():
            sentences = [
                self._phrase(sentence.expression)
                for data in intent.data
                if not typed_only(data.metadata)
                for sentence in data.sentences
            ]
            if sentences:
                self._rules[name] = phrases.either(*sentences)
                spoken_intents.append(Rule(name))
        lead, tail = self._list("lead"), self._list("tail")
        self._rules[TOP] = phrases.then(Maybe(lead), phrases.either(*spoken_intents), Maybe(tail))
        return self._rules

    def _phrase(self, expression: Expression) -> Phrase:
        match expression:
            case TextChunk(text=text):
                return phrases.words(text.lower())
            case Sequence(items=items):
                return self._with_aliases(phrases.then(*map(self._phrase, items)))
            case Alternative(items=items):
                return phrases.either(*map(self._phrase, items))
            case Permutation(items=items):
                parts = [self._phrase(item) for item in items]
                return phrases.either(
                    *(phrases.then(*order) for order in itertools.permutations(parts))
                )
            case RuleReference(rule_name=name):
                return self._rule(name)
            case ListReference(list_name=name):
                return self._list(name)
            case _:
                raise TypeError(expression)

    def _with_aliases(self, phrase: Phrase) -> Phrase:
        """The sequence, with each spoken short form as an alternative to its long form."""
        parts = phrase.parts if isinstance(phrase, Then) else (phrase,)
        result: list[Phrase] = []
        i = 0
        while i < len(parts):
            for long_form, short_form in self._aliases.items():
                if parts[i : i + len(long_form)] == long_form:
                    result.append(phrases.either(Then(long_form), short_form))
                    i += len(long_form)
                    break
            else:
                result.append(parts[i])
                i += 1
        return phrases.then(*result)

    def _rule(self, name: str) -> Phrase:
        key = f"rule_{name}"
        if key not in self._rules:
            self._rules[key] = self._phrase(self._intents.expansion_rules[name].expression)
        return Rule(key)

    def _list(self, name: str) -> Phrase:
        slot_list = self._intents.slot_lists[name]
        if not isinstance(slot_list, TextSlotList):
            if name not in self._rules:
                raise ValueError(f"the list {name} cannot be spoken: mark its block typed_only")
            return Rule(name)
        key = _list_rule(name)
        if key not in self._rules:
            self._rules[key] = phrases.either(
                *(
                    self._phrase(value.text_in)
                    for value in slot_list.values
                    if not typed_only(value.metadata)
                )
            )
        return Rule(key)


def _reachable(rules: Rules) -> set[str]:
    seen: set[str] = set()
    waiting = [TOP]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(phrases.references_of(rules[name]))
    return seen


def _examples(intents: Intents, rules: Rules) -> tuple[str, ...]:
    """A few sentences of each intent, always the same ones."""
    random = Random(1)  # noqa: S311  (a fixed choice of examples, no secret)
    found: dict[str, None] = {}
    for name in intents.intents:
        if name in rules:
            for _ in range(_EXAMPLES_PER_INTENT):
                found.setdefault(phrases.sample(rules[name], rules, random))
    return tuple(found)

"""PURE: follows a transcript through the speech grammar, to tell how finished a command is.

The grammar becomes a finite automaton once, each state of which knows the answer; following a
transcript is then one look-up a word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from voicechat.agents.assistant.phrases import Either, Maybe, Phrase, Rule, Then, Word
from voicechat.agents.ports import Completeness

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

_START = 0
_END = -1
"""Follows the last word of a whole command."""


class Follower:
    """A grammar that transcripts are compared with.

    Args:
        rules: The grammar.
        top: Name of the rule of a whole command.
        politeness: Name of the rule of what may follow any command, as "please".
        afterthoughts: Words with which a whole command may go on in the grammar, though hardly ever
            after a pause, or without any consequence.
    """

    def __init__(
        self,
        rules: Mapping[str, Phrase],
        top: str,
        *,
        politeness: str = "",
        afterthoughts: Collection[str] = (),
    ) -> None:
        places = _Places(rules, politeness)
        part = places.part(rules[top])
        places.connect({_START}, part.first)
        places.connect(part.last, {_END})
        if part.skippable:
            places.connect({_START}, {_END})
        self._next: list[dict[str, int]] = []
        self._completeness: list[Completeness] = []
        self._determine(places, frozenset(afterthoughts))

    def __len__(self) -> int:
        return len(self._next)

    def completeness(self, words: str) -> Completeness:
        """How finished `words` are, a transcript of any recogniser; `UNKNOWN` without a word."""
        state = _START
        for word in _WORD.findall(words.lower()):
            following = self._next[state].get(word)
            if following is None:
                return Completeness.UNKNOWN
            state = following
        return Completeness.UNKNOWN if state == _START else self._completeness[state]

    def _determine(self, places: _Places, afterthoughts: frozenset[str]) -> None:
        """Number the sets of places in which a transcript can be: one state each."""
        numbers = {frozenset({_START}): _START}
        waiting = [frozenset({_START})]
        for here in waiting:
            following: dict[str, set[int]] = defaultdict(set)
            whole = more = False
            for place in here:
                for after in places.following[place]:
                    if after == _END:
                        whole = True
                        continue
                    following[places.words[after]].add(after)
                    more |= not (after in places.polite or places.words[after] in afterthoughts)
            state: dict[str, int] = {}
            for word, after_word in following.items():
                there = frozenset(after_word)
                if there not in numbers:
                    numbers[there] = len(numbers)
                    waiting.append(there)
                state[word] = numbers[there]
            self._next.append(state)
            self._completeness.append(_judge(whole=whole, more=more))


def _judge(*, whole: bool, more: bool) -> Completeness:
    if not whole:
        return Completeness.OPEN
    return Completeness.EXTENDABLE if more else Completeness.COMPLETE


@attrs.frozen
class _Part:
    """A phrase by its places: where it can begin and end, and whether it can be left out."""

    first: frozenset[int]
    last: frozenset[int]
    skippable: bool


_NOTHING = _Part(frozenset(), frozenset(), skippable=True)


class _Places:
    """The automaton of Glushkov (1961): a place for each mention of a word, without empty steps."""

    def __init__(self, rules: Mapping[str, Phrase], politeness: str) -> None:
        self.words = [""]
        self.following: dict[int, set[int]] = defaultdict(set)
        self.polite: set[int] = set()
        self._rules = rules
        self._politeness = politeness

    def connect(self, before: Collection[int], after: Collection[int]) -> None:
        for place in before:
            self.following[place] |= set(after)

    def part(self, phrase: Phrase) -> _Part:
        match phrase:
            case Word(text):
                self.words.append(text)
                place = frozenset({len(self.words) - 1})
                return _Part(place, place, skippable=False)
            case Then(parts):
                return self._sequence(parts)
            case Either(choices):
                found = [self.part(choice) for choice in choices]
                return _Part(
                    frozenset().union(*(part.first for part in found)),
                    frozenset().union(*(part.last for part in found)),
                    skippable=any(part.skippable for part in found),
                )
            case Maybe(inner):
                return attrs.evolve(self.part(inner), skippable=True)
            case Rule(name):
                begin = len(self.words)
                part = self.part(self._rules[name])
                if name == self._politeness:
                    self.polite |= set(range(begin, len(self.words)))
                return part

    def _sequence(self, phrases: tuple[Phrase, ...]) -> _Part:
        whole = _NOTHING
        for phrase in phrases:
            part = self.part(phrase)
            self.connect(whole.last, part.first)
            whole = _Part(
                whole.first | part.first if whole.skippable else whole.first,
                whole.last | part.last if part.skippable else part.last,
                skippable=whole.skippable and part.skippable,
            )
        return whole

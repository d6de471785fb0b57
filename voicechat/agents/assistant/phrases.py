"""PURE: a small algebra of spoken phrases, written out as JSGF or as samples, or followed.

One tree for all three, so that what the recogniser can hear and what counts as a complete command
cannot drift apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random


@attrs.frozen
class Word:
    """One word."""

    text: str


@attrs.frozen
class Then:
    """Phrases one after the other; without parts it is the empty phrase."""

    parts: tuple[Phrase, ...]


@attrs.frozen
class Either:
    """Exactly one of several phrases."""

    choices: tuple[Phrase, ...]


@attrs.frozen
class Maybe:
    """A phrase that may be left out."""

    phrase: Phrase


@attrs.frozen
class Rule:
    """A named phrase, written once and referred to."""

    name: str


Phrase = Word | Then | Either | Maybe | Rule
Rules = dict[str, Phrase]


def words(text: str) -> Phrase:
    """The words of `text`, one after the other."""
    return then(*(Word(word) for word in text.split()))


def then(*parts: Phrase) -> Phrase:
    """A sequence, flattened."""
    flat: list[Phrase] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Then) else (part,))
    return flat[0] if len(flat) == 1 else Then(tuple(flat))


def either(*choices: Phrase) -> Phrase:
    """A choice, without repetitions; an empty choice makes it optional."""
    empty = Then(())
    distinct = tuple(dict.fromkeys(choice for choice in choices if choice != empty))
    if not distinct:
        return empty
    phrase = distinct[0] if len(distinct) == 1 else Either(distinct)
    return Maybe(phrase) if empty in choices else phrase


def jsgf(phrase: Phrase) -> str:
    """The right-hand side of a JSGF rule."""
    match phrase:
        case Word(text):
            return text
        case Then(parts):
            return " ".join(jsgf(part) for part in parts)
        case Either(choices):
            return "(" + " | ".join(jsgf(choice) for choice in choices) + ")"
        case Maybe(inner):
            return f"[{jsgf(inner)}]"
        case Rule(name):
            return f"<{name}>"


def sample(phrase: Phrase, rules: Mapping[str, Phrase], random: Random) -> str:
    """One of the phrases, each choice equally likely."""
    match phrase:
        case Word(text):
            return text
        case Then(parts):
            texts = (sample(part, rules, random) for part in parts)
            return " ".join(text for text in texts if text)
        case Either(choices):
            return sample(random.choice(choices), rules, random)
        case Maybe(inner):
            return sample(inner, rules, random) if random.random() < 0.5 else ""
        case Rule(name):
            return sample(rules[name], rules, random)


def vocabulary_of(phrase: Phrase) -> Iterator[str]:
    """Every word of the phrase itself; rules are not followed."""
    match phrase:
        case Word(text):
            yield text
        case Then(parts) | Either(parts):
            for part in parts:
                yield from vocabulary_of(part)
        case Maybe(inner):
            yield from vocabulary_of(inner)
        case Rule():
            pass


def references_of(phrase: Phrase) -> Iterator[str]:
    """The names of the rules that the phrase refers to itself."""
    match phrase:
        case Rule(name):
            yield name
        case Then(parts) | Either(parts):
            for part in parts:
                yield from references_of(part)
        case Maybe(inner):
            yield from references_of(inner)
        case Word():
            pass

"""PURE: how numbers may be spoken, as phrases for the speech grammar, made from the number words.

Narrower than what is understood in writing: each further form costs recognition. Every phrase here
is read back by `numbers.read_number`.
"""

from __future__ import annotations

from voicechat.agents.assistant.numbers import ONES, TEENS, TENS
from voicechat.agents.assistant.phrases import Maybe, Rule, Rules, Word, either, then, words


def number_rules() -> Rules:
    """The rules, by name; those named as a list of the templates stand for that list."""
    digit, below_100, hundreds = Rule("digit"), Rule("below_100"), Rule("hundreds")
    and_rest = Maybe(then(Maybe(Word("and")), below_100))
    return {
        "digit": either(*map(Word, ONES)),
        "below_100": either(
            digit,
            either(*map(Word, TEENS)),
            then(either(*map(Word, TENS)), Maybe(digit)),
        ),
        "hundreds": then(either(Word("a"), digit), Word("hundred"), and_rest),
        "fraction": either(
            *map(words, ("half", "a half", "a quarter", "three quarters", "a third"))
        ),
        "whole": either(below_100, hundreds),
        "small": either(below_100, words("one hundred"), words("a hundred")),
        "amount": either(
            then(below_100, Maybe(words("and a half"))),
            then(either(Word("a"), Word("one")), Word("hundred"), and_rest),
        ),
        "number": either(Word("zero"), then(Rule("whole"), Maybe(then(Word("point"), digit)))),
        "signed": then(Maybe(Word("minus")), Rule("number")),
        "count_one": Word("one"),
        "pronoun_one": Word("one"),
    }

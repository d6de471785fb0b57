"""PURE. Tells what people say while they listen ("uh-huh") and what should silence the assistant.

Both look at a transcript of any recogniser: with or without punctuation, however it spells sounds.
"""

from __future__ import annotations

import re

_SOUNDS = (
    r"m+|h+m+|m+ ?h+m+|m+ ?h+u+h+|u+h* ?h+u+h*|u+h+m*|u+m+|e+r+m*|a+h+|o+h+|a+ ?h+a+|e+h+|h+u+h+"
)
"""Listeners' noises, as long as they like; recognisers spell them in many ways."""

_ASSENT = (
    r"y+e+a+h*|yeh|yep|yup|ya|yes|o ?k|okay|kay|right|all ?right|alright|sure|of course|exactly"
    r"|i see|i know|i understand|understood|got it|gotcha|got you|makes sense|that makes sense"
    r"|that is right|that's right|that is true|that's true|true|fair enough|absolutely|definitely"
    r"|really|wow|cool|nice|great|good|fine|interesting"
)

_STOP = (
    r"stop(?: it| that| now| talking| speaking)?|cancel(?: it| that)?|wait(?: a| one)?"
    r"(?: second| sec| minute| moment)?|(?:hold|hang) on(?: a| one)?(?: second| sec| minute"
    r"| moment)?|(?:be |please be )?(?:quiet|silent)|silence|hush|shush|sh+|shut (?:up|it)|enough"
    r"|that is enough|that's enough|that will do|that'll do|never ?mind|forget (?:it|that|about it)"
    r"|pause|abort|one (?:second|sec|moment)|just a (?:second|sec|minute|moment)"
)

_AROUND = r"please|hey|no|now|just|so|well|and|then|thanks|thank you|computer|assistant|can you"
"""Words beside a request to stop that don't change it."""


def _only(*phrases: str) -> re.Pattern[str]:
    """What consists of such phrases alone; a space follows each word."""
    return re.compile(f"(?:(?:{'|'.join(phrases)}) )+")


_BACKCHANNEL = _only(_SOUNDS, _ASSENT)
_EACH = re.compile(rf"\b(?:{_SOUNDS}|{_ASSENT}) ")
_BESIDE = f"(?:{_AROUND}|{_SOUNDS}|{_ASSENT})"
_TO_STOP = re.compile(f"(?:{_BESIDE} )*(?:{_STOP}) (?:(?:{_STOP}|{_BESIDE}) )*")
_DESCRIBED = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*")
"""Sounds that are no words, as some recognisers write them: "[coughs]", "(laughs)"."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LONGEST = 80
"""Characters; more is a sentence, whatever it begins with."""


def is_backchannel(text: str) -> bool:
    """Whether `text` only shows that somebody listens: "Mm-hmm.", "yeah, right", "[coughs]".

    Such words are an answer when the assistant has asked something and waits; only while it speaks
    do they mean "go on". An empty text is none: nothing is known of it.
    """
    words = _words(text)
    if not words:
        return bool(_DESCRIBED.search(text)) and len(text) <= _LONGEST
    return _BACKCHANNEL.fullmatch(words) is not None


def words_beside(text: str) -> int:
    """How many words of `text` are no assent: two of "yeah, set a"."""
    if len(text) > _LONGEST:
        return len(text.split())
    return _EACH.sub("", _words(text)).count(" ")


def is_stop(text: str) -> bool:
    """Whether `text` only asks for silence: "stop", "okay, that's enough", "no, wait a minute".

    What names something else to be stopped is no such request: "cancel the timer".
    """
    words = _words(text)
    return bool(words) and _TO_STOP.fullmatch(words) is not None


def _words(text: str) -> str:
    """The words in lower case, a space after each; nothing of a text that is too long."""
    if len(text) > _LONGEST:
        return ""
    plain = _DESCRIBED.sub(" ", text.lower()).replace("\u2019", "'")
    return "".join(f"{word} " for word in _WORD.findall(plain))

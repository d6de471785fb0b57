"""How finished words sound, and so how long a pause must be until the user's turn is over. PURE.

An agent that knows its language (a grammar of commands) says more than the text does; for all
others punctuation and the last word tell something.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from voicechat.agents.ports import Completeness

_SENTENCE_END: Final = re.compile(r"[.!?][\"')\]\N{RIGHT DOUBLE QUOTATION MARK}]*$")
_OPEN_END: Final = re.compile(r"(?:\.\.\.|…|[,;:\-—]|\N{EN DASH})$")
_LEADS_ON: Final = re.compile(
    r"(?:^|[^\w'])(?:a|about|an|and|as|at|because|but|by|er|erm|for|from|if|in|into|is|like|my|of|on"
    r"|or|our|so|than|that|the|their|then|to|uh|um|until|when|where|which|while|whose|with|without"
    r"|your)$"
)
"""English words after which a sentence hardly ever ends. No word that also ends questions ("where
are you") or is a whole utterance belongs here; "in" and "on" do end some, but more go on."""

_BASE_MS: Final = {
    Completeness.COMPLETE: 170.0,
    Completeness.UNKNOWN: 780.0,
    Completeness.EXTENDABLE: 960.0,
    Completeness.OPEN: 1800.0,
}
"""Silence in the middle of the slider. People answer each other within some 200 ms; pauses inside a
sentence are mostly below 900 ms, and hardly ever above 2 s. Of words that are whole but known to go
on at times, more patience is worth it than of any words."""
_SOUNDS_OPEN: Final = 0.1
_LESS_FINISHED: Final = {
    Completeness.EXTENDABLE: Completeness.OPEN,
    Completeness.UNKNOWN: Completeness.OPEN,
}
_SLIDER_RANGE: Final = 2.5
"""The slider's ends divide and multiply the silence by this."""


def completeness_of(text: str) -> Completeness:
    """What punctuation and the last word say; UNKNOWN for most of a recogniser's plain words."""
    text = text.rstrip()
    if _OPEN_END.search(text):
        return Completeness.OPEN
    if _LEADS_ON.search(text.lower()):
        return Completeness.OPEN
    if _SENTENCE_END.search(text):
        return Completeness.COMPLETE
    return Completeness.UNKNOWN


def with_voice(words: Completeness, finished: float) -> Completeness:
    """What the words tell, corrected by the sound of the voice.

    Args:
        words: What the words alone tell.
        finished: Probability 0…1, from the voice, that the speaker has finished. Only a low one
            tells something: a third of the pauses inside sentences sound quite finished.
    """
    if finished > _SOUNDS_OPEN:
        return words
    return _LESS_FINISHED.get(words, words)


@attrs.frozen
class Words:
    """What the utterance that is open says so far.

    Attributes:
        text: The partial transcript of all audio up to this frame.
        accepted: Whether the recogniser believes in it.
        completeness: How finished it sounds.
    """

    text: str = ""
    accepted: bool = False
    completeness: Completeness = Completeness.UNKNOWN


@attrs.frozen
class Patience:
    """How long to wait in a pause.

    Attributes:
        slider: From 0 (fast) to 1 (slow).
        floor_ms: Waited for in any case.
        ceiling_ms: Ends the turn in any case.
    """

    slider: float = 0.5
    floor_ms: float = 150.0
    ceiling_ms: float = 2500.0

    def delay_ms(self, completeness: Completeness) -> float:
        """Silence after speech that ends the turn."""
        delay = _BASE_MS[completeness] * float(_SLIDER_RANGE ** (2 * self.slider - 1))
        return min(max(delay, self.floor_ms), self.ceiling_ms)

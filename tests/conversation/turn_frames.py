"""What a turn detector can be told frame by frame, and what follows whichever detector it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from voicechat.conversation import interruption
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen
from voicechat.conversation.echo import ECHO_SCORE
from voicechat.conversation.finished import Words
from voicechat.conversation.interruption import Answer

if TYPE_CHECKING:
    from voicechat.conversation.rules import Rules

FRAME = 512
MS = 16
THINKING = Answer(audible=False)
FRESH = Answer(audible=False, reopenable=True, unheard=True, unsent=True)
SENT = Answer(audible=False, reopenable=True, unheard=True)
MAYBE_HEARD = Answer(audible=False, reopenable=True)
JUST_HEARD = Answer(audible=True, reopenable=True)
AUDIBLE = Answer(audible=True)
ANSWERS = [None, THINKING, FRESH, SENT, MAYBE_HEARD, JUST_HEARD, AUDIBLE]
ASSENT = ["uh-huh", "yeah, right"]
STOP = ["stop", "no, wait a minute"]
MORE = ["yeah, what", "yeah, what time"]
TEXTS = ["", "what", "what time is it", *STOP, *ASSENT, *MORE]
PLAIN = Words("what time is it", accepted=True)


@attrs.frozen
class Frame:
    """What there was to know at the end of a frame."""

    position: int
    started: int | None
    ended: int | None
    voiced: bool
    turned: int  # where voice activity began or ended last
    answer: Answer | None
    words: Words
    echo: float
    rules: Rules
    fading: bool = False
    energy: float = 1.0


def step(taking, frame, shift=0):
    """What a frame leads to: the effect of hearing it, and the decision."""

    def moved(sample):
        return None if sample is None else sample + shift

    taking.rules = frame.rules
    effect = taking.hear(
        frame.position + shift,
        frame.answer,
        started=moved(frame.started),
        ended=moved(frame.ended),
        fading=frame.fading,
    )
    words = frame.words if taking.wants_words else Words()
    return effect, taking.decide(words, echo=frame.echo, energy=frame.energy)


def begins_at(frame):
    return frame.position if frame.started is None else frame.started


def moved_back(decision, shift):
    """A decision for a stream that begins `shift` samples later, as if it did not."""
    match decision:
        case BargeIn(since):
            return BargeIn(since - shift)
        case Listen(since):
            return Listen(since - shift)
        case Endpoint(reason, speech_end, at):
            return Endpoint(reason, speech_end - shift, at - shift)
        case _:
            return decision


def most_excess(decision):
    """Samples that an utterance may be too long by, behind the decision of a frame.

    A frame has one decision: who is given the floor too late loses it in the next.
    """
    match decision:
        case BargeIn():
            return FRAME
        case Effect.REOPEN:
            return math.inf
        case _:
            return 0


def evidence(log, since):
    """Milliseconds of voice that is no echo behind `since`, halved by nothing."""
    parts = [
        frame.position - max(since, min(begins_at(frame), frame.position - FRAME))
        for frame in log
        if frame.position > since and frame.voiced and not frame.fading and frame.echo <= ECHO_SCORE
    ]
    return sum(parts) / MS


def least_evidence(now):
    """Samples of voice without which nobody is believed in this frame, by a bound that is low."""
    words = now.words
    if now.answer is None:
        return interruption._SOMETHING
    if words.accepted and words.text in STOP:
        return min(interruption._STOP, now.rules.barge_in_ms * MS)
    if words.text in ASSENT:
        return interruption._ASSENT
    doubt = 0 if words.accepted and words.text else interruption._DOUBT
    believed = now.rules.barge_in_ms * MS
    return min(believed + doubt, max(believed, interruption._OVER_ECHO))

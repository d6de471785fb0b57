"""Turn taking as one would tell it: each question is answered from the whole record of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Speculate
from voicechat.conversation.echo import ECHO_SCORE
from voicechat.conversation.finished import Words
from voicechat.conversation.turn_taking import State
from voicechat.protocol.messages.trace import EndpointReason

if TYPE_CHECKING:
    from voicechat.conversation.interruption import Answer
    from voicechat.conversation.rules import Rules

FRAME = 512
MS = 16
STOP = {"stop", "no, wait a minute"}
ASSENT = {"uh-huh", "yeah, right"}
REASONS = {
    Completeness.COMPLETE: EndpointReason.COMPLETE,
    Completeness.EXTENDABLE: EndpointReason.EXTENDABLE,
    Completeness.UNKNOWN: EndpointReason.SILENCE,
    Completeness.OPEN: EndpointReason.OPEN,
}


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
    )
    words = frame.words if taking.wants_words else Words()
    return effect, taking.decide(words, echo=frame.echo)


def begins_at(frame):
    return frame.position if frame.started is None else frame.started


def deaf(log):
    """Half-duplex: an answer is audible, or was until 400 ms ago."""
    now = log[-1]
    if now.rules.barge_in or not now.rules.hands_free:
        return False
    recent = [f for f in log[-20:] if f.position > now.position - 400 * MS]
    return any(f.answer is not None and f.answer.audible for f in recent)


@attrs.define
class Naive:
    """Holds what was decided, never a count: those are made from the record each time."""

    who: str = "nobody"  # or "talks", "pauses", "doubt"
    began: int = 0
    doubt: int = 0  # the frame in which an interruption began
    draft: str = ""
    ducked: bool = False
    reopens_from: int | None = None  # the endpoint that may have been too early
    state: State = State.IDLE

    def step(self, log):
        effect, decision = self.hear(log), self.decide(log)
        if self.who == "nobody":
            answer = log[-1].answer
            self.state = State.IDLE
            if isinstance(decision, Endpoint):
                self.state = State.THINKING
            elif answer is not None and decision is not Effect.FALSE_ALARM:
                self.state = State.SPEAKING if answer.audible else State.THINKING
        else:
            states = {"talks": State.LISTENING, "pauses": State.MAYBE_FINISHED}
            self.state = states.get(self.who, State.INTERRUPTED)
        return effect, decision

    def hear(self, log):
        now = log[-1]
        if not now.voiced:
            if self.who == "talks":
                self.who = "pauses"
            return None
        if self.who in {"talks", "doubt"} or deaf(log):
            return None
        if self.who == "pauses":
            self.who = "talks"
            withdrawn, self.draft = self.draft, ""
            return Effect.WITHDRAW if withdrawn else None
        at = begins_at(now)
        fresh = now.answer is not None and now.answer.reopenable
        early = self.reopens_from is not None
        if fresh and early and at - self.reopens_from <= now.rules.reopen_ms * MS:
            self.who, self.reopens_from = "talks", None
            return Effect.REOPEN
        self.began = at
        self.who = "talks" if now.answer is None else "doubt"
        self.doubt, self.ducked = len(log) - 1, False
        return None

    def decide(self, log):
        now = log[-1]
        if self.who == "nobody":
            return None
        too_long = now.position - self.began >= now.rules.max_length_ms * MS
        if self.who == "doubt":
            return self.weigh(log, too_long=too_long)
        if too_long:
            return self.end(log, EndpointReason.MAX_LENGTH)
        if self.who != "pauses" or not now.rules.hands_free:
            return None
        words, silence = now.words, 0 if now.voiced else now.position - now.turned
        if silence >= now.rules.patience.delay_ms(words.completeness) * MS:
            return self.end(log, REASONS[words.completeness])
        useful = words.accepted and words.text and words.completeness is not Completeness.OPEN
        if now.rules.speculation and useful and words.text != self.draft:
            self.draft = words.text
            return Speculate(words.text)
        return None

    def end(self, log, reason):
        self.who, self.draft = "nobody", ""
        long = reason is EndpointReason.MAX_LENGTH
        now = log[-1]
        self.reopens_from = None if long else now.position
        return Endpoint(reason, now.position if now.voiced else now.turned, now.position)

    def weigh(self, log, *, too_long):
        now = log[-1]
        if not now.rules.hands_free:
            return self.take_floor(log, begins_at(log[self.doubt]))
        if deaf(log):
            self.who = "nobody"
            return Effect.FALSE_ALARM
        evidence = self.evidence(list(self.spoken(log)))
        speaks = now.voiced
        heard_ms = log[self.doubt].rules.barge_in_ms
        somebody = evidence >= self.needed(now, heard_ms, speaks=speaks)
        nothing = not somebody and not speaks and now.position - now.turned >= 250 * MS
        if (
            not somebody
            and not nothing
            and now.answer
            and evidence >= heard_ms * MS
            and not self.ducked
        ):
            self.ducked = True
            return Effect.DUCK
        if nothing or too_long:
            self.who = "nobody"
            return Effect.FALSE_ALARM
        return self.take_floor(log, self.since(log)) if somebody else None

    @staticmethod
    def needed(now, barge_in_ms, *, speaks):
        words = now.words
        if now.answer is None:
            return (barge_in_ms if speaks else 100) * MS
        if words.accepted and words.text in STOP:
            return 1
        if words.text in ASSENT:
            return 1000 * MS
        return (barge_in_ms + (0 if words.accepted and words.text else 150)) * MS

    def take_floor(self, log, since):
        self.began = since
        self.who = "talks" if log[-1].voiced else "pauses"
        return BargeIn(since)

    def spoken(self, log):
        """Each frame with a voice since the interruption began: where it begins and ends, echo."""
        for i in range(self.doubt, len(log)):
            if log[i].voiced:
                begin = begins_at(log[i]) if i == self.doubt else log[i - 1].position
                yield begin, log[i].position, log[i].echo > ECHO_SCORE

    @staticmethod
    def evidence(spoken):
        """The length of what is no echo; of each frame, half for every frame of echo behind it."""
        echoes, length = 0, 0.0
        for begin, end, echo in reversed(spoken):
            echoes += echo
            length += 0 if echo else (end - begin) / 2**echoes
        return int(length)

    def since(self, log):
        """Where the evidence began: the last frame that is no echo, with nothing left before it."""
        spoken = list(self.spoken(log))
        return next(
            begin
            for i, (begin, _, echo) in reversed(list(enumerate(spoken)))
            if not echo and (i == 0 or spoken[i - 1][2]) and not self.evidence(spoken[:i])
        )

"""Turn taking as one would tell it: each question is answered from the whole record of frames."""

from __future__ import annotations

from itertools import accumulate

import attrs

from voicechat.agents.ports import Completeness
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Speculate
from voicechat.conversation.finished import Words
from voicechat.conversation.interruption import Answer
from voicechat.conversation.turn_taking import Rules, State
from voicechat.protocol.messages.trace import EndpointReason

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
    answer: Answer | None
    words: Words
    echo: float
    rules: Rules


def voiced(log):
    return next((f.ended is None for f in reversed(log) if (f.started, f.ended) != (None, None)), 0)


def speech_end(log):
    return log[-1].position if voiced(log) else last_end(log)


def last_end(log):
    return next((f.ended for f in reversed(log) if f.ended is not None), 0)


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
        if not voiced(log):
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
        if self.reopens_from is not None and now.answer is not None and now.answer.reopenable:
            if at - self.reopens_from <= now.rules.reopen_ms * MS:
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
        words, silence = now.words, now.position - last_end(log)
        if silence >= now.rules.patience.delay_ms(words.completeness, words.finished) * MS:
            return self.end(log, REASONS[words.completeness])
        useful = words.accepted and words.text and words.completeness is not Completeness.OPEN
        if now.rules.speculation and useful and words.text != self.draft:
            self.draft = words.text
            return Speculate(words.text)
        return None

    def end(self, log, reason):
        self.who, self.draft = "nobody", ""
        long = reason is EndpointReason.MAX_LENGTH
        self.reopens_from = None if long else log[-1].position
        return Endpoint(reason, speech_end(log), log[-1].position)

    def weigh(self, log, *, too_long):
        now = log[-1]
        if not now.rules.hands_free:
            return self.take_floor(log, begins_at(log[self.doubt]))
        evidence = self.evidence(log)
        speaks = voiced(log)
        somebody = evidence >= self.needed(now, log[self.doubt].rules.barge_in_ms, speaks=speaks)
        nothing = not somebody and not speaks and now.position - last_end(log) >= 250 * MS
        if not somebody and not nothing and now.answer and evidence >= 90 * MS and not self.ducked:
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
        self.who = "talks" if voiced(log) else "pauses"
        return BargeIn(since)

    def steps(self, log):
        """Each frame of speech since the interruption began: its end, what it adds to evidence."""
        for i in range(self.doubt, len(log)):
            if voiced(log[: i + 1]):
                frame = log[i]
                begin = begins_at(frame) if i == self.doubt else log[i - 1].position
                length = frame.position - begin
                yield frame.position, length if frame.echo < 0.5 else -length

    def evidence(self, log):
        """The best that any run of frames up to now has to show: what lies before is forgiven."""
        backwards = [adds for _, adds in self.steps(log)][::-1]
        return max(accumulate(backwards, initial=0))

    def since(self, log):
        """Where the evidence began: the last frame before which there was none."""
        steps = list(self.steps(log))
        sums = list(accumulate((adds for _, adds in steps), initial=0))
        for i in reversed(range(len(steps))):
            if sums[i] <= min(sums[: i + 1]):
                position, adds = steps[i]
                return position - max(adds, 0)
        raise AssertionError("the first frame has none before it")

"""Turn taking as one would tell it: each question is answered from the whole record of frames."""

from __future__ import annotations

import attrs

from tests.conversation.turn_frames import ASSENT, MS, STOP, begins_at
from voicechat.agents.ports import Completeness
from voicechat.conversation import interruption
from voicechat.conversation.decisions import BargeIn, Effect, Endpoint, Listen, Speculate
from voicechat.conversation.echo import ECHO_SCORE
from voicechat.conversation.turn_taking import State
from voicechat.protocol.messages.trace import EndpointReason

WORDS_OF_ASSENT = {"uh-huh", "yeah", "right"}
REASONS = {
    Completeness.COMPLETE: EndpointReason.COMPLETE,
    Completeness.EXTENDABLE: EndpointReason.EXTENDABLE,
    Completeness.UNKNOWN: EndpointReason.SILENCE,
    Completeness.OPEN: EndpointReason.OPEN,
}


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
    listened: int = 0  # where its words begin
    relistened: int = 0  # the frame after the one in which that was moved
    draft: str = ""
    ducked: bool = False
    reopens_from: int | None = None  # the endpoint that may have been too early
    ended_from: int = 0  # where the utterance before that began
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
        if self.goes_on(now) and now.answer.unsent:
            return self.reopen(log)
        self.began = self.listened = begins_at(now)
        self.who = "talks" if now.answer is None else "doubt"
        self.doubt = self.relistened = len(log) - 1
        self.ducked = False
        return None

    def goes_on(self, first):
        """Who begins to speak in this frame may not have finished before."""
        if first.answer is None or self.reopens_from is None:
            return False
        soon = begins_at(first) - self.reopens_from <= first.rules.reopen_ms * MS
        return soon and first.answer.reopenable and first.answer.unheard

    def reopen(self, log):
        self.who = "talks" if log[-1].voiced else "pauses"
        self.began, self.reopens_from = self.ended_from, None
        return Effect.REOPEN

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
        self.ended_from = self.began
        return Endpoint(reason, now.position if now.voiced else now.turned, now.position)

    def weigh(self, log, *, too_long):
        now = log[-1]
        if not now.rules.hands_free:
            return self.give_way(log, begins_at(log[self.doubt]))
        if deaf(log):
            return self.false_alarm()
        pieces = self.pieces(log)
        evidence = sum(length for _, length in pieces)
        since = pieces[0][0] if pieces else self.listened
        heard_ms = log[self.doubt].rules.barge_in_ms
        if since > self.listened and evidence >= interruption._NEW_VOICE:
            if too_long:
                return self.false_alarm()
            self.began = self.listened = since
            self.relistened = len(log)
            return Listen(since)
        if evidence >= self.needed(log, heard_ms * MS):
            return self.give_way(log, since)
        silence = 0 if now.voiced else now.position - now.turned
        if too_long or silence >= interruption._RESUME:
            return self.false_alarm()
        if self.ducked and not evidence:
            self.ducked = False
            return Effect.CALM
        if now.answer and evidence >= heard_ms * MS and not self.ducked:
            self.ducked = True
            return Effect.DUCK
        return None

    def false_alarm(self):
        self.who = "nobody"
        return Effect.FALSE_ALARM

    def give_way(self, log, since):
        answer = log[-1].answer
        if answer is not None and answer.reopenable and self.goes_on(log[self.doubt]):
            return self.reopen(log)
        self.began = since
        self.who = "talks" if log[-1].voiced else "pauses"
        return BargeIn(since)

    def needed(self, log, believed):
        """The evidence that somebody is there, whose words are what `now` has."""
        now = log[-1]
        words = [word.strip(",") for word in now.words.text.split()]
        known = now.words.accepted
        if now.answer is None:
            return believed if now.voiced else interruption._SOMETHING
        if known and now.words.text in STOP:
            return min(interruption._STOP, believed)
        if any(echo for *_, echo in self.spoken(log)):
            assent = now.words.text in ASSENT
            return interruption._ASSENT if assent else max(believed, interruption._OVER_ECHO)
        other = [word for word in words if word not in WORDS_OF_ASSENT]
        if self.assented(log) and not (known and len(other) >= interruption._SURE_WORDS):
            return interruption._ASSENT
        sure = known and len(words) >= (interruption._SURE_WORDS if now.voiced else 1)
        return believed + (0 if sure else interruption._DOUBT)

    def assented(self, log):
        """What is being listened to was assent to the answer at some time."""
        recent = log[self.relistened :]
        return any(f.answer is not None and f.words.text in ASSENT for f in recent)

    def spoken(self, log):
        """Each frame with a voice since the interruption began: where, how loud, whether echo."""
        for i in range(self.doubt, len(log)):
            if log[i].voiced and not log[i].fading:
                begin = begins_at(log[i]) if i == self.doubt else log[i - 1].position
                yield begin, log[i].position, log[i].energy, log[i].echo > ECHO_SCORE

    def pieces(self, log):
        """What is left of the evidence: where each piece begins, and how long it still counts.

        Behind an echo all that came before counts half, or not at all where it was little; from
        the first echo on a frame that is soft beside the rest of the evidence is none.
        """
        pieces, energies, echoed = [], [], False
        for begin, end, energy, echo in self.spoken(log):
            total = sum(length for _, length in pieces)
            echoed = echoed or echo
            if echo:
                left = total // 2 if total >= interruption._NEW_VOICE else 0
                pieces = [(pieces[0][0], left)] if left else []
                continue
            if not total:
                pieces, energies = [(begin, 0)], []
            energies.append(energy)
            soft = energy < interruption._QUIETER * max(energies)
            if not (echoed and soft):
                pieces.append((begin, end - begin))
        return pieces

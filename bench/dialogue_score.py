"""Judges dialogues: what went wrong in each, and how long things took; then the table.

The truth is the user's own sound, not what the server thought: a sentence is over at its last
audible sample, and an assistant speaks when its loudspeaker does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bench.dialogue_scenarios import Cue, Dialogue, Kind, Sound
from bench.spoken import meaning
from voicechat.protocol.messages.conversation import (
    StopReason,
    StreamInterrupted,
    TranscriptFinal,
)

if TYPE_CHECKING:
    from bench.dialogue_client import Heard
    from voicechat.agents.assistant.matcher import Matcher

NO_ANSWER_MS = 4000.0
"""An answer that comes later counts as none."""
MUTED_MS = 1000.0
"""Played softly for longer than this, an answer counts as interrupted."""
TOO_LATE_MS = 2000.0
"""An answer that goes on for so long against the user's voice was not interrupted."""


@attrs.define
class Score:
    """What became of one sound of the user (or of a whole dialogue without any).

    Attributes:
        dialogue: Where.
        sound: Which.
        faults: In words; empty when all went well.
        expects: What could be measured: "answer", "stop", "peace".
        cut_in: The sentence was answered before its end.
        reopened: It was, but nobody heard that, and it was taken back.
        missed_end: No answer came.
        delay_ms: True end of speech to the first audio sent.
        understood: The meaning survived.
        false_interruption: The answer gave way to a sound that wanted nothing.
        missed_interruption: It did not give way to the user.
        silence_ms: From where the user had spoken for `barge_in_ms` to the last that was sent.
        silence_onset_ms: The same from the true begin of the user's speech.
    """

    dialogue: Dialogue
    sound: str
    expects: frozenset[str]
    faults: list[str] = attrs.field(factory=list)
    cut_in: bool = False
    reopened: bool = False
    missed_end: bool = False
    delay_ms: float | None = None
    understood: bool | None = None
    false_interruption: bool = False
    missed_interruption: bool = False
    silence_ms: float | None = None
    silence_onset_ms: float | None = None


def judge(dialogue: Dialogue, heard: Heard, matcher: Matcher, barge_in_ms: float) -> list[Score]:
    """A score for each sound; one for the whole where the user makes none."""
    if not dialogue.sounds:
        score = Score(dialogue, "(the assistant alone)", frozenset({"peace"}))
        _peace(score, heard, 0.0, float("inf"))
        return [score]
    scores = []
    for number, (sound, when) in enumerate(zip(dialogue.sounds, heard.sounds, strict=True)):
        score = Score(dialogue, sound.text, frozenset())
        if when is None:
            score.faults.append("it never came to this: no answer before it")
            score.expects = frozenset({"answer"}) if sound.kind is Kind.TURN else frozenset()
            score.missed_end = sound.kind is Kind.TURN
            scores.append(score)
            continue
        following = [w for w in heard.sounds[number + 1 :] if w is not None]
        until = following[0][0] if following else float("inf")
        if sound.kind is Kind.NOTHING:
            # Its consequences may come late: an utterance ends some time after its last sound.
            if _audible_at(heard, when[0]) is not None:
                score.expects = frozenset({"peace"})
                _peace(score, heard, when[0], until)
            else:
                score.faults.append("the answer was over before it")
        if sound.kind is not Kind.NOTHING and sound.cue is Cue.AUDIBLE:
            score.expects |= {"stop"}
            _stop(score, heard, when, barge_in_ms)
        if sound.kind is Kind.TURN:
            score.expects |= {"answer"}
            _answer(score, sound, heard, when, until, matcher)
        scores.append(score)
    return scores


def _finals(heard: Heard) -> list[tuple[float, TranscriptFinal]]:
    return [(at, e) for at, e in heard.events if isinstance(e, TranscriptFinal)]


def _stops(heard: Heard) -> dict[int, tuple[float, StopReason]]:
    return {e.turn: (at, e.reason) for at, e in heard.events if isinstance(e, StreamInterrupted)}


def _sent(heard: Heard, turn: int) -> list[float]:
    """When frames of a turn's speech were sent."""
    return [at for at, e in heard.events if isinstance(e, tuple) and e[0] == turn and e[1]]


def _audible_at(heard: Heard, at: float) -> int | None:
    """The turn that sounds then, or last sounded just before it."""
    for number, turn in heard.played.items():
        if turn.first is not None and turn.first / 16 <= at <= turn.last / 16:
            return number
    return None


def _answer(
    score: Score,
    sound: Sound,
    heard: Heard,
    when: tuple[float, float],
    until: float,
    matcher: Matcher,
) -> None:
    begin, end = when
    finals = [(at, f) for at, f in _finals(heard) if begin <= at < until]
    stops = _stops(heard)
    replaced = {final.replaces for _, final in finals}
    for at, final in finals:
        if at >= end or final.turn is None:
            continue
        played = heard.played.get(final.turn)
        silent = played is None or played.first is None
        taken_back = (
            final.turn in replaced
            or (final.turn in stops and stops[final.turn][1] is StopReason.REOPENED)
        ) and silent
        if taken_back:
            score.reopened = True
        else:
            score.cut_in = True
            how = "" if silent else ", heard"
            score.faults.append(f"cut in {end - at:.0f} ms before the end{how}: {final.text!r}")
    if score.dialogue.echo or score.dialogue.snr_db is not None:
        score.expects |= {"peace"}
    for at, final in finals:
        # The user says nothing more: only echo or noise can have stopped it.
        stopped = stops.get(final.turn or 0)
        if at >= end and stopped is not None and stopped[1] in _BY_VOICE and stopped[0] < until:
            score.expects |= {"peace"}
            score.false_interruption = True
            score.faults.append(
                f"the answer to {final.text!r} stopped after {stopped[0] - at:.0f} ms: {stopped[1]}"
            )
    answers = [f.turn for _, f in finals if f.turn is not None and f.turn not in replaced]
    sent = [s for turn in answers for s in _sent(heard, turn) if s >= end]
    last = finals[-1][1] if finals else None
    if not sent or sent[0] - end > NO_ANSWER_MS:
        # An answer that began in mid-sentence is a fault already; and one without sound is none.
        score.missed_end = not score.cut_in
        if score.missed_end:
            score.faults.append(f"no answer; heard {last.text if last else None!r}")
    elif not score.cut_in:
        score.delay_ms = sent[0] - end
    if sound.text:
        means = meaning(matcher, sound.text)
        score.understood = (
            last is not None and last.accepted and meaning(matcher, last.text) == means
        )
        if not score.understood and last is not None:
            how = "accepted" if last.accepted else f"refused ({last.confidence})"
            score.faults.append(f"understood {last.text!r}, {how}")


def _peace(score: Score, heard: Heard, begin: float, until: float) -> None:
    """Nothing may come of the sound: the answer goes on, and nothing else is answered."""
    turn = _audible_at(heard, begin) if begin else min(heard.played, default=None)
    stopped = _stops(heard).get(turn) if turn is not None else None
    if turn is None:
        score.expects = frozenset()
        score.faults.append("there was no answer")
        return
    if stopped is not None and begin <= stopped[0] < until and stopped[1] in _BY_VOICE:
        score.false_interruption = True
        score.faults.append(f"stopped the answer after {stopped[0] - begin:.0f} ms")
    ducked = heard.played[turn].ducked / 16
    if ducked > MUTED_MS * max(1, len(score.dialogue.sounds)):
        score.false_interruption = True
        score.faults.append(f"the answer was played softly for {ducked:.0f} ms")
    for at, final in _finals(heard):
        # Silence is the right answer to "uh-huh".
        if begin <= at < until and final.turn is not None and _sent(heard, final.turn):
            score.false_interruption = True
            score.faults.append(f"answered {final.text!r} after {at - begin:.0f} ms")


_BY_VOICE = {StopReason.BARGE_IN, StopReason.NEW_TURN, StopReason.REOPENED}


def _stop(score: Score, heard: Heard, when: tuple[float, float], barge_in_ms: float) -> None:
    """The answer gives way to the user, and to nothing before the user speaks."""
    begin, _ = when
    before = [
        (turn.first, number, turn.last / 16)
        for number, turn in heard.played.items()
        if turn.first is not None and turn.first / 16 <= begin
    ]
    _, turn, last = max(before)
    stopped = _stops(heard).get(turn)
    early = stopped is not None and stopped[0] < begin and stopped[1] in _BY_VOICE
    if score.dialogue.echo or score.dialogue.snr_db is not None:
        score.expects |= {"peace"}
    if stopped is not None and early:
        score.expects = score.expects - {"stop"} | {"peace"}
        score.false_interruption = True
        score.faults.append(f"the answer had stopped {begin - stopped[0]:.0f} ms before the user")
        return
    if last < begin:
        score.expects -= {"stop"}
        score.faults.append("the answer was over before the user spoke")
        return
    if stopped is None or stopped[0] - begin > TOO_LATE_MS or stopped[1] not in _BY_VOICE:
        score.missed_interruption = True
        score.faults.append("the answer went on")
        return
    silent = max([stopped[0], *_sent(heard, turn)])
    score.silence_onset_ms = silent - begin
    score.silence_ms = max(0.0, silent - begin - barge_in_ms)

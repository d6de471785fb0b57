"""The conversations of the dialogue evaluation: who says what, when, and over which sounds.

A dialogue is a session with sounds of the user, each cued by what the assistant does: asked first
by typing where only the answer matters, so that a recogniser's error there cannot hide what is
measured. Each family below is one condition, a row of the table.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import attrs

from bench import dialogue_audio as audio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np

LONG = "what can you do"
"""Its answer takes more than ten seconds to speak, and names commands."""
SHORT = "who are you"


class Kind(StrEnum):
    """What a sound is meant to be."""

    TURN = "turn"  # wants an answer
    STOP = "stop"  # wants silence
    NOTHING = "nothing"  # wants nothing: back-channel, cough


class Cue(StrEnum):
    """What the user waits for before a sound."""

    BEGIN = "begin"  # the session has begun
    AUDIBLE = "audible"  # the assistant can be heard
    ANSWERED = "answered"  # … and has finished


@attrs.frozen(eq=False)
class Sound:
    """Something that the user's side makes heard.

    Attributes:
        make: Gives its samples, from the first audible one to the last.
        kind: What it is.
        text: The words.
        cue: What it waits for.
        after_ms: How long after that it begins.
    """

    make: Callable[[], np.ndarray]
    kind: Kind
    text: str
    cue: Cue = Cue.BEGIN
    after_ms: int = 400


@attrs.frozen(eq=False)
class Dialogue:
    """One session.

    Attributes:
        condition: Row of the table.
        voice: Who speaks; empty where nobody does.
        name: Tells it from the others of its condition and voice.
        sounds: Of the user, in order.
        typed: Asked by typing at the begin.
        snr_db: Pink noise below the user's speech; None is a quiet room.
        echo: Level in dB and delay in ms of the assistant's own voice in the microphone.
    """

    condition: str
    voice: str
    name: str
    sounds: tuple[Sound, ...]
    typed: str | None = None
    snr_db: float | None = None
    echo: tuple[float, int] | None = None

    @property
    def id(self) -> str:
        """Unique; the session and everything random in it come from this."""
        return f"{self.condition}/{self.voice}/{self.name}"

    @property
    def interrupts(self) -> bool:
        """Whether the user wants the floor while the assistant has it."""
        return any(s.cue is Cue.AUDIBLE and s.kind is not Kind.NOTHING for s in self.sounds)


COMPLETE = (
    "what time is it",
    "what is the date today",
    "what day is it",
    "tell me a joke",
    "cancel the timer",
    "flip a coin",
    "what can you do",
    "how hot is the device",
)
EXTENDABLE = (
    "set a timer for ten minutes",
    "set a timer for one hour",
    "what is seven times eight",
    "convert ten miles to kilometers",
)
OPEN = (
    ("set a timer for", "ten minutes"),
    ("what time", "is it"),
    ("what is seven", "times eight"),
    ("wake me up in", "eight hours"),
    ("set a timer for twenty", "five minutes"),
)
GOES_ON = (
    ("set a timer for ten minutes", "and thirty seconds"),
    ("set a timer for one hour", "and thirty minutes"),
    ("set a timer for two hours", "and ten minutes"),
    ("set a timer for twenty minutes", "for the chicken"),
)
AFTERTHOUGHT = (
    ("what time is it", "now"),
    ("what is the date", "today"),
    ("tell me a joke", "please"),
)
PAUSES_MS = (300, 600, 900)
ASSENT = ("uh-huh", "yeah", "okay", "right")
HUMMED = ("mm-hmm", "m ax hh m")
MOMENTS_MS = (300, 1100, 2600, 4700)
ECHOES = tuple((level, delay) for level in (-20.0, -10.0) for delay in (100, 200, 300))
NOISES_DB = (20.0, 10.0, 5.0)


def everything() -> list[Dialogue]:
    """All dialogues, in the order of the table."""
    found = [*_one_sentence(), *_pauses(), *_conversations(), *_recordings()]
    found += [*_not_meant(), *_barge_ins(), *_echo(), *_noise()]
    names = [dialogue.id for dialogue in found]
    assert len(set(names)) == len(names), "two dialogues have one name"
    return found


def subset(dialogues: Iterable[Dialogue], every: int) -> list[Dialogue]:
    """Each `every`th of each condition (an odd number, so that voices take turns), at least one."""
    conditions: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        conditions.setdefault(dialogue.condition, []).append(dialogue)
    found = []
    for number, group in enumerate(conditions.values()):
        found += group[(5 * number) % min(every, len(group)) :: every]
    return found


def _said(text: str, voice: str, cue: Cue = Cue.BEGIN, after_ms: int = 400) -> Sound:
    return Sound(partial(audio.say, text, voice), Kind.TURN, text, cue, after_ms)


def _one_sentence() -> Iterator[Dialogue]:
    for condition, texts in (("complete sentence", COMPLETE), ("extendable sentence", EXTENDABLE)):
        for text in texts:
            for voice in audio.VOICES:
                yield Dialogue(condition, voice, text, (_said(text, voice),))


def _pauses() -> Iterator[Dialogue]:
    for pause in PAUSES_MS:
        for where, make, texts in (
            ("in an open clause", audio.hesitating, OPEN),
            ("before it goes on", audio.in_parts, GOES_ON),
            ("before an afterthought", audio.in_parts, AFTERTHOUGHT),
        ):
            for before, after in texts:
                for voice in audio.VOICES:
                    text = f"{before} {after}"
                    sound = Sound(partial(make, before, pause, after, voice), Kind.TURN, text)
                    name = f"{before} | {after}"
                    yield Dialogue(f"pause {pause} ms {where}", voice, name, (sound,))


def _conversations() -> Iterator[Dialogue]:
    rounds = (
        ("what time is it", "set a timer for ten minutes", "cancel the timer"),
        ("what is seven times eight", "what day is it", "tell me a joke"),
    )
    for texts in rounds:
        for voice in audio.VOICES:
            first, *rest = texts
            sounds = [_said(first, voice)]
            sounds += [
                _said(text, voice, Cue.ANSWERED, 300 + 350 * n) for n, text in enumerate(rest)
            ]
            yield Dialogue("conversation", voice, first, tuple(sounds))


def _recordings() -> Iterator[Dialogue]:
    for name in audio.clips():
        spoken = Sound(partial(audio.clip, name), Kind.TURN, "")
        yield Dialogue("people, not commands", "human", name, (spoken,))
    for name in audio.clips():
        spoken = Sound(partial(audio.clip, name), Kind.STOP, "", Cue.AUDIBLE, 1100)
        yield Dialogue("barge-in by other speech", "human", name, (spoken,), typed=LONG)


def _assents(voice: str) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    for text in ASSENT:
        yield text, partial(audio.say, text, voice)
    yield HUMMED[0], partial(audio.phones, HUMMED[1], voice)


def _not_meant() -> Iterator[Dialogue]:
    for number, voice in enumerate(audio.VOICES):
        for nth, (text, make) in enumerate(_assents(voice)):
            first = MOMENTS_MS[(number + nth) % 4]
            sounds = (
                Sound(make, Kind.NOTHING, text, Cue.AUDIBLE, first),
                Sound(make, Kind.NOTHING, text, Cue.AUDIBLE, first + 2500),
            )
            yield Dialogue("back-channel", voice, text, sounds, typed=LONG)
    for number, length in enumerate((150, 200, 250, 300, 350)):
        for level in (-6.0, 0.0, 6.0):
            after = MOMENTS_MS[number % 4]
            seed = 10 * number + int(level)
            sounds = (
                _cough(length, level, seed, after),
                _cough(length, level, seed + 100, after + 2000),
                _cough(length - 30, level - 3, seed + 200, after + 2000 + length + 150),
            )
            yield Dialogue("cough", "", f"{length} ms {level:+.0f} dB", sounds, typed=LONG)


def _cough(length: int, level: float, seed: int, after: int) -> Sound:
    make = partial(audio.cough, length, level, seed + 1000)
    return Sound(make, Kind.NOTHING, "(cough)", Cue.AUDIBLE, after)


def _barge_ins() -> Iterator[Dialogue]:
    for moment in MOMENTS_MS:
        for voice in audio.VOICES:
            for text in ("what time is it", "set a timer for ten minutes"):
                said = _said(text, voice, Cue.AUDIBLE, moment)
                yield Dialogue("barge-in", voice, f"{text} at {moment}", (said,), typed=LONG)
            make = partial(audio.say, "stop", voice)
            stop = Sound(make, Kind.STOP, "stop", Cue.AUDIBLE, moment)
            yield Dialogue("barge-in: stop", voice, f"at {moment}", (stop,), typed=LONG)


def _echo() -> Iterator[Dialogue]:
    for level, delay in ECHOES:
        for asked in (LONG, SHORT, "tell me a joke"):
            name = f"{asked} {delay} ms"
            condition = f"echo {level:.0f} dB"
            yield Dialogue(condition, "", name, (), typed=asked, echo=(level, delay))
    for number, (level, delay) in enumerate(ECHOES):
        for nth, voice in enumerate(audio.VOICES):
            text = (COMPLETE[0], EXTENDABLE[0])[(number + nth) % 2]
            condition = f"question, echo {level:.0f} dB"
            name = f"{text} {delay} ms"
            yield Dialogue(condition, voice, name, (_said(text, voice),), echo=(level, delay))
    for number, (level, delay) in enumerate(ECHOES):
        for nth, voice in enumerate(audio.VOICES):
            moment = MOMENTS_MS[(number + nth) % 4]
            name = f"{delay} ms"
            said = _said("what time is it", voice, Cue.AUDIBLE, moment)
            condition = f"barge-in over echo {level:.0f} dB"
            yield Dialogue(condition, voice, name, (said,), typed=LONG, echo=(level, delay))
            assent = Sound(
                partial(audio.say, "okay", voice), Kind.NOTHING, "okay", Cue.AUDIBLE, moment
            )
            condition = f"back-channel over echo {level:.0f} dB"
            yield Dialogue(condition, voice, name, (assent,), typed=LONG, echo=(level, delay))


def _noise() -> Iterator[Dialogue]:
    for snr in NOISES_DB:
        for text in (*COMPLETE[:4], EXTENDABLE[0]):
            for voice in audio.VOICES:
                said = (_said(text, voice),)
                yield Dialogue(f"noise {snr:.0f} dB", voice, text, said, snr_db=snr)
        for voice in audio.VOICES:
            before, after = OPEN[0]
            make = partial(audio.hesitating, before, 600, after, voice)
            said = (Sound(make, Kind.TURN, f"{before} {after}"),)
            yield Dialogue(f"noise {snr:.0f} dB", voice, f"{before} | {after}", said, snr_db=snr)
        for asked in (LONG, SHORT):
            condition = f"answer in noise {snr:.0f} dB"
            yield Dialogue(condition, "", asked, (), typed=asked, snr_db=snr)
        for number, voice in enumerate(audio.VOICES):
            said = (_said("what time is it", voice, Cue.AUDIBLE, MOMENTS_MS[number]),)
            condition = f"barge-in in noise {snr:.0f} dB"
            yield Dialogue(condition, voice, "what time is it", said, typed=LONG, snr_db=snr)

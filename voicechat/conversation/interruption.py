"""Whether a sound during an answer is somebody who wants the floor. PURE.

A cough, a click, an "uh-huh" and the assistant's own voice from the loudspeaker are not. What
counts is evidence: speech that is no echo, for long enough, in words that are more than assent.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import attrs

from voicechat.conversation.backchannel import is_backchannel, is_stop, words_beside
from voicechat.conversation.echo import ECHO_SCORE
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from voicechat.conversation.finished import Words

_MS: Final = INPUT_RATE // 1000
_DOUBT: Final = 96 * _MS
"""So much longer must somebody speak whose words are not surely known: a first word is often a
guess, and assent is known as such only when it is nearly over."""
_SURE_WORDS: Final = 2
_ASSENT: Final = 1000 * _MS
"""Longer than any "uh-huh": who goes on wants the floor."""
_OVER_ECHO: Final = 480 * _MS
"""Where the microphone hears the assistant as well, words are known badly, and echo that goes on
counts as voice for a moment: only so much is somebody for certain."""
_QUIETER: Final = 0.06
"""Energy, beside the loudest of a voice over echo, below which a frame is echo again (-12 dB)."""
_STOP: Final = 128 * _MS
"""Even a stop word takes so long to say."""
_RESUME: Final = 250 * _MS
"""Silence after which it was nothing: the words of one utterance are closer together."""
_SOMETHING: Final = 100 * _MS
"""Evidence that makes an utterance of it when the answer has ended meanwhile."""
_NEW_VOICE: Final = 64 * _MS
"""Evidence behind echo after which the words are listened to without what came before."""


@attrs.frozen
class Answer:
    """The answer that is on its way, or being heard.

    Attributes:
        audible: The user can hear it.
        reopenable: It answers what was said last, and has changed nothing.
        unheard: Nothing of it was heard, as far as is known.
        unsent: Nothing of its speech has left, so that there can be no echo of it.
    """

    audible: bool
    reopenable: bool = False
    unheard: bool = False
    unsent: bool = False


class Verdict(Enum):
    """What to think of the sound so far."""

    WAIT = auto()
    LISTEN = auto()  # only what began at `since` may be somebody: listen to that alone
    DUCK = auto()  # it may be somebody who means it: play softly
    CALM = auto()  # it was nobody so far: play as before
    SOMEBODY = auto()
    NOTHING = auto()


class Suspicion:
    """Follows one sound from its begin.

    Args:
        since: Sample where voice activity began.
        barge_in_ms: How long somebody must speak to be believed.

    Attributes:
        since: Where the speech that is no echo began.
    """

    def __init__(self, since: int, barge_in_ms: float) -> None:
        self.since = since
        self._needed = barge_in_ms * _MS
        self._position = since
        self._evidence = 0
        self._listened = since
        self._assent = False
        self._echoes = False
        self._loudest = 0.0
        self._ducked = False

    def weigh(
        self,
        position: int,
        *,
        voiced: bool,
        paused: int | None,
        answer: bool,
        words: Words | None,
        echo: float,
        energy: float,
    ) -> Verdict:
        """Take in a frame.

        Args:
            position: The sample that it ends at.
            voiced: Whether there is voice in this very frame.
            paused: Samples of silence since the last speech; None before that is certain.
            answer: Whether there is still an answer to interrupt.
            words: Those so far; None when who holds a key down to speak need not be doubted.
            echo: How much the newest audio sounds like the assistant itself, 0…1.
            energy: Mean square of this frame.
        """
        if words is None:
            return Verdict.SOMEBODY
        frame, self._position = position - self._position, position
        if voiced:
            self._add(frame, energy, echo=echo > ECHO_SCORE)
        if self._listened < self.since and self._evidence >= _NEW_VOICE:
            self._listened = self.since
            self._assent = False  # those words were of what is no longer listened to
            return Verdict.LISTEN
        if self._convinced(words, voiced=paused is None, answer=answer):
            return Verdict.SOMEBODY
        if paused is not None and paused >= _RESUME:
            return Verdict.NOTHING
        return self._volume(answer=answer)

    def _volume(self, *, answer: bool) -> Verdict:
        if self._ducked and not self._evidence:
            self._ducked = False
            return Verdict.CALM
        if answer and not self._ducked and self._evidence >= self._needed:
            self._ducked = True
            return Verdict.DUCK
        return Verdict.WAIT

    def _add(self, samples: int, energy: float, *, echo: bool) -> None:
        if echo:
            self._echoes = True
            # What came just before was most likely echo as well.
            self._evidence = self._evidence // 2 if self._evidence >= _NEW_VOICE else 0
            return
        if not self._evidence:
            self.since = self._position - samples
            self._loudest = 0.0
        self._loudest = max(self._loudest, energy)
        if not self._echoes or energy >= self._loudest * _QUIETER:
            self._evidence += samples

    def _convinced(self, words: Words, *, voiced: bool, answer: bool) -> bool:
        if not answer:
            # Nobody is interrupted: it is an utterance like any other.
            return self._evidence >= (self._needed if voiced else _SOMETHING)
        if words.accepted and is_stop(words.text):
            return self._evidence >= min(_STOP, self._needed)
        assent = is_backchannel(words.text)
        if self._echoes:
            # Of words over echo a single frame tells little, so nothing is concluded from the past.
            return self._evidence >= (_ASSENT if assent else max(self._needed, _OVER_ECHO))
        self._assent = self._assent or assent
        if self._assent and not (words.accepted and words_beside(words.text) >= _SURE_WORDS):
            return self._evidence >= _ASSENT
        # In a pause the last word is known as well.
        enough = _SURE_WORDS if voiced else 1
        sure = words.accepted and len(words.text.split()) >= enough
        return self._evidence >= self._needed + (0 if sure else _DOUBT)

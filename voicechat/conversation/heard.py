"""Tells which words of an answer have been heard, from how much of its audio was played. PURE.

The history must hold what the user heard and nothing else: an assistant that believes it has said
what was cut off answers the next question wrongly. So every doubt is settled downwards: a word
counts when all of it was played, and what an unfinished synthesis made counts only where the
engine told where the words are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voicechat.speech.ports import WordMark

_WORD: Final = re.compile(r"\S+")
_AFTER_WORD: Final = ".,;:!?…\"')]}>»”\u2019\N{EN DASH}\N{EM DASH}-"
"""Marks that belong to a word only when what follows it was heard too."""


class HeardMap:
    """Grows with one answer: for each piece `sentence`, then `audio`, then `end_sentence`.

    Positions are computed from what the engine made, not from what has come out of the resampler
    so far: that lags by a varying time, but keeps every sample in its place.

    Args:
        rate: Samples a second of what the client plays: the unit of `heard`.
        tts_rate: Samples a second of the engine: the unit of `audio` and of its word marks.
    """

    def __init__(self, *, rate: int, tts_rate: int) -> None:
        self._rate: Final = rate
        self._tts_rate: Final = tts_rate
        self._made = 0  # samples of the engine, all pieces
        self._searched = 0  # offset in the answer where the next piece is looked for
        # What is settled: at played sample `_ends[i]` the answer is heard up to `_stops[i]`.
        self._ends: list[int] = []
        self._stops: list[int] = []
        # The present piece.
        self._open = False
        self._begin = 0  # where it begins, in samples of the engine
        self._words: list[tuple[int, int]] = []  # each word's begin in the piece, end in the answer
        self._length = 0  # characters
        self._settled = 0  # words whose end is known
        self._marked = False

    def sentence(self, piece: str, answer: str) -> None:
        """A piece of the answer begins to be spoken.

        Args:
            piece: What is spoken; its word marks count characters of it.
            answer: The answer as far as it is known, at least up to the end of the piece. The
                piece is found in it behind the one before, with any white space.

        Raises:
            ValueError: The piece is not in the answer, or the one before has not ended.
        """
        if self._open:
            raise ValueError("the piece before has not ended")
        begin, end = _find(piece, answer, self._searched)
        spoken = _WORD.finditer(piece)
        written = _WORD.finditer(answer, begin, end)
        self._words = [
            (at.start(), to.start() + len(to[0].rstrip(_AFTER_WORD)))
            for at, to in zip(spoken, written, strict=True)
            if to[0].rstrip(_AFTER_WORD)  # a dash alone is no word
        ]
        self._searched = end
        self._length = len(piece)
        self._begin = self._made
        self._settled = 0
        self._marked = False
        self._open = True

    def audio(self, samples: int, words: Iterable[WordMark] = ()) -> None:
        """More audio of the present piece.

        Args:
            samples: How many samples the engine made.
            words: The words that begin in it; their samples count from the begin of the piece.
        """
        self._made += samples
        for mark in words:
            self._marked = True
            # All words before the marked one end where it begins, at the latest.
            begun = bisect_right(self._words, mark.text_offset, key=lambda word: word[0])
            self._settle(max(0, begun - 1), self._position(self._begin + mark.sample))

    def aside(self, samples: int) -> None:
        """Audio that says nothing of the answer comes before what follows of it.

        Args:
            samples: As many as it would be in samples of the engine.
        """
        self._made += samples
        if self._open:
            self._begin += samples

    def end_sentence(self) -> None:
        """All audio of the present piece was made; a piece that never ends is not heard out."""
        end = self._position(self._made)
        count = len(self._words)
        if not self._marked:
            # Where a word ends is a guess by its place in the text, so one word more must be over.
            begin = self._position(self._begin)
            for i in range(1, count - 1):
                following = self._words[i + 1][0]
                guess = begin + -(-(end - begin) * following // self._length)
                self._settle(i, guess)
        self._settle(count, end)
        self._ends.append(max(end, self._ends[-1]) if self._ends else end)
        self._stops.append(self._searched)  # with the punctuation
        self._open = False

    def heard(self, played: int) -> int:
        """How many characters of the answer were heard: whole words.

        The punctuation after the last word counts when the whole piece was heard.

        Args:
            played: Samples of the answer's audio that were played.
        """
        if played <= 0:
            return 0
        known = bisect_right(self._ends, played)
        return self._stops[known - 1] if known else 0

    def _settle(self, words: int, end: int) -> None:
        """The first `words` of the piece are over at `end`, unless known to be earlier."""
        end = max(end, self._ends[-1]) if self._ends else end
        for _, stop in self._words[self._settled : words]:
            self._ends.append(end)
            self._stops.append(stop)
            self._settled += 1

    def _position(self, made: int) -> int:
        """Where a sample of the engine is played; a part of a sample is no sound to wait for."""
        return made * self._rate // self._tts_rate


def _find(piece: str, answer: str, start: int) -> tuple[int, int]:
    """Where `piece` begins and ends in `answer`, at or after `start`."""
    at = answer.find(piece, start)
    if at >= 0:
        return at, at + len(piece)
    pattern = r"\s+".join(re.escape(word) for word in piece.split())
    found = re.compile(pattern).search(answer, start)
    if found is None:
        raise ValueError("the piece is not in what follows of the answer")
    return found.span()

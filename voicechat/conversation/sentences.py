"""Cuts a stream of text into pieces to speak: speech begins before the text ends. PURE.

The first piece may be a clause, because the wait for the first sound is what people feel; after
that whole sentences keep the melody of the voice.
"""

from __future__ import annotations

_ENDS = ".!?…"
_CLAUSE_ENDS = ",;:—"
_CLOSERS = "\"')]\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
_ABBREVIATIONS = frozenset({"mr", "mrs", "ms", "dr", "st", "vs", "e.g", "i.e", "etc", "approx"})
MIN_FIRST_CLAUSE = 24
"""Shortest first clause in characters that is worth speaking alone."""
MAX_PIECE = 300
"""Longest piece in characters: bounds the audio of one synthesis to about half a minute."""


class SentenceSplitter:
    """Takes deltas, gives pieces; together they are the text, up to white space at the seams."""

    def __init__(self) -> None:
        self._buffer = ""
        self._first = True

    def push(self, delta: str) -> list[str]:
        """Add text; the pieces that are now known to be whole."""
        self._buffer += delta
        pieces: list[str] = []
        while (cut := self._cut()) is not None:
            self._take(cut, pieces)
        return pieces

    def flush(self) -> list[str]:
        """No more text comes; what is left."""
        pieces = self.push("")
        self._take(len(self._buffer), pieces)
        return pieces

    def _take(self, cut: int, pieces: list[str]) -> None:
        piece, self._buffer = self._buffer[:cut].strip(), self._buffer[cut:]
        if piece:
            pieces.append(piece)
            self._first = False

    def _cut(self) -> int | None:
        """Where the first whole piece of the buffer ends, or None while that is not known."""
        text = self._buffer
        for i, char in enumerate(text):
            if i >= MAX_PIECE:
                break
            if char == "\n":
                return i + 1
            if char in _ENDS and (end := self._sentence_end(i)) is not None:
                return end
            if (
                self._first
                and char in _CLAUSE_ENDS
                and i >= MIN_FIRST_CLAUSE
                and text[i + 1 : i + 2].isspace()
            ):
                return i + 1
        if len(text) <= MAX_PIECE:
            return None
        space = text.rfind(" ", 1, MAX_PIECE)
        return MAX_PIECE if space < 0 else space

    def _sentence_end(self, i: int) -> int | None:
        """The end of the sentence whose final mark is at `i`; None if it is none, or not yet."""
        text = self._buffer
        end = i + 1
        while end < len(text) and text[end] in _CLOSERS + _ENDS:
            end += 1
        # White space must follow: "2.5" and "3.05" are one word, and a stream may stop after "2.".
        if end >= len(text) or not text[end].isspace():
            return None
        if text[i] == ".":
            word = text[:i].rsplit(None, 1)[-1:] or [""]
            if word[0].lower().lstrip("(\"'") in _ABBREVIATIONS:
                return None
        return end

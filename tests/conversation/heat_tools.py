"""A gate that gets hot and cool again in the middle of answers, and what must be right then."""

from __future__ import annotations

import re
from contextlib import aclosing

import attrs

from tests.fakes import ToneSynthesizer
from voicechat.errors import EngineFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.conversation import ResponseComplete, StreamDelta
from voicechat.protocol.messages.thermal import ThermalState
from voicechat.thermal.gate import InferenceGate
from voicechat.thermal.ladder import LIMITS
from voicechat.thermal.slot import Owner

COOL = ThermalState.NORMAL
CHAR = 800  # samples of a character, as the tone synthesizer speaks at 16 kHz


class Oven:
    """A gate, its owner, and whether the owner waits."""

    def __init__(self, slots=2):
        self.gate = InferenceGate(slots)
        self.owner = Owner(self.gate, "test", on_wait=self._on_wait)
        self.waits = self.waited = 0

    def _on_wait(self, begins):
        self.waits += 1 if begins else -1
        self.waited += begins
        assert self.waits >= 0

    def become(self, state):
        self.gate.limit(LIMITS[state])

    @property
    def clean(self):
        return (self.gate.occupied, self.gate.waiting, self.waits) == (0, 0, 0)


def audio(emit, turn):
    """All of a turn's audio, which must be without a hole, in order, and have one end."""
    frames = [frame for frame in emit.of(AudioFrame) if frame.stream == turn]
    position = 0
    for seq, frame in enumerate(frames):
        assert (frame.seq, frame.offset) == (seq, position)
        position += frame.samples
    assert [frame.last for frame in frames[:-1]] == [False] * (len(frames) - 1)
    return b"".join(frame.pcm for frame in frames)


def completed(emit, turn):
    """The text of a turn, which must have been told once, and as it was streamed."""
    (done,) = [item for item in emit.of(ResponseComplete) if item.turn == turn]
    assert "".join(item.text for item in emit.of(StreamDelta) if item.turn == turn) == done.text
    return done.text


def heard_words(sentences, samples):
    """What was heard after so many samples: a word is over where the next one begins."""
    words, at = [], 0
    for sentence in sentences:
        found = list(re.finditer(r"\S+", sentence))
        for word, following in zip(found, [*found[1:], None], strict=True):
            end = len(sentence) if following is None else following.start()
            if (at + end) * CHAR <= samples:
                words.append(word[0].strip(".,:!?"))
        at += len(sentence)
    return words


def words_of(text):
    return [word.strip(".,:!?") for word in text.split()]


@attrs.define
class BreakingSynthesizer(ToneSynthesizer):
    """Fails as engines do after `chunks` of all its speech, once."""

    chunks: int = 0

    async def _chunks(self, text):
        async with aclosing(ToneSynthesizer._chunks(self, text)) as chunks:
            async for chunk in chunks:
                if self.chunks == 0:
                    self.chunks = -1
                    raise EngineFailed("The voice has gone.")
                self.chunks -= 1
                yield chunk

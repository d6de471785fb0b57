"""The process in which pocketsphinx decodes: it holds the GIL for as long as it works.

Utterances take turns, one piece of audio each, so that many make progress at once. Each has a pair
of decoders: one follows the grammar, one hears any phones (see `voicechat.speech.stt.rejection`).
"""

from __future__ import annotations

import math
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from pocketsphinx import Decoder, get_model_path

from voicechat.speech.stt.channel import ChannelMean
from voicechat.speech.stt.denoise import Denoiser
from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.letters import pronounce
from voicechat.speech.stt.rejection import Segment, confidence
from voicechat.speech.worker_child import Frame, Kind, ParentLink, run

if TYPE_CHECKING:
    from collections.abc import Collection

MODEL = "en-us"

SHIFT = 1024  # pocketsphinx keeps log-likelihoods divided by 2**SENSCR_SHIFT
TINIEST = 1e-300  # of a likelihood that was exponentiated down to zero

UPDATE = 3200  # bytes: the channel's mean is renewed each 100 ms

Dictionary = dict[str, list[str]]
"""Words with their alternative pronunciations."""


def bundled_dictionary(words: Collection[str] | None = None) -> Dictionary:
    """What the dictionary that comes with the model says about `words` (None: all 130,000)."""
    entries: Dictionary = {}
    with Path(get_model_path(f"{MODEL}/cmudict-{MODEL}.dict")).open(encoding="utf-8") as lines:
        for line in lines:
            word, _, phones = line.partition(" ")
            name = word.partition("(")[0]  # alternates are written "word(2)"
            if words is None or name in words:
                entries.setdefault(name, []).append(phones.strip())
    return entries


def grammar_dictionary(grammar: Grammar) -> tuple[Dictionary, list[str]]:
    """Only the grammar's words, which loads fast and keeps the decoder small; and those guessed."""
    words = grammar.words()
    chosen = bundled_dictionary(words)
    chosen |= {word: [phones] for word, phones in grammar.pronunciations.items() if word in words}
    guessed = sorted(words - chosen.keys())
    if guessed:
        known = {word: alternatives[0] for word, alternatives in bundled_dictionary().items()}
        chosen |= {word: [pronounce(word, known)] for word in guessed}
    return chosen, guessed


class DecoderPair:
    """Two decoders that hear the same audio; used by one utterance after the other."""

    def __init__(self, grammar: Grammar, dictionary: Dictionary) -> None:
        # The passes after the first cost 160 ms at the end of an utterance and gain nothing here.
        common = {"loglevel": "FATAL", "bestpath": False, "fwdflat": False, "dict": os.devnull}
        self._words = Decoder(lm=None, **common)
        for word, alternatives in dictionary.items():
            for number, phones in enumerate(alternatives, 1):
                self._words.add_word(word if number == 1 else f"{word}({number})", phones, False)
        self._words.add_jsgf_string("grammar", grammar.jsgf)
        self._words.activate_search("grammar")
        self._phones = Decoder(
            lm=None,
            allphone=get_model_path(f"{MODEL}/{MODEL}-phone.lm.bin"),
            lw=2.0,
            pip=0.3,
            beam=1e-20,
            pbeam=1e-20,
            **common,
        )
        self._both = (self._words, self._phones)
        self._denoiser = Denoiser()
        self._mean = ChannelMean()
        self._since_update = 0  # bytes

    def start(self) -> None:
        """Begin an utterance, as if it were the first."""
        self._denoiser = Denoiser()
        self._mean = ChannelMean()
        self._since_update = 0
        for decoder in self._both:
            decoder.set_cmn(str(self._mean))
            decoder.start_utt()

    def decode(self, pcm: bytes) -> str:
        """Go on; return the words so far."""
        self._process(self._denoiser.feed(pcm))
        return self._text()

    def so_far(self) -> tuple[str, float | None]:
        """The words of the audio so far, and how surely they are in the grammar."""
        text = self._text()
        return text, confidence(*map(_segments, self._both)) if text else None

    def end(self) -> tuple[str, float | None]:
        """End the utterance; return its words and how surely they are in the grammar."""
        self._process(self._denoiser.finish())
        for decoder in self._both:
            decoder.end_utt()
        return self.so_far()

    def _process(self, pcm: bytes) -> None:
        while pcm:  # cut at the same places however the audio came
            part, pcm = pcm[: UPDATE - self._since_update], pcm[UPDATE - self._since_update :]
            for decoder in self._both:
                decoder.process_raw(part)
            self._since_update += len(part)
            if self._since_update == UPDATE:
                self._since_update = 0
                self._mean.update(self._words.get_cmn(True), self._words.n_frames())
                for decoder in self._both:
                    decoder.set_cmn(str(self._mean))

    def _text(self) -> str:
        hypothesis = self._words.hyp()
        return hypothesis.hypstr if hypothesis else ""


def _segments(decoder: Any) -> list[Segment]:
    return [
        Segment(
            start=s.start_frame,
            end=s.end_frame,
            speech=s.word[0] not in "<[+(" and s.word != "SIL",
            likelihood=math.log(max(s.ascore, TINIEST)) * SHIFT,
        )
        for s in decoder.seg() or ()
        if s.end_frame >= s.start_frame  # null transitions of the grammar take no time
    ]


@attrs.define(eq=False)
class _Stream:
    """An utterance in progress."""

    request: int
    decoders: DecoderPair
    waiting: deque[bytes] = attrs.field(factory=deque)  # the parent bounds what is in flight
    asked: bool = False
    ended: bool = False
    text: str = ""
    taken: int = 0  # bytes


class Recognizer:
    """All utterances, and the decoders that are free."""

    def __init__(self, link: ParentLink, grammar: Grammar, dictionary: Dictionary) -> None:
        self._link = link
        self._grammar = grammar
        self._dictionary = dictionary
        self._streams: dict[int, _Stream] = {}
        self._free = [DecoderPair(grammar, dictionary)]

    def serve(self) -> None:
        """Decode until the parent is gone (EOFError)."""
        while True:
            busy = [s for s in self._streams.values() if s.waiting or s.asked or s.ended]
            self._take(self._link.poll(0 if busy else None))
            for stream in busy:
                if stream.request in self._streams:  # not aborted meanwhile
                    self._advance(stream)

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.kind is Kind.OPEN:
                pair = self._free.pop() if self._free else self._another()
                pair.start()
                self._streams[frame.request] = _Stream(frame.request, pair)
            elif stream := self._streams.get(frame.request):
                if frame.kind is Kind.AUDIO:
                    stream.waiting.append(frame.payload)
                elif frame.kind is Kind.ASK:
                    stream.asked = True
                elif frame.kind is Kind.END:
                    stream.ended = True
                elif frame.kind is Kind.ABORT:
                    stream.decoders.end()
                    self._release(stream)

    def _another(self) -> DecoderPair:
        return DecoderPair(self._grammar, self._dictionary)

    def _release(self, stream: _Stream) -> None:
        del self._streams[stream.request]
        self._free.append(stream.decoders)

    def _advance(self, stream: _Stream) -> None:
        """Decode one piece of audio, or tell how it stands, or finish."""
        try:
            if stream.waiting:
                pcm = stream.waiting.popleft()
                text = stream.decoders.decode(pcm)
                stream.taken += len(pcm)
                if text != stream.text:
                    stream.text = text
                    event = {"text": text, "taken": stream.taken}
                    self._link.send(Frame.of(Kind.EVENT, stream.request, event))
                self._link.send(Frame(Kind.TAKEN, stream.request))  # last: all of it is told
            elif stream.asked:
                stream.asked = False
                text, sureness = stream.decoders.so_far()
                answer = {"text": text, "confidence": sureness, "taken": stream.taken}
                self._link.send(Frame.of(Kind.ANSWER, stream.request, answer))
            else:
                text, sureness = stream.decoders.end()
                result = {"text": text, "confidence": sureness}
                self._link.send(Frame.of(Kind.RESULT, stream.request, result))
                self._release(stream)
        except RuntimeError as error:  # of pocketsphinx: these decoders may be broken, others not
            del self._streams[stream.request]
            self._link.send(Frame.of(Kind.FAILED, stream.request, str(error)))


def main(link: ParentLink, configuration: Any) -> None:
    """Serve with `configuration`: the attributes of a `Grammar`."""
    grammar = Grammar(**configuration)
    dictionary, guessed = grammar_dictionary(grammar)
    recognizer = Recognizer(link, grammar, dictionary)
    link.send(Frame.of(Kind.READY, 0, {"guessed": guessed}))
    recognizer.serve()


if __name__ == "__main__":
    run(main)

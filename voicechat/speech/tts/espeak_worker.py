"""The process in which espeak-ng lives: its licence is the GPL and its state is global.

Only this program loads the library, and nothing imports this module; the package talks to it over
pipes. It speaks one text after the other, in the order in which they come.
"""

from __future__ import annotations

import ctypes as c
from collections import deque
from typing import Any

import espeakng_loader

from voicechat.speech.worker_child import Frame, Kind, ParentLink, run

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: the callback gets the audio, espeak_Synth returns at the end
DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
UTF8, END_PAUSE = 1, 0x1000  # flags of espeak_Synth
POSITION_CHARACTER = 1
EVENT_END, EVENT_WORD = 0, 1
RATE, VOLUME, PITCH = 1, 2, 3  # espeak_PARAMETER
BUFFER_MS = 60  # audio per callback: soon heard, soon aborted


class _EventId(c.Union):
    _fields_ = (("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8))


class _Event(c.Structure):
    _fields_ = (
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    )


class _Voice(c.Structure):
    _fields_ = (
        ("name", c.c_char_p),
        ("languages", c.c_void_p),  # of each: a byte of priority, the name, a zero; then a zero
        ("identifier", c.c_char_p),
        ("gender", c.c_ubyte),
        ("age", c.c_ubyte),
        ("variant", c.c_ubyte),
        ("xx1", c.c_ubyte),
        ("score", c.c_int),
        ("spare", c.c_void_p),
    )


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


class Espeak:
    """The library, and the queue of texts that it is to speak."""

    def __init__(self, link: ParentLink) -> None:
        self._link = link
        self._waiting: deque[tuple[int, str]] = deque()  # the parent sends one at a time
        self._speaking = 0
        self._aborted = False
        self._error: BaseException | None = None
        self._library = c.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            c.c_void_p,
            c.c_size_t,
            c.c_uint,
            c.c_int,
            c.c_uint,
            c.c_uint,
            c.POINTER(c.c_uint),
            c.c_void_p,
        ]
        self._library.espeak_ListVoices.restype = c.POINTER(c.POINTER(_Voice))
        self.sample_rate: int = self._library.espeak_Initialize(
            SYNCHRONOUS, BUFFER_MS, espeakng_loader.get_data_path().encode(), DONT_EXIT
        )
        self._callback = _Callback(self._on_audio)  # kept: the library has only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)

    def voices(self) -> list[str]:
        """Names of the languages that `configure` takes as a voice."""
        names: set[str] = set()
        listed = self._library.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            address = listed[index].contents.languages
            while c.string_at(address, 1) != b"\0":
                name = c.string_at(address + 1)
                names.add(name.decode())
                address += len(name) + 2
            index += 1
        return sorted(names)

    def configure(self, voice: str, rate: int, pitch: int, volume: int) -> None:
        """Set the voice (which must be one of `voices`) and how it speaks."""
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((RATE, rate), (PITCH, pitch), (VOLUME, volume)):
            self._library.espeak_SetParameter(parameter, value, 0)

    def serve(self) -> None:
        """Speak what the parent asks for, until it is gone (EOFError)."""
        while True:
            self._take(self._link.poll(None if not self._waiting else 0))
            if self._waiting:
                self._speaking, text = self._waiting.popleft()
                self._speak(text)
                self._speaking = 0

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.kind is Kind.OPEN:
                self._waiting.append((frame.request, frame.json()["text"]))
            elif frame.kind is Kind.ABORT:
                self._aborted = self._aborted or frame.request == self._speaking
                self._waiting = deque(item for item in self._waiting if item[0] != frame.request)

    def _speak(self, text: str) -> None:
        self._aborted = False
        data = text.encode() + b"\0"
        status = self._library.espeak_Synth(
            data, len(data), 0, POSITION_CHARACTER, 0, UTF8 | END_PAUSE, None, None
        )
        if self._error is not None:  # the pipe broke inside the callback, which cannot raise
            raise self._error
        if not self._aborted:
            kind = Kind.RESULT if status == 0 else Kind.FAILED
            self._link.send(Frame.of(kind, self._speaking, None))

    def _on_audio(self, samples: Any, count: int, events: Any) -> int:
        """Pass on a piece of audio and the words that it reports; 1 tells the library to stop."""
        try:
            self._take(self._link.poll(0))
            if self._aborted:
                return 1
            words = []
            index = 0
            while events[index].type != EVENT_END:
                event = events[index]
                if event.type == EVENT_WORD:
                    words.append((event.text_position - 1, event.length, event.sample))
                index += 1
            if words:
                self._link.send(Frame.of(Kind.EVENT, self._speaking, words))
            if samples and count > 0:
                self._link.send(Frame(Kind.AUDIO, self._speaking, c.string_at(samples, 2 * count)))
        except (EOFError, BrokenPipeError) as error:
            self._error = error
            return 1
        return 0


def main(link: ParentLink, configuration: Any) -> None:
    """Serve with `configuration`: voice, rate, pitch and volume."""
    espeak = Espeak(link)
    voices = espeak.voices()
    if configuration["voice"] in voices:
        espeak.configure(**configuration)
    link.send(Frame.of(Kind.READY, 0, {"sample_rate": espeak.sample_rate, "voices": voices}))
    espeak.serve()


if __name__ == "__main__":
    run(main)

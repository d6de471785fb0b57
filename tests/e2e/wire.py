"""What passes between page and server, over all sockets of a page, and that all of it is heard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from voicechat.protocol.frames import AudioFrame, FrameKind, unpack

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket

NEAR = 1
"""The page keeps what it plays as floats in between: a sample may come back one step off."""
FEW, MANY = 100, 2000
"""So many samples that fit are worth a closer look; so many tell that speech goes on here."""

FADE = 400
"""So many samples the page takes to fall silent where it has none; some may look like speech."""


@attrs.define(eq=False, slots=False)  # Playwright marks whoever listens
class Wire:
    """Listens to a page; `watch` it before it is loaded.

    Attributes:
        sockets: How many it has opened.
        received: Messages of the server, in order.
        speech: Frames of the server, in order.
        sent: Messages of the page, in order; those that never arrived too.
    """

    sockets: int = 0
    received: list[dict[str, Any]] = attrs.field(factory=list)
    speech: list[AudioFrame] = attrs.field(factory=list)
    sent: list[dict[str, Any]] = attrs.field(factory=list)

    def watch(self, page: Page) -> None:
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.sockets += 1
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self.received.append(json.loads(payload))
        else:
            self.speech.append(unpack(payload, FrameKind.SPEECH))

    def _sent(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self.sent.append(json.loads(payload))

    def messages(self, kind: str) -> list[dict[str, Any]]:
        """What the server has sent of one type."""
        return [message for message in self.received if message["type"] == kind]

    def numbers(self) -> list[int]:
        """The numbers of the session's messages and frames, in order of each kind."""
        texts = [
            message["seq"]
            for message in self.received
            if message["type"] != "session_restored" and message.get("seq") is not None
        ]
        return texts + [frame.seq for frame in self.speech]

    def spoken(self, turn: int) -> np.ndarray:
        """All speech of a turn, put where it belongs; int16."""
        frames = [frame for frame in self.speech if frame.stream == turn]
        whole = np.zeros(max(frame.offset + frame.samples for frame in frames), dtype=np.int16)
        there = np.zeros(len(whole), dtype=bool)
        for frame in frames:
            place = slice(frame.offset, frame.offset + frame.samples)
            whole[place] = np.frombuffer(frame.pcm, dtype="<i2")
            there[place] = True
        assert there.all(), "the server has left out some of its speech"
        return whole


def pauses(heard: np.ndarray, spoken: np.ndarray) -> int:
    """How many samples of silence `heard` has that `spoken` has not.

    Fails where anything else differs: a sample that is missing, or there twice.
    """
    heard, spoken = heard.astype(int), spoken.astype(int)
    at = to = silent = 0
    while True:
        both = min(len(heard) - at, len(spoken) - to)
        differs = np.abs(heard[at : at + both] - spoken[to : to + both]) > NEAR
        if not differs.any():
            break
        at, to = at + int(differs.argmax()), to + int(differs.argmax())
        silence = goes_on(heard[at:], spoken[to : to + MANY])
        assert silence is not None, f"what follows sample {to} of {len(spoken)} was not heard"
        assert not heard[at : at + silence][FADE:-FADE].any(), f"sample {to} was not the next"
        at, silent = at + silence, silent + silence
    assert both == len(spoken) - to, f"only {to + both} of {len(spoken)} samples were heard"
    return silent


def goes_on(heard: np.ndarray, words: np.ndarray) -> int | None:
    """Where in `heard` these begin."""
    windows = np.lib.stride_tricks.sliding_window_view(heard, min(FEW, len(words)))
    near = (np.abs(windows - words[: windows.shape[1]]) <= NEAR).all(axis=1)
    for place in np.flatnonzero(near):
        here = heard[place : place + len(words)]
        if len(here) == len(words) and (np.abs(here - words) <= NEAR).all():
            return int(place)
    return None

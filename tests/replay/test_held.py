"""A recogniser in virtual time works beside the session, and tells at moments that never differ."""

from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from voicechat.replay import held as held_module
from voicechat.replay.held import HeldSpeechToText, Latencies
from voicechat.replay.hold import Hold
from voicechat.speech.ports import Transcript

LATENCIES = Latencies(feed=0.001, partial=0.002, final=0.005)


@attrs.define
class Decoder:
    """Takes real time for each piece of audio, and says so when it has done it."""

    on_partial: object
    nursery: trio.Nursery
    really_s: float
    fed: int = 0
    done: int = 0
    decoded: trio.Event = attrs.field(factory=trio.Event)

    async def feed(self, pcm):
        self.fed += len(pcm)
        self.nursery.start_soon(self._decode, self.fed)

    async def _decode(self, fed):
        await trio.to_thread.run_sync(trio.run, trio.sleep, self.really_s)
        self.done = max(self.done, fed)
        self.on_partial(f"{self.done} bytes")
        if self.done == self.fed:
            self.decoded.set()
            self.decoded = trio.Event()

    async def caught_up(self):
        while self.done < self.fed:
            await self.decoded.wait()

    async def partial(self):
        await self.caught_up()
        return Transcript(f"{self.done} bytes")

    finish = partial


@attrs.define
class Recognizer:
    nursery: trio.Nursery
    really_s: float
    decoder: Decoder | None = None

    @asynccontextmanager
    async def open(self, on_partial):
        self.decoder = Decoder(on_partial, self.nursery, self.really_s)
        yield self.decoder


@pytest.fixture(autouse=True)
def _few_beside(monkeypatch):
    monkeypatch.setattr(held_module, "_MOST_BESIDE", 2)


def told(really_s):
    """When which partial transcripts are told, and which audio was decoded after each call."""
    clock = trio.testing.MockClock()
    hold = Hold(clock)
    texts, done = [], []

    async def main():
        async with trio.open_nursery() as nursery:
            inner = Recognizer(nursery, really_s)
            stt = HeldSpeechToText(inner, hold, LATENCIES)
            begun = trio.current_time()

            def on_partial(text):
                texts.append((round(trio.current_time() - begun, 6), text))

            async with stt.open(on_partial) as utterance:
                for _ in range(4):
                    await utterance.feed(bytes(100))
                    done.append(inner.decoder.done)
                await utterance.partial()
                done.append(inner.decoder.done)
                await utterance.feed(bytes(100))
                assert (await utterance.finish()).text == "500 bytes"
        return texts

    return trio.run(main, clock=clock), done


@pytest.mark.requirement("V-12")
@pytest.mark.parametrize("really_s", [0.0, 0.03])
def test_partial_transcripts_are_told_at_the_same_moments_on_any_machine(really_s):
    texts, _ = told(really_s)
    assert texts == [
        (0.002, "200 bytes"),
        (0.004, "400 bytes"),  # when it was asked
        (0.007, "500 bytes"),
    ]


def test_the_session_goes_on_while_audio_is_decoded():
    _, done = told(0.1)
    assert done == [0, 0, 200, 200, 400]

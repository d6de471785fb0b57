"""What every recogniser promises; a new adapter is one more line in `ADAPTERS`."""

from __future__ import annotations

import pytest
import trio

from voicechat.speech.ports import Transcript
from voicechat.speech.stt.pocketsphinx import PocketSphinxRecognizer

ADAPTERS = {"pocketsphinx": PocketSphinxRecognizer}


@pytest.fixture(params=ADAPTERS)
def adapter(request, grammar):
    return ADAPTERS[request.param](grammar)


@pytest.mark.requirement("A-1")
async def test_hears_speech(adapter, say):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        partials = []
        async with adapter.open(partials.append) as utterance:
            await utterance.feed(say("what time is it"))
            transcript = await utterance.finish()
        assert isinstance(transcript, Transcript)
        assert transcript.text == "what time is it"
        assert transcript.accepted
        assert partials[-1] == transcript.text
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(640), bytes(64_000)])
async def test_silence_of_any_length_is_nothing_to_answer(adapter, pcm):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        async with adapter.open(lambda _text: None) as utterance:
            if pcm:
                await utterance.feed(pcm)
            assert not (await utterance.finish()).accepted
        nursery.cancel_scope.cancel()


async def test_leaving_early_frees_the_decoder(adapter, say):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        for _ in range(10):  # more than there are decoders
            async with adapter.open(lambda _text: None) as utterance:
                await utterance.feed(say("what time is it"))
        nursery.cancel_scope.cancel()


@pytest.mark.requirement("L-2")
async def test_cancelling_in_the_middle(adapter, say):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        with trio.move_on_after(0.05):
            async with adapter.open(lambda _text: None) as utterance:
                while True:
                    await utterance.feed(say("what time is it"))
        async with adapter.open(lambda _text: None) as utterance:
            await utterance.feed(say("cancel the timer"))
            assert (await utterance.finish()).text == "cancel the timer"
        nursery.cancel_scope.cancel()

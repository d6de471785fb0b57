"""What every recogniser promises; a new adapter is one more line in `ADAPTERS`."""

from __future__ import annotations

import pytest
import trio

from tests.fakes import ScriptedRecognizer
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


FAKE = "fake of other tests"


@pytest.fixture(params=[*ADAPTERS, FAKE])
def hears_time(request, grammar):
    """A recogniser that will hear "what time is it"."""
    if request.param == FAKE:
        return ScriptedRecognizer([Transcript("what time is it", confidence=0.5)], word_s=0.25)
    return ADAPTERS[request.param](grammar)


@pytest.mark.requirement("V-4")
async def test_a_partial_is_of_all_audio_so_far_and_changes_nothing(hears_time, say):
    pcm = say("what time is it")
    async with trio.open_nursery() as nursery:
        await nursery.start(hears_time.run)
        async with hears_time.open(lambda _text: None) as utterance:
            assert (await utterance.partial()).text == ""
            texts = []
            for at in range(0, len(pcm), 1024):
                await utterance.feed(pcm[at : at + 1024])
                first, second = await utterance.partial(), await utterance.partial()
                assert first == second
                texts.append(first.text)
            assert first.text == "what time is it"
            assert first.accepted
            final = await utterance.finish()
        assert final.text == first.text
        assert final.confidence == pytest.approx(first.confidence, abs=0.2)
        assert len(set(texts)) > 2, "they came word by word"
        nursery.cancel_scope.cancel()


async def test_a_partial_that_is_cancelled_harms_nothing(hears_time, say):
    pcm = say("what time is it")
    async with trio.open_nursery() as nursery:
        await nursery.start(hears_time.run)
        async with hears_time.open(lambda _text: None) as utterance:
            for at in range(0, len(pcm), 3200):
                await utterance.feed(pcm[at : at + 3200])
                with trio.move_on_after(0):
                    await utterance.partial()
            assert (await utterance.partial()).text == "what time is it"
            assert (await utterance.finish()).text == "what time is it"
        nursery.cancel_scope.cancel()

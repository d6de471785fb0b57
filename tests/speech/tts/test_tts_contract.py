"""What every synthesiser promises; a new adapter is one more line in `ADAPTERS`."""

from __future__ import annotations

import numpy as np
import pytest
import trio

from voicechat.speech.tts.espeak import EspeakSynthesizer

ADAPTERS = {"espeak": EspeakSynthesizer}
TEXT = "The timer rings at half past nine, and it is ten now."


@pytest.fixture(params=ADAPTERS)
def adapter(request):
    return ADAPTERS[request.param]()


def same(one, other, rate) -> bool:
    """Equal in words and, within 5 ms, in time; breath is random in any good voice."""
    a, b = ([mark for chunk in chunks for mark in chunk.words] for chunks in (one, other))
    lengths = [sum(len(chunk.pcm) for chunk in chunks) / 2 for chunks in (one, other)]
    return (
        [(m.text_offset, m.length) for m in a] == [(m.text_offset, m.length) for m in b]
        and all(abs(m.sample - n.sample) < 0.005 * rate for m, n in zip(a, b, strict=True))
        and abs(lengths[0] - lengths[1]) < 0.005 * rate
    )


async def spoken(adapter, text) -> list:
    async with adapter.speak(text) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.requirement("A-1")
async def test_speaks_in_chunks_of_sound(adapter):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        assert 8_000 <= adapter.sample_rate <= 48_000
        chunks = await spoken(adapter, TEXT)
        nursery.cancel_scope.cancel()
    assert len(chunks) > 3
    assert all(chunk.pcm and len(chunk.pcm) % 2 == 0 for chunk in chunks)
    audio = np.frombuffer(b"".join(chunk.pcm for chunk in chunks), np.int16).astype(float)
    assert 2.0 < len(audio) / adapter.sample_rate < 6.0
    assert np.sqrt(np.mean(audio**2)) > 500


async def test_the_same_text_sounds_the_same(adapter):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        first = await spoken(adapter, TEXT)
        await spoken(adapter, "something else")
        assert same(await spoken(adapter, TEXT), first, adapter.sample_rate)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
async def test_blank_text_is_silent(adapter, text):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        assert await spoken(adapter, text) == []
        nursery.cancel_scope.cancel()


@pytest.mark.requirement("V-8")
async def test_words_are_marked_where_they_are(adapter):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        chunks = await spoken(adapter, TEXT)
        nursery.cancel_scope.cancel()
    marks = [mark for chunk in chunks for mark in chunk.words]
    if not marks:
        pytest.skip("this synthesiser reports no words")
    words = [TEXT[mark.text_offset :][: mark.length] for mark in marks]
    assert words == TEXT.replace(",", "").replace(".", "").split()
    start = 0
    for chunk in chunks:
        end = start + len(chunk.pcm) // 2
        assert all(start <= mark.sample < end for mark in chunk.words)
        start = end


@pytest.mark.requirement("L-2")
async def test_leaving_early_frees_it_for_the_next(adapter):
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        expected = await spoken(adapter, "short")
        for _ in range(5):
            async with adapter.speak(TEXT * 20) as chunks:
                await anext(chunks)
        with trio.fail_after(2):
            assert same(await spoken(adapter, "short"), expected, adapter.sample_rate)
        nursery.cancel_scope.cancel()


async def test_several_speak_at_once(adapter):
    texts = [f"this is number {i}" for i in range(6)]
    alone, together = {}, {}
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run)
        for text in texts:
            alone[text] = await spoken(adapter, text)

        async def one(text):
            together[text] = await spoken(adapter, text)

        async with trio.open_nursery() as speakers:
            for text in texts:
                speakers.start_soon(one, text)
        nursery.cancel_scope.cancel()
    assert all(same(together[text], alone[text], adapter.sample_rate) for text in texts)

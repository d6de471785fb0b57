"""espeak-ng in its own process: settings, long texts, aborting, dying."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import structlog
import trio

from voicechat.errors import EngineFailed, SettingError
from voicechat.speech.tts.espeak import EspeakSynthesizer

LONG = "A sentence that goes on, and on, and never comes to its end. " * 40


@asynccontextmanager
async def running(**options):
    synthesizer = EspeakSynthesizer(**options)
    async with trio.open_nursery() as nursery:
        await nursery.start(synthesizer.run)
        yield synthesizer
        nursery.cancel_scope.cancel()


async def spoken(synthesizer, text) -> list:
    async with synthesizer.speak(text) as chunks:
        return [chunk async for chunk in chunks]


def seconds(chunks, synthesizer) -> float:
    return sum(len(chunk.pcm) for chunk in chunks) / 2 / synthesizer.sample_rate


def worker() -> psutil.Process:
    [child] = [p for p in psutil.Process().children() if "espeak_worker" in " ".join(p.cmdline())]
    return child


def test_the_library_stays_out_of_this_process():
    program = (
        "import sys, voicechat.speech.tts.espeak\n"
        "assert not [m for m in sys.modules if 'espeakng' in m or 'espeak_worker' in m]\n"
        "assert 'espeak-ng' not in open('/proc/self/maps').read()\n"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root, timeout=60)


async def test_rate_of_speech():
    durations = {}
    for rate in (100, 175, 300):
        async with running(rate=rate) as synthesizer:
            durations[rate] = seconds(await spoken(synthesizer, LONG[:120]), synthesizer)
    assert durations[100] > 1.3 * durations[175] > 1.3 * 1.3 * durations[300]


async def test_pitch_volume_and_voice_change_the_sound():
    heard = set()
    for options in ({}, {"pitch": 80}, {"volume": 30}, {"voice": "de"}, {"voice": "en-us"}):
        async with running(**options) as synthesizer:
            heard.add(b"".join(c.pcm for c in await spoken(synthesizer, "a quarter past nine")))
    assert len(heard) == 5


@pytest.mark.parametrize(
    ("options", "key"),
    [({"rate": 79}, "rate = 79"), ({"pitch": 101}, "pitch = 101"), ({"volume": -1}, "volume = -1")],
)
def test_a_number_out_of_range_is_named(options, key):
    with pytest.raises(SettingError, match=key):
        EspeakSynthesizer(**options)


@pytest.mark.parametrize("voice", ["klingon", "", "../../etc/passwd", "en\0de"])
async def test_an_unknown_voice_is_named_with_what_is_allowed(voice):
    with structlog.testing.capture_logs():
        async with trio.open_nursery() as nursery:
            with pytest.raises(SettingError) as caught:
                await nursery.start(EspeakSynthesizer(voice=voice).run)
    assert repr(voice) in caught.value.message
    assert "languages, such as: " in caught.value.suggested_action


def test_the_rate_is_unknown_before_it_runs():
    with pytest.raises(EngineFailed):
        _ = EspeakSynthesizer().sample_rate


@pytest.mark.requirement("V-6")
async def test_audio_comes_before_the_text_is_finished():
    async with running() as synthesizer:
        await spoken(synthesizer, "warm up")
        begun = trio.current_time()
        async with synthesizer.speak(LONG) as chunks:
            await anext(chunks)
            first = trio.current_time() - begun
            async for _ in chunks:
                pass
            everything = trio.current_time() - begun
    assert first < everything / 4


async def test_marks_of_a_long_text_go_on_counting():
    text = "one two three, four five six. " * 50
    async with running() as synthesizer:
        chunks = await spoken(synthesizer, text)
    marks = [mark for chunk in chunks for mark in chunk.words]
    words = [text[mark.text_offset :][: mark.length] for mark in marks]
    assert words == text.replace(",", "").replace(".", "").split()
    samples = [mark.sample for mark in marks]
    assert samples == sorted(set(samples))
    assert samples[-1] < sum(len(chunk.pcm) for chunk in chunks) // 2


@pytest.mark.parametrize(
    "text",
    [
        "naïve café, 3.14 €",
        "日本 and 😀",
        "a\0b",
        "<b>not</b> markup [[nor]] this",
        "...",
        pytest.param("one \ud800 two", id="surrogate"),
    ],
)
async def test_strange_text(text):
    async with running() as synthesizer:
        chunks = await spoken(synthesizer, text)
    marks = [mark for chunk in chunks for mark in chunk.words]
    assert all(text[mark.text_offset :][: mark.length].strip() for mark in marks)
    assert seconds(chunks, synthesizer) > 0


async def test_a_slow_listener_does_not_hold_up_the_others():
    async with running() as synthesizer, synthesizer.speak(LONG) as chunks:
        await anext(chunks)
        with trio.fail_after(2):
            assert await spoken(synthesizer, "somebody else")


async def test_an_abort_ends_the_work_in_the_child():
    async with running() as synthesizer:
        await spoken(synthesizer, "warm up")
        begun = trio.current_time()
        for _ in range(30):
            async with synthesizer.speak(LONG) as chunks:
                await anext(chunks)
        await spoken(synthesizer, "short")
        aborted = trio.current_time() - begun
        begun = trio.current_time()
        for _ in range(5):
            await spoken(synthesizer, LONG)
        completed = trio.current_time() - begun
    assert aborted / 30 < completed / 5


@pytest.mark.requirement("L-4")
async def test_speech_goes_on_when_the_process_is_killed():
    async with running() as synthesizer:
        expected = await spoken(synthesizer, LONG)
        with structlog.testing.capture_logs(), trio.fail_after(20):
            chunks = []
            async with synthesizer.speak(LONG) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    if len(chunks) == 30:
                        os.kill(worker().pid, signal.SIGKILL)
        assert seconds(chunks, synthesizer) == pytest.approx(
            seconds(expected, synthesizer), rel=0.001
        )
    marked = [[m.text_offset for c in all_ for m in c.words] for all_ in (chunks, expected)]
    assert marked[0] == marked[1]


@pytest.mark.requirement("L-2")
async def test_no_child_is_left_when_cancelled_while_speaking():
    synthesizer = EspeakSynthesizer()
    async with trio.open_nursery() as nursery:
        await nursery.start(synthesizer.run)
        async with synthesizer.speak(LONG) as chunks:
            await anext(chunks)
            child = worker()
            nursery.cancel_scope.cancel()
    assert not child.is_running()
    with pytest.raises(EngineFailed):
        await spoken(synthesizer, "too late")

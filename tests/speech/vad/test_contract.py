"""What every voice activity detector must do; a new adapter is found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import voicechat.speech.vad

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from voicechat.speech.ports import VoiceActivity, VoiceStream


def adapters() -> list[type[Any]]:
    """Every class of the package that has the port's members."""
    found = []
    for module_info in pkgutil.iter_modules(voicechat.speech.vad.__path__):
        module = importlib.import_module(f"voicechat.speech.vad.{module_info.name}")
        for name, cls in inspect.getmembers(module, inspect.isclass):
            members = all(hasattr(cls, member) for member in ("open", "run", "frame_samples"))
            if members and not name.startswith("_") and cls.__module__ == module.__name__:
                found.append(cls)
    return found


def test_the_adapters_are_found() -> None:
    assert {cls.__name__ for cls in adapters()} >= {"SileroVoiceActivity", "WebRtcVoiceActivity"}


pytestmark = pytest.mark.requirement("V-3")
every_adapter = pytest.mark.parametrize("adapter", adapters(), ids=lambda cls: cls.__name__)


@asynccontextmanager
async def running(adapter: type[Any]) -> AsyncIterator[VoiceActivity]:
    detector: VoiceActivity = adapter()
    async with trio.open_nursery() as nursery:
        await nursery.start(detector.run)
        yield detector
        nursery.cancel_scope.cancel()


def frames(pcm: bytes, detector: VoiceActivity) -> list[bytes]:
    size = 2 * detector.frame_samples
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


async def follow(stream: VoiceStream, pieces: list[bytes]) -> list[float]:
    return [await stream.probability(piece) for piece in pieces]


@every_adapter
async def test_a_frame_is_10_to_64_ms(adapter: type[Any]) -> None:
    async with running(adapter) as detector:
        assert 160 <= detector.frame_samples <= 1024


@every_adapter
async def test_it_hears_every_human_clip(adapter: type[Any], human_clips: dict[str, bytes]) -> None:
    async with running(adapter) as detector:
        for name, pcm in human_clips.items():
            probabilities = await follow(detector.open(), frames(pcm, detector))
            assert all(0.0 <= p <= 1.0 for p in probabilities)
            voiced = sum(p >= 0.5 for p in probabilities) / len(probabilities)
            assert voiced > 0.3, name


@every_adapter
async def test_silence_is_no_speech(adapter: type[Any]) -> None:
    async with running(adapter) as detector:
        stream = detector.open()
        silence = frames(bytes(320_000), detector)
        assert max(await follow(stream, silence)) < 0.35


@every_adapter
async def test_streams_know_nothing_of_each_other(
    adapter: type[Any], human_clips: dict[str, bytes], noises: dict[str, bytes]
) -> None:
    sounds = [*human_clips.values(), *noises.values()]
    async with running(adapter) as detector:
        alone = [await follow(detector.open(), frames(pcm, detector)[:60]) for pcm in sounds]
        together: list[list[float]] = [[] for _ in sounds]

        async def one(index: int) -> None:
            together[index] = await follow(detector.open(), frames(sounds[index], detector)[:60])

        async with trio.open_nursery() as nursery:
            for index in range(len(sounds)):
                nursery.start_soon(one, index)
    for left, right in zip(alone, together, strict=True):
        assert left == pytest.approx(right, abs=1e-4)


@every_adapter
async def test_a_frame_of_another_length_is_the_callers_error(adapter: type[Any]) -> None:
    async with running(adapter) as detector:
        for size in (0, 2 * detector.frame_samples - 2, 2 * detector.frame_samples + 2):
            with pytest.raises(ValueError, match="samples"):
                await detector.open().probability(bytes(size))


@every_adapter
async def test_each_frame_lets_others_run(adapter: type[Any]) -> None:
    async with running(adapter) as detector:
        with trio.testing.assert_checkpoints():
            await detector.open().probability(bytes(2 * detector.frame_samples))


@every_adapter
async def test_a_cancelled_frame_leaves_no_trace(
    adapter: type[Any], human_clips: dict[str, bytes]
) -> None:
    pcm = next(iter(human_clips.values()))
    async with running(adapter) as detector:
        pieces = frames(pcm, detector)
        expected = await follow(detector.open(), pieces)
        stream = detector.open()
        got = []
        for piece in pieces:
            with trio.CancelScope() as scope:
                scope.cancel()
                await stream.probability(b"\x11\x22" * detector.frame_samples)
            assert scope.cancelled_caught
            got.append(await stream.probability(piece))
    assert got == pytest.approx(expected, abs=1e-6)


@every_adapter
async def test_it_can_run_again(adapter: type[Any]) -> None:
    detector: VoiceActivity = adapter()
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            await nursery.start(detector.run)
            await detector.open().probability(bytes(2 * detector.frame_samples))
            nursery.cancel_scope.cancel()

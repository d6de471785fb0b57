"""Prints what the embedded speech engines cost: `python bench/engines.py [--repeats N]`.

Recogniser: real-time factor, round trip of a 20 ms frame, wait at the end of an utterance, memory.
Synthesiser: time to the first audio, real-time factor, time to abort; beside it the flite program.
Needs flite for something to recognise.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import psutil
import structlog
import trio
import trio.lowlevel

from voicechat.speech.stt.grammar import Grammar
from voicechat.speech.stt.pocketsphinx import PocketSphinxRecognizer
from voicechat.speech.tts.espeak import EspeakSynthesizer

JSGF = """#JSGF V1.0 UTF-8 en;
grammar bench;
<one> = one | two | three | four | five | six | seven | eight | nine;
<ten> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;
<number> = <one> | ten | eleven | twelve | <ten> [<one>];
<unit> = second | seconds | minute | minutes | hour | hours;
public <command> = what time is it | set a timer for <number> <unit> | cancel the timer
  | what is <number> (plus | minus | times | divided by) <number> | tell me a joke | stop;
"""
SENTENCES = (
    "what time is it",
    "set a timer for twenty five minutes",
    "what is seven times eight",
    "tell me a joke",
)
REPLY = "It is half past nine, and the timer has another twenty five minutes to go."
FRAME = 640  # bytes: 20 ms
PAUSE = bytes(FRAME * 12)


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def row(name: str, value: float, unit: str) -> None:
    print(f"  {name:<44}{value:>10.3f} {unit}")


def flite(text: str) -> tuple[bytes, float]:
    """PCM and the seconds that the program took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        begun = trio.current_time()
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
        took = trio.current_time() - begun
        with wave.open(str(path)) as wav:
            return wav.readframes(wav.getnframes()), took


def child_memory(module: str) -> float:
    [child] = [p for p in psutil.Process().children() if module in " ".join(p.cmdline())]
    return child.memory_info().rss / 1e6


async def hear(recognizer: PocketSphinxRecognizer, pcm: bytes) -> tuple[float, float]:
    """Seconds of the whole utterance and of its end, as fast as the engine goes."""
    begun = trio.current_time()
    async with recognizer.open(lambda _text: None) as utterance:
        for at in range(0, len(pcm), FRAME):
            await utterance.feed(pcm[at : at + FRAME])
        await trio.lowlevel.checkpoint()
        ended = trio.current_time()
        await utterance.finish()
        return trio.current_time() - begun, trio.current_time() - ended


async def paced(recognizer: PocketSphinxRecognizer, pcm: bytes) -> tuple[list[float], float]:
    """Round trips of single frames, and the wait at the end when the speech came in real time."""
    trips: list[float] = []
    async with recognizer.open(lambda _text: None) as utterance:
        begun = trio.current_time()
        for number, at in enumerate(range(0, len(pcm), FRAME)):
            await trio.sleep_until(begun + number * 0.02)
            sent = trio.current_time()
            await utterance.feed(pcm[at : at + FRAME])
            await utterance.caught_up()
            trips.append(trio.current_time() - sent)
        ended = trio.current_time()
        await utterance.finish()
        return trips, trio.current_time() - ended


async def recognition() -> None:
    speech = [PAUSE + flite(text)[0] + PAUSE for text in SENTENCES]
    recognizer = PocketSphinxRecognizer(Grammar(JSGF))
    async with trio.open_nursery() as nursery:
        begun = trio.current_time()
        await nursery.start(recognizer.run)
        print("pocketsphinx, in its process")
        row("start", trio.current_time() - begun, "s")
        row("memory, one utterance at a time", child_memory("pocketsphinx_worker"), "MB")
        seconds = sum(map(len, speech)) / 32_000
        whole = sum([(await hear(recognizer, pcm))[0] for pcm in speech])
        row("real-time factor", whole / seconds, "")
        trips: list[float] = []
        ends: list[float] = []
        for pcm in speech:
            some, end = await paced(recognizer, pcm)
            trips += some
            ends.append(end)
        row("frame of 20 ms to and fro, p50", percentile(trips, 50) * 1e3, "ms")
        row("frame of 20 ms to and fro, p99", percentile(trips, 99) * 1e3, "ms")
        row("end of utterance to transcript, p50", statistics.median(ends) * 1e3, "ms")
        row("end of utterance to transcript, worst", max(ends) * 1e3, "ms")
        begun = trio.current_time()
        async with trio.open_nursery() as four:
            for pcm in speech:
                four.start_soon(hear, recognizer, pcm)
        row("real-time factor, four at once", (trio.current_time() - begun) / seconds, "")
        row("memory, four at once", child_memory("pocketsphinx_worker"), "MB")
        nursery.cancel_scope.cancel()


async def synthesis(repeats: int) -> None:
    synthesizer = EspeakSynthesizer()
    async with trio.open_nursery() as nursery:
        begun = trio.current_time()
        await nursery.start(synthesizer.run)
        print("espeak-ng, in its process")
        row("start", trio.current_time() - begun, "s")
        first, whole, abort, audio = [], [], [], 0
        for _ in range(repeats):
            begun = trio.current_time()
            async with synthesizer.speak(REPLY) as chunks:
                audio = len((await anext(chunks)).pcm)
                first.append(trio.current_time() - begun)
                async for chunk in chunks:
                    audio += len(chunk.pcm)
            whole.append(trio.current_time() - begun)
            async with synthesizer.speak(REPLY * 4) as chunks:
                await anext(chunks)
                begun = trio.current_time()
            abort.append(trio.current_time() - begun)
        seconds = audio / 2 / synthesizer.sample_rate
        row("memory", child_memory("espeak_worker"), "MB")
        row("first audio, p50", percentile(first, 50) * 1e3, "ms")
        row("first audio, p99", percentile(first, 99) * 1e3, "ms")
        row("real-time factor", statistics.median(whole) / seconds, "")
        row("abort, p99", percentile(abort, 99) * 1e3, "ms")
        nursery.cancel_scope.cancel()
    print("flite program, one process a sentence")
    runs = [flite(REPLY) for _ in range(max(3, repeats // 10))]
    row("first (and all) audio, p50", statistics.median(took for _, took in runs) * 1e3, "ms")
    row("real-time factor", runs[0][1] / (len(runs[0][0]) / 32_000), "")


async def main() -> None:
    parser = argparse.ArgumentParser(description="Costs of the embedded speech engines.")
    parser.add_argument("--repeats", type=int, default=50, help="sentences that are spoken")
    arguments = parser.parse_args()
    if shutil.which("flite") is None:
        sys.exit("flite is missing: apt-get install flite")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    await recognition()
    await synthesis(arguments.repeats)


if __name__ == "__main__":
    trio.run(main)

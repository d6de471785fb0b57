"""How well spoken commands are understood, and other speech refused, through the whole server.

Every sentence is spoken by flite's voices, streamed to a real server over its WebSocket (faster
than real time: the server does not mind), and counts as right when what was heard means what was
said: the same intent with the same numbers and names. Speech from outside the assistant's domain
counts as right when it is refused, or understood as something harmless it never is.

The rejection threshold is tuned on every other sentence and reported on those between them::

    python bench/spoken.py                 # the table, all voices, clean and with noise (minutes)
    python bench/spoken.py --quick         # each sentence by one voice, clean
    python bench/spoken.py --tune          # also: what other thresholds would give on either half
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave
from collections import defaultdict
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import trio

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.agents.assistant.spoken_sentences import IN_DOMAIN, OUT_OF_DOMAIN  # noqa: E402
from voicechat.agents.assistant.matcher import Matcher  # noqa: E402
from voicechat.gateway.websocket import connect  # noqa: E402
from voicechat.observability import logs  # noqa: E402
from voicechat.protocol.codec import Codec  # noqa: E402
from voicechat.protocol.frames import AudioFrame, FrameKind  # noqa: E402
from voicechat.protocol.messages.audio import AudioOpen  # noqa: E402
from voicechat.protocol.messages.connection import Hello  # noqa: E402
from voicechat.server import serve  # noqa: E402
from voicechat.settings import Log, Server, Sessions, Settings, Speech  # noqa: E402
from voicechat.speech.wav import read_wav  # noqa: E402

VOICES = ("slt", "rms", "awb", "kal16")
HUMAN = "human"
CLIPS = Path(os.environ.get("VOICECHAT_TEST_DATA", ROOT.parent / "shared" / "data"))
"""Recordings of people who talk about other things (16 kHz)."""
RATE = 16_000
CLIENTS = 2
ANSWER_TIMEOUT_S = 60
CODEC = Codec()


@attrs.frozen
class Case:
    """One thing to say: by whom, over how much noise, and what it means (None: nothing to us)."""

    text: str
    voice: str
    means: tuple[str, tuple] | None
    tuned_on: bool
    snr_db: float | None = None


@attrs.frozen
class Result:
    """What the server made of a case."""

    case: Case
    heard: str
    accepted: bool
    confidence: float | None
    means: tuple[str, tuple] | None
    answer: str

    def right(self, threshold: float | None = None) -> bool:
        """Whether it was answered as intended; `threshold` replaces the server's own decision."""
        accepted = self.accepted
        if threshold is not None:
            accepted = bool(self.heard) and (self.confidence or -99) >= threshold
        if self.case.means is None:
            return not (accepted and self.means)
        return accepted and self.means == self.case.means


def meaning(matcher: Matcher, text: str):
    understood = matcher.match(text) if text else None
    return understood and (understood.intent, tuple(sorted(understood.slots.items())))


def cases(matcher: Matcher, *, quick: bool, snr_db: float | None = None) -> list[Case]:
    """Every sentence by every voice, or with `quick` each by one voice in turn."""
    found = []
    for domain in ([sentence for sentence, _, _ in IN_DOMAIN], list(OUT_OF_DOMAIN)):
        for number, text in enumerate(domain):
            means = meaning(matcher, text) if domain[0] != OUT_OF_DOMAIN[0] else None
            voices = [VOICES[number // 2 % len(VOICES)]] if quick else VOICES
            found += [Case(text, v, means, number % 2 == 0, snr_db) for v in voices]
    return found


def speak(text: str, voice: str) -> bytes:
    """The words in one of flite's voices, or the recording that `text` names (voice `human`)."""
    return read_wav(text).pcm if voice == HUMAN else flite(text, voice)


def human_cases() -> list[Case]:
    """Every recording; the threshold was chosen knowing them, so they count as tuned on."""
    return [Case(str(path), HUMAN, None, tuned_on=True) for path in sorted(CLIPS.glob("*.wav"))]


def flite(text: str, voice: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)
        with wave.open(path) as reader:
            return reader.readframes(reader.getnframes())


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise with as much energy in each octave, of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, samples)
    return noise / np.sqrt(np.mean(noise**2))


def microphone(speech: bytes, snr_db: float | None) -> bytes:
    """The speech with a little silence around it, in a quiet room or over pink noise."""
    x = np.frombuffer(speech, "<i2").astype(np.float64)
    rng = np.random.default_rng(len(x))
    power = np.mean(x**2)
    x = np.concatenate([np.zeros(RATE // 2), x, np.zeros(RATE * 9 // 10)])
    level = 4.0 if snr_db is None else np.sqrt(power / 10 ** (snr_db / 10))
    x += level * pink(len(x), rng)
    return np.clip(x, -32768, 32767).astype("<i2").tobytes()


async def say(url: str, case: Case, pcm: bytes, matcher: Matcher) -> Result:
    """One connection, one utterance; what the server made of the first thing that it heard."""
    async with connect(url) as ws:
        await ws.send(CODEC.encode(Hello(1, "bench", speak=False)))
        await ws.send(CODEC.encode(AudioOpen(1, RATE)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stream, ws, pcm)
            final, answer = None, None  # to assent the answer is silence
            with trio.move_on_after(ANSWER_TIMEOUT_S):
                while final is None or (final["turn"] is not None and answer is None):
                    message = json.loads(await ws.receive())
                    if message["type"] == "transcript_final":
                        final = final or message
                    elif message["type"] == "response_complete":
                        answer = message["text"]
                    elif message["type"] == "audio_closed":
                        break
            nursery.cancel_scope.cancel()
    if final is None:
        return Result(case, "", accepted=False, confidence=None, means=None, answer="")
    text = final["text"]
    means = meaning(matcher, text)
    return Result(case, text, final["accepted"], final["confidence"], means, answer or "")


async def _stream(ws, pcm: bytes) -> None:
    for seq, at in enumerate(range(0, len(pcm), 640)):
        part = pcm[at : at + 640]
        await ws.send(AudioFrame(FrameKind.MICROPHONE, 1, seq, at // 2, part).pack())
    # What the detector did not take for speech ends with the stream, as with a microphone.
    await ws.send(CODEC.encode(AudioOpen(2, RATE)))


async def evaluate(todo: list[Case], *, rejection: float | str = "auto") -> list[Result]:
    """Say everything to a server of our own; results in the order of `todo`."""
    settings = Settings(
        server=Server(port=0),
        speech=Speech(stt_rejection=rejection),
        sessions=Sessions(store="memory"),
    )
    matcher = Matcher()
    results: dict[int, Result] = {}
    queue, work = trio.open_memory_channel[tuple[int, Case]](0)
    link_in, link_out = trio.open_memory_channel[list[str]](1)
    limiter = trio.CapacityLimiter(CLIENTS)

    async def client(url: str, work) -> None:
        async for index, case in work:
            speech = await trio.to_thread.run_sync(speak, case.text, case.voice, limiter=limiter)
            pcm = microphone(speech, case.snr_db)
            results[index] = await say(url, case, pcm, matcher)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve, settings, on_ready=link_in.send_nowait))
        url = (await link_out.receive())[0].replace("http", "ws", 1) + "/ws"
        async with trio.open_nursery() as clients:
            for _ in range(CLIENTS):
                clients.start_soon(client, url, work)
            async with queue:
                for item in enumerate(todo):
                    await queue.send(item)
        nursery.cancel_scope.cancel()
    return [results[index] for index in range(len(todo))]


def share(results: list[Result], threshold: float | None = None) -> float:
    return sum(result.right(threshold) for result in results) / max(1, len(results))


def table(results: list[Result]) -> str:
    """Rows: noise and voice. Columns: commands answered as intended, other speech refused."""
    groups = defaultdict(list)
    for result in results:
        snr = "clean" if result.case.snr_db is None else f"{result.case.snr_db:.0f} dB"
        groups[snr, result.case.voice].append(result)
        groups[snr, "all"].append(result)
        if not result.case.tuned_on:
            groups[snr, "held out"].append(result)
    lines = ["| noise | voice | commands right | other speech refused |", "|---|---|---|---|"]
    for (snr, voice), group in groups.items():
        ours = [result for result in group if result.case.means]
        other = [result for result in group if not result.case.means]
        lines.append(
            f"| {snr} | {voice} | {share(ours):.1%} of {len(ours)} |"
            f" {share(other):.1%} of {len(other)} |"
        )
    return "\n".join(lines)


def tuning(results: list[Result]) -> str:
    """What each threshold gives on the half for tuning and on the half held out."""
    lines = ["| threshold | tuned: right / refused | held out: right / refused |", "|---|---|---|"]
    known = [result.confidence for result in results if result.confidence is not None]
    for threshold in np.quantile(known, np.linspace(0.02, 0.6, 30)):
        cells = []
        for tuned in (True, False):
            half = [result for result in results if result.case.tuned_on is tuned]
            ours = share([r for r in half if r.case.means], threshold)
            other = share([r for r in half if not r.case.means], threshold)
            cells.append(f"{ours:.1%} / {other:.1%}")
        lines.append(f"| {threshold:.3f} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong")
    parser.add_argument("--json", type=Path, help="write every result to this file")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logs.configure(Log(level="error"))
    matcher = Matcher()
    todo = cases(matcher, quick=options.quick) + human_cases()
    if not options.quick:
        todo += cases(matcher, quick=False, snr_db=10)
    results = trio.run(evaluate, todo)
    print(table(results))
    if options.tune:
        print(tuning([result for result in results if result.case.snr_db is None]))
    if options.wrong:
        for result in results:
            if not result.right():
                print(
                    f"{result.case.voice:6} {result.case.text!r} -> {result.heard!r}"
                    f" {'accepted' if result.accepted else 'refused'} {result.confidence}"
                )
    if options.json:
        options.json.write_text(
            json.dumps(
                [
                    [
                        r.case.text,
                        r.case.voice,
                        r.case.snr_db,
                        bool(r.case.means),
                        r.heard,
                        r.accepted,
                        r.confidence,
                        r.right(),
                    ]
                    for r in results
                ]
            )
        )


if __name__ == "__main__":
    main()

"""Where the time of a spoken turn goes: the same question ten times, at the pace of real time.

"Here" counts from the last sample of speech in the recording (where its level falls for good) to
the first byte of the answer's audio at the client; the stages are the server's own. Needs flite::

    python bench/latency.py [REPEATS]
"""

from __future__ import annotations

import os
import statistics
import sys
from functools import partial
from pathlib import Path

import numpy as np
import trio

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.spoken import RATE, flite, microphone
from voicechat.cli.talk_client import TalkClient
from voicechat.client.client import open_client
from voicechat.observability import logs
from voicechat.protocol.messages.connection import Hello
from voicechat.server import serve
from voicechat.settings import Log, Server, Sessions, Settings
from voicechat.speech.wav import WavAudio

QUESTION = "what time is it"
STAGES = ("endpoint_ms", "stt_final_ms", "first_token_ms", "first_audio_ms")


def end_of_speech_ms(speech: bytes) -> float:
    """Where the level of the recording falls below a hundredth of its loudest 5 ms for good."""
    x = np.abs(np.frombuffer(speech, "<i2").astype(float))
    level = np.convolve(x, np.ones(80) / 80, "same")
    return float(np.nonzero(level > level.max() / 100)[0][-1]) / RATE * 1000


async def measure(repeats: int) -> None:
    speech = flite(QUESTION, "slt")
    pcm = microphone(speech, None)
    end_ms = end_of_speech_ms(speech) + 500  # the microphone hears half a second of room first
    rows: dict[str, list[float]] = {stage: [] for stage in STAGES}
    rows |= {"after the endpoint": [], "here": []}
    links, link = trio.open_memory_channel[list[str]](1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(
                serve,
                Settings(server=Server(port=0), sessions=Sessions(store="memory")),
                on_ready=links.send_nowait,
            )
        )
        url = (await link.receive())[0]
        for _ in range(repeats):
            async with open_client(url, hello=Hello(1, "bench", 24_000)) as connection:
                client = TalkClient(connection, wav=WavAudio(RATE, pcm), on_event=lambda _: None)
                await client.run()
            (turn,) = client.turns.values()
            for stage in STAGES:
                rows[stage].append(getattr(turn.timings, stage))
            rows["after the endpoint"].append(
                turn.timings.first_audio_ms - turn.timings.endpoint_ms
            )
            rows["here"].append(turn.first_audio_ms - end_ms)
        nursery.cancel_scope.cancel()
    print(f'"{QUESTION}", {repeats} times, ms\n\n| stage | p50 | worst |\n|---|---|---|')
    for stage, values in rows.items():
        print(f"| {stage} | {statistics.median(values):.0f} | {max(values):.0f} |")


if __name__ == "__main__":
    logs.configure(Log(level="error"))
    trio.run(measure, int(sys.argv[1]) if len(sys.argv) > 1 else 10)

"""A recogniser that hangs while its owner waits until it has caught up, as it does in the heat."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
import structlog
import trio


def worker_pid() -> int:
    [child] = [p for p in psutil.Process().children() if "pocketsphinx" in " ".join(p.cmdline())]
    return child.pid


@pytest.mark.requirement("L-4")
async def test_no_word_is_lost_when_the_worker_hangs(run_recognizer, say):
    pcm = say("what time is it")
    async with run_recognizer() as recognizer:
        recognizer._worker.stall_timeout = 1.0
        async with recognizer.open(lambda _text: None) as utterance:
            with structlog.testing.capture_logs(), trio.fail_after(20):
                await utterance.feed(pcm[:16_000])
                await utterance.caught_up()
                os.kill(worker_pid(), signal.SIGSTOP)
                await utterance.feed(pcm[16_000:])
                await utterance.caught_up()
                assert utterance._replayed
                assert (await utterance.finish()).text == "what time is it"

"""A stand-in engine process for the tests of its supervisor."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
import structlog
import trio

from voicechat.speech.worker import WorkerProcess
from voicechat.speech.worker_child import Kind

CHILD = (sys.executable, str(Path(__file__).with_name("engine_process.py")))


@pytest.fixture
def said():
    with structlog.testing.capture_logs() as entries:
        yield entries


def worker(configuration=None, **options) -> WorkerProcess:
    return WorkerProcess("test engine", CHILD, configuration, **options)


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "engine_process.py" in " ".join(p.cmdline())]


async def until(condition) -> None:
    """Wait for something outside of Trio, which has no event to wait for."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110  (processes and logs set no trio.Event)
            await trio.sleep(0.01)


async def ask(engine: WorkerProcess, text: str) -> str:
    request = await engine.begin({})
    try:
        await request.send_audio(text.encode())
        await request.send_end()
        while (frame := await request.receive()).kind is not Kind.RESULT:
            assert frame.kind is Kind.EVENT
        return frame.json()
    finally:
        request.close()

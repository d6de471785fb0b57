"""Engine processes: supervised, restarted, and never left behind."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import trio

from tests.speech.worker_tools import CHILD, ask, children, said, until, worker
from voicechat.speech.worker import WorkerDied

__all__ = ["said"]  # the fixture


@pytest.mark.requirement("L-1")
async def test_many_requests_share_a_child():
    about = []
    engine = worker(on_ready=about.append)
    answers = {}

    async def one(text):
        answers[text] = await ask(engine, text)

    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        assert [p.pid for p in children()] == [about[0]["pid"]]
        assert about[0]["threads"] == "1"
        async with trio.open_nursery() as askers:
            for i in range(20):
                askers.start_soon(one, f"text {i}")
        nursery.cancel_scope.cancel()
    assert answers == {f"text {i}": f"text {i}" for i in range(20)}


@pytest.mark.requirement("L-4")
async def test_a_killed_child_is_replaced_and_its_requests_fail():
    pids = []
    engine = worker(on_ready=lambda about: pids.append(about["pid"]))
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({})
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDied, match="test engine stopped working"), trio.fail_after(5):
            await request.receive()
        with pytest.raises(WorkerDied):
            await request.send_audio(b"more")
        request.close()
        with trio.fail_after(10):
            assert await ask(engine, "again") == "again"
        nursery.cancel_scope.cancel()
    assert len(set(pids)) == 2


@pytest.mark.parametrize("state", ["starting", "idle", "working", "hanging", "stopped", "flooding"])
@pytest.mark.requirement("L-2")
async def test_no_child_is_left_when_cancelled(state, said):
    engine = worker({"start": "never"} if state == "starting" else None)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            if state == "starting":
                nursery.start_soon(engine.run)
                await until(children)
            else:
                await nursery.start(engine.run)
            if state in {"working", "hanging", "flooding"}:
                task = {"hanging": {"do": "hang"}, "flooding": {"do": "flood", "frames": 4000}}
                request = await engine.begin(task.get(state, {}))
                await request.send_audio(b"x")
                request.close()
            if state == "stopped":
                children()[0].suspend()
            nursery.cancel_scope.cancel()
    assert not children()


@pytest.mark.requirement("L-2")
async def test_the_child_ends_when_its_parent_is_killed():
    program = (
        "import sys, trio\n"
        "from voicechat.speech.worker import WorkerProcess\n"
        "async def main():\n"
        "    async with trio.open_nursery() as nursery:\n"
        "        engine = WorkerProcess('e', sys.argv[1:])\n"
        "        await nursery.start(engine.run)\n"
        "        await trio.sleep_forever()\n"
        "import structlog\n"
        "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))\n"
        "trio.run(main)\n"
    )
    async with trio.open_nursery() as nursery:
        run = functools.partial(
            trio.run_process,
            [sys.executable, "-c", program, *CHILD],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        parent = await nursery.start(run)
        grandchildren = []

        def found():
            grandchildren[:] = psutil.Process(parent.pid).children()
            return grandchildren and "engine_process.py" in " ".join(grandchildren[0].cmdline())

        await until(found)
        parent.kill()
        await until(lambda: not grandchildren[0].is_running())


async def test_signals_of_the_terminal_do_not_reach_the_child():
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        [child] = children()
        assert os.getsid(child.pid) == child.pid
        child.terminate()
        child.send_signal(signal.SIGINT)
        assert await ask(engine, "still here") == "still here"
        assert [p.pid for p in children()] == [child.pid]
        nursery.cancel_scope.cancel()


async def test_what_libraries_print_goes_to_the_log(said, capfd):
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "print"})
        assert (await request.receive()).json() == "printed"
        request.close()
        await until(lambda: any(e.get("stderr") == "from a C library" for e in said))
        nursery.cancel_scope.cancel()
    assert capfd.readouterr() == ("", "")

"""Engine processes: supervised, restarted, aborted, and never left behind."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import structlog
import trio

from voicechat.errors import EngineFailed, SettingError
from voicechat.speech.worker import WorkerDied, WorkerProcess
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
        await until(lambda: any(e.get("text") == "from a C library" for e in said))
        nursery.cancel_scope.cancel()
    assert capfd.readouterr() == ("", "")


@pytest.mark.requirement("L-4")
async def test_one_failing_request_leaves_the_others_alone():
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "fail"})
        with pytest.raises(EngineFailed) as caught:
            await request.receive()
        request.close()
        assert not isinstance(caught.value, WorkerDied)
        assert "secret" not in caught.value.message
        assert await ask(engine, "fine") == "fine"
        nursery.cancel_scope.cancel()


async def test_a_slow_owner_does_not_hold_up_the_others():
    engine = worker(buffered=50)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        slow = await engine.begin({"do": "flood", "frames": 1000})
        with trio.fail_after(10):
            assert await ask(engine, "quick") == "quick"
        for _ in range(50):
            await slow.receive()
        with pytest.raises(EngineFailed, match="too long"):
            await slow.receive()
        slow.close()
        nursery.cancel_scope.cancel()


async def test_frames_of_a_closed_request_are_dropped(said):
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "flood", "frames": 500})
        await request.receive()
        request.close()
        request.close()  # closing twice is harmless
        await until(lambda: any(e.get("text") == "aborted 1" for e in said))
        assert await ask(engine, "next") == "next"
        nursery.cancel_scope.cancel()


async def test_aborting_works_while_the_queue_is_full(said):
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        [child] = children()
        child.suspend()  # so that the pipe and the queue fill up
        requests = [await engine.begin({"n": n}) for n in range(40)]
        with trio.move_on_after(0.5) as scope:
            for request in requests:
                for _ in range(5):
                    await request.send_audio(bytes(3000))
        assert scope.cancelled_caught
        for request in requests:
            request.close()
        child.resume()
        assert await ask(engine, "after all") == "after all"
        nursery.cancel_scope.cancel()


async def test_an_error_of_the_callback_is_its_owners():
    engine = worker()

    def bad(_event):
        raise LookupError

    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({}, bad)
        await request.send_audio(b"x")
        with pytest.raises(LookupError):
            await request.receive()
        request.close()
        assert await ask(engine, "fine") == "fine"
        nursery.cancel_scope.cancel()


@pytest.mark.requirement("L-4")
async def test_a_child_that_hangs_is_killed_and_replaced(said):
    engine = worker(stall_timeout=0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "hang"})
        with pytest.raises(WorkerDied):
            await request.receive()
        request.close()
        with trio.fail_after(10):
            assert await ask(engine, "again") == "again"
        nursery.cancel_scope.cancel()


async def test_sending_to_a_child_that_hangs_does_not_wait_for_ever(said):
    engine = worker(stall_timeout=0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "hang"})
        for _ in range(8):
            await request.send_audio(b"x")
        with pytest.raises(WorkerDied), trio.fail_after(5):
            await request.send_audio(b"x")
        request.close()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("start", ["never", "crash", "garbage"])
async def test_an_engine_that_cannot_start_says_so(start, said, monkeypatch):
    engine = worker({"start": start}, ready_timeout=0.8)
    with pytest.raises(EngineFailed, match="test engine cannot start") as caught:
        await engine.run()
    assert caught.value.suggested_action
    if start == "crash":
        assert any(entry.get("text") == "it is broken" for entry in said)


async def test_a_missing_program_is_an_engine_that_cannot_start(said):
    engine = WorkerProcess("test engine", ("/nonexistent/program",))
    with pytest.raises(EngineFailed, match="cannot start"):
        await engine.run()


async def test_an_error_of_ours_about_the_child_ends_the_start():
    def refuse(_about):
        raise SettingError("no such voice")

    async with trio.open_nursery() as nursery:
        with pytest.raises(SettingError, match="no such voice"):
            await nursery.start(worker(on_ready=refuse).run)


async def test_requests_without_a_running_worker_fail():
    engine = worker(ready_timeout=0.05)
    with pytest.raises(EngineFailed, match="not running"):
        await engine.begin({})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        nursery.cancel_scope.cancel()
    with pytest.raises(EngineFailed, match="not running"):
        await engine.begin({})


async def test_a_repeatedly_dying_child_is_restarted_ever_later(said):
    engine = worker()
    deaths = []
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        for _ in range(3):
            request = await engine.begin({"do": "die"})
            with pytest.raises(WorkerDied):
                await request.receive()
            request.close()
            deaths.append(trio.current_time())
        assert await ask(engine, "alive") == "alive"
        assert trio.current_time() - deaths[-1] > 0.35  # 0.1, 0.2, 0.4 seconds
        nursery.cancel_scope.cancel()

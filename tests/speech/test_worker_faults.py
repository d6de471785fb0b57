"""Engine processes that fail, hang, or are asked for too much: only one request suffers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.speech.worker_tools import ask, children, said, until, worker
from voicechat.errors import EngineFailed, SettingError
from voicechat.speech.worker import WorkerDied, WorkerProcess

__all__ = ["said"]  # the fixture


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
        await until(lambda: any(e.get("stderr") == "aborted 1" for e in said))
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


@pytest.mark.requirement("L-4")
async def test_waiting_for_a_stopped_child_to_use_up_its_audio_ends(said):
    engine = worker(stall_timeout=0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({})
        await request.send_audio(b"x")
        with trio.fail_after(5):
            await request.taken()
            await request.taken()  # there is nothing to wait for
        [child] = children()
        child.suspend()
        await request.send_audio(b"x")
        with pytest.raises(WorkerDied), trio.fail_after(5):
            await request.taken()
        with pytest.raises(WorkerDied):  # nor is it taken for used up later
            await request.taken()
        request.close()
        with trio.fail_after(10):
            assert await ask(engine, "again") == "again"
        nursery.cancel_scope.cancel()
    assert [entry["reason"] for entry in said if entry["event"] == "worker killed"] == ["no answer"]


async def test_a_child_that_takes_its_time_for_each_piece_is_not_killed(said):
    """The time is counted from piece to piece, not over all of them."""
    engine = worker(stall_timeout=0.5)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({"do": "slow", "seconds": 0.15})
        for _ in range(8):
            await request.send_audio(b"x")
        with trio.fail_after(10):
            await request.taken()
        request.close()
        nursery.cancel_scope.cancel()
    assert not [entry for entry in said if entry["event"] == "worker killed"]


async def test_a_death_ends_the_wait_of_another_request(said):
    engine = worker()
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        request = await engine.begin({})
        [child] = children()
        child.suspend()
        await request.send_audio(b"x")
        async with trio.open_nursery() as waiting:

            @waiting.start_soon
            async def wait():
                with pytest.raises(WorkerDied), trio.fail_after(5):
                    await request.taken()

            await wait_all_tasks_blocked()
            child.kill()
        request.close()
        nursery.cancel_scope.cancel()


async def test_a_full_queue_to_a_stopped_child_does_not_hold_up_for_ever(said):
    """Each request is below its own bound, so that nobody waits for an acknowledgement."""
    engine = worker(stall_timeout=0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        requests = [await engine.begin({}) for _ in range(30)]
        [child] = children()
        child.suspend()
        with pytest.raises(WorkerDied), trio.fail_after(10):  # noqa: PT012  (one of many)
            for request in requests:
                for _ in range(6):
                    await request.send_audio(bytes(3000))
        for request in requests:
            request.close()
        with trio.fail_after(10):
            assert await ask(engine, "again") == "again"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("start", ["never", "crash", "garbage"])
async def test_an_engine_that_cannot_start_says_so(start, said, monkeypatch):
    engine = worker({"start": start}, ready_timeout=0.8)
    with pytest.raises(EngineFailed, match="test engine cannot start") as caught:
        await engine.run()
    assert caught.value.suggested_action
    if start == "crash":
        assert any(entry.get("stderr") == "it is broken" for entry in said)


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

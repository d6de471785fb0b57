"""Virtual time jumps when all wait, and stands still while an operation is under way."""

from __future__ import annotations

import os
import select
import time

import pytest
import trio
import trio.testing

from voicechat.replay import hold as hold_module
from voicechat.replay.hold import Hold, in_order


def run(main):
    clock = trio.testing.MockClock()
    hold = Hold(clock)

    async def timed():
        return await main(hold)

    return trio.run(timed, clock=clock)


@pytest.mark.requirement("V-12")
def test_waiting_takes_no_time():
    async def main(_hold):
        await trio.sleep(3600)
        return trio.current_time()

    began = time.monotonic()
    assert run(main) == 3600
    assert time.monotonic() - began < 5


@pytest.mark.requirement("V-12")
def test_time_stands_still_while_an_operation_works():
    """In a thread, behind a pipe and in a process, beside a task that sleeps."""

    async def main(hold):
        reader, writer = os.pipe()
        seen = []

        async def thread():
            await trio.to_thread.run_sync(really_wait, 0.05)

        async def pipe():
            async with trio.lowlevel.FdStream(reader) as stream, trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, slowly_write, writer)
                assert await stream.receive_some(1) == b"x"

        async def process():
            await trio.run_process(["sleep", "0.05"])

        async def sleeper():
            await trio.sleep(10)
            seen.append("slept")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleeper)
            for operation in (thread, pipe, process):
                before = trio.current_time()
                await hold.run(0.25, operation)
                assert trio.current_time() == before + 0.25
            assert not seen
        os.close(writer)
        return trio.current_time()

    assert run(main) == 10


def really_wait(seconds):
    """Block the thread, by the real clock."""
    select.select((), (), (), seconds)


def slowly_write(descriptor):
    really_wait(0.05)
    os.write(descriptor, b"x")


def test_operations_that_begin_together_end_in_the_order_of_their_latencies():
    async def main(hold):
        ended = []

        async def one(name, really_s, latency_s):
            await hold.run(latency_s, lambda: trio.to_thread.run_sync(really_wait, really_s))
            ended.append((name, trio.current_time()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, "slow machine, short latency", 0.1, 0.001)
            nursery.start_soon(one, "fast machine, long latency", 0.01, 0.002)
        return ended

    assert run(main) == [
        ("slow machine, short latency", 0.001),
        ("fast machine, long latency", 0.002),
    ]


def test_inside_an_operation_somebody_else_can_be_waited_for():
    async def main(hold):
        with hold.held(), hold.released():
            await trio.sleep(5)
        return trio.current_time()

    assert run(main) == 5


def test_a_cancelled_operation_lets_time_go_on():
    async def main(hold):
        with trio.move_on_after(0):
            await hold.run(0, trio.sleep_forever)
        await trio.sleep(7)
        return trio.current_time()

    assert run(main) == 7


def test_an_operation_that_never_ends_meets_its_own_deadline(monkeypatch):
    monkeypatch.setattr(hold_module, "_HUNG_S", 0.05)

    async def main(hold):
        with trio.move_on_after(10) as limit, hold.held():
            await trio.sleep_forever()
        return limit.cancelled_caught

    assert run(main)


def test_tasks_that_are_ready_at_once_run_in_order():
    """Trio shuffles them by `trio._core._run._r`; this fails when that is gone."""

    async def main():
        order = []

        async def note(number):
            await trio.lowlevel.checkpoint()
            order.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(note, number)
        return order

    with in_order():
        orders = [trio.run(main) for _ in range(6)]
    assert all(order == list(range(20)) for order in orders)
    assert not isinstance(trio._core._run._r, hold_module._InOrder)


def test_without_trios_private_name_it_still_runs(monkeypatch):
    monkeypatch.delattr(trio._core._run, "_r")
    with in_order():
        pass

"""A wire has one writer at a time: what two of them wrote would be mixed."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from voicechat.gateway.wire import Wire


def wire_and_peer():
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    streams = [trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in (ours, theirs)]
    return Wire(streams[0], send_timeout=10), streams[1]


async def test_a_second_writer_is_refused_and_the_first_goes_on() -> None:
    wire, peer = wire_and_peer()
    size = 1 << 20
    received = bytearray()
    async with wire, peer, trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_all, b"1" * size)
        await trio.testing.wait_all_tasks_blocked()
        while len(received) < size // 2:  # now the kernel has room for a small write
            received += await peer.receive_some()
            with pytest.raises(trio.BusyResourceError):
                await wire.send_all(b"2")
        while len(received) < size:
            received += await peer.receive_some()
        await trio.testing.wait_all_tasks_blocked()
        await wire.send_all(b"3")
        received += await peer.receive_some()
    assert received == b"1" * size + b"3"


async def test_a_writer_that_was_cancelled_before_it_began_leaves_no_trace() -> None:
    wire, peer = wire_and_peer()
    async with wire, peer:
        with trio.CancelScope() as scope:
            scope.cancel()
            await wire.send_all(b"1")
        assert scope.cancelled_caught
        await wire.send_all(b"2")
        assert await peer.receive_some() == b"2"


async def test_after_a_write_that_was_cancelled_the_wire_is_closed_and_not_busy() -> None:
    wire, peer = wire_and_peer()
    async with wire, peer:
        with trio.move_on_after(0.01):
            await wire.send_all(bytes(1 << 20))
        with pytest.raises(trio.ClosedResourceError):
            await wire.send_all(b"2")

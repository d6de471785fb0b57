"""Clients that answer pings, that vanish, and that are there but say nothing."""

from __future__ import annotations

import math
from functools import partial

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.raw_client import CLOSE, PING, PONG, TEXT, frame
from voicechat.gateway.heartbeat import heartbeat
from voicechat.gateway.websocket import Closed
from voicechat.protocol.close_codes import CloseCode

pytestmark = pytest.mark.requirement("C-2")


@attrs.define
class Peer:
    """A client whose pongs take `pong_s` each, and which is no more from `dies_at` on."""

    dies_at: float = math.inf
    pong_s: float = 0.0
    said: float = 0.0
    pinged: list[float] = attrs.field(factory=list)

    async def ping(self) -> float:
        self.pinged.append(trio.current_time())
        await trio.sleep(self.pong_s)
        if trio.current_time() >= self.dies_at:
            await trio.sleep_forever()
        return self.pong_s

    def last_activity(self) -> float:
        return self.said


def watched(peer: Peer, *, every_s: float, idle_s: float = math.inf, until: float = math.inf):
    """What the heartbeat found and when; None if it found nothing until then."""
    found = None

    async def watch() -> float:
        nonlocal found
        with trio.move_on_at(until):
            found = await heartbeat(
                peer, every_s=every_s, idle_s=idle_s, last_activity=peer.last_activity
            )
        return trio.current_time()

    async def begin() -> float:
        start = trio.current_time()
        peer.said += start
        peer.dies_at += start
        return await watch() - start

    return trio.run(begin, clock=trio.testing.MockClock(autojump_threshold=0)), found


@given(dies_at=st.floats(0, 500), every_s=st.floats(5, 100), share=st.floats(0, 0.99))
def test_a_dead_peer_is_noticed_within_two_intervals(dies_at, every_s, share):
    peer = Peer(dies_at=dies_at, pong_s=share * every_s)
    noticed, found = watched(peer, every_s=every_s)
    assert found is CloseCode.VANISHED
    assert dies_at < noticed <= dies_at + 2 * every_s + 1e-6


@given(share=st.floats(0, 0.99))
def test_pings_keep_their_rhythm_however_long_pongs_take(share):
    peer = Peer(pong_s=share * 30)
    _, found = watched(peer, every_s=30, until=900)
    assert found is None
    assert peer.pinged == pytest.approx([30 * i for i in range(1, 30)])


def test_beats_that_were_missed_are_not_made_up_for():
    clock = trio.testing.MockClock()
    peer = Peer()

    async def stopped_for_a_while() -> None:
        async with trio.open_nursery() as nursery:
            beat = partial(heartbeat, peer, every_s=30, last_activity=peer.last_activity)
            nursery.start_soon(beat)
            for seconds in (30, 155, 24, 1, 30):
                await trio.testing.wait_all_tasks_blocked()
                clock.jump(seconds)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(stopped_for_a_while, clock=clock)
    assert peer.pinged == [30, 185, 210, 240]


@given(idle_s=st.floats(1, 500), every_s=st.floats(5, 100))
def test_a_client_that_only_answers_pings_is_idle(idle_s, every_s):
    ended, found = watched(Peer(), every_s=every_s, idle_s=idle_s)
    assert found is CloseCode.IDLE
    assert ended == pytest.approx(idle_s)


def test_a_message_puts_off_the_end():
    peer = Peer()

    async def speak() -> None:
        for _ in range(5):
            await trio.sleep(50)
            peer.said = trio.current_time()

    async def main() -> tuple[float, object]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            found = await heartbeat(peer, every_s=30, idle_s=60, last_activity=peer.last_activity)
        return trio.current_time(), found

    clock = trio.testing.MockClock(autojump_threshold=0)
    assert trio.run(main, clock=clock) == (310, CloseCode.IDLE)
    assert peer.pinged == [30 * i for i in range(1, 11)]


def test_a_dead_peer_has_vanished_rather_than_idled():
    ended, found = watched(Peer(dies_at=0), every_s=30, idle_s=45)
    assert (found, ended) == (CloseCode.VANISHED, 60)


# -- over real sockets --------------------------------------------------------------------------

EVERY_S = 0.25


async def beating(open_door, client_does, **settings):
    """What the heartbeat of a real socket found, after how long, while a client does something."""
    ends, ended = [], trio.Event()

    async def handler(ws) -> None:
        start = trio.current_time()
        beat = partial(heartbeat, last_activity=lambda: ws.traffic.last_message)
        try:
            found = await beat(ws, **{"every_s": EVERY_S} | settings)
        except Closed as closed:
            found = closed.code
        ends.append((found, trio.current_time() - start))
        ended.set()

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client_does, client)
            await ended.wait()
            nursery.cancel_scope.cancel()
    return ends[0]


async def answer(client) -> None:
    while True:
        opcode, payload = await client.frame()
        assert opcode == PING
        await client.send(frame(payload, opcode=PONG))


async def test_a_socket_that_does_not_answer_has_vanished(open_door):
    async def silent(client) -> None:
        await trio.sleep_forever()

    found, after = await beating(open_door, silent)
    assert found is CloseCode.VANISHED
    assert 2 * EVERY_S <= after < 2 * EVERY_S + 0.5


async def test_a_socket_that_takes_nothing_has_vanished_though_no_ping_can_leave(
    open_door,
):
    ends = []

    async def handler(ws) -> None:
        async def write() -> None:
            while True:
                await ws.send(bytes(65_536))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.sleep(0.1)  # every buffer on the way is full
            start = trio.current_time()
            found = await heartbeat(ws, every_s=EVERY_S, last_activity=trio.current_time)
            ends.append((found, trio.current_time() - start))
            ws.drop()
            nursery.cancel_scope.cancel()

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade()
        await trio.sleep(2 * EVERY_S + 0.1)
        assert await client.rest()
    ((found, after),) = ends
    assert found is CloseCode.VANISHED
    assert after < 2 * EVERY_S + 0.5


async def test_words_are_no_pong(open_door):
    async def talk(client) -> None:
        while True:
            await client.send(frame(b"hello", opcode=TEXT))
            await trio.sleep(0.02)

    found, _ = await beating(open_door, talk)
    assert found is CloseCode.VANISHED


async def test_a_socket_that_only_answers_is_idle(open_door):
    found, after = await beating(open_door, answer, idle_s=5 * EVERY_S)
    assert found is CloseCode.IDLE
    assert 5 * EVERY_S <= after < 5 * EVERY_S + 0.5


async def test_binary_and_text_messages_are_activity(open_door):
    async def speak(client) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, client)
            for opcode in (TEXT, 2, TEXT):
                await trio.sleep(0.3)
                await client.send(frame(b"hello", opcode=opcode))

    found, after = await beating(open_door, speak, idle_s=0.5)
    assert found is CloseCode.IDLE
    assert 1.4 <= after < 2.4


async def test_who_leaves_while_a_pong_is_waited_for_is_not_waited_for(open_door):
    async def leave(client) -> None:
        assert (await client.frame())[0] == PING
        await client.send(frame((1000).to_bytes(2, "big"), opcode=CLOSE))

    found, after = await beating(open_door, leave, every_s=0.5)
    assert found == 1000
    assert after < 0.9, "not the time that a pong may take"


async def test_a_network_that_breaks_while_a_pong_is_waited_for(open_door):
    async def break_off(client) -> None:
        assert (await client.frame())[0] == PING
        await trio.aclose_forcefully(client.stream)

    found, after = await beating(open_door, break_off, every_s=0.5)
    assert found == 1006
    assert after < 0.9

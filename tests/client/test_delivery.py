"""A user of the client who does not read: the server has to wait, and no memory is filled."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.client.fake_server import fake_server
from voicechat.client.client import open_client
from voicechat.client.delivery import MOST, Deliveries
from voicechat.client.events import StateChanged
from voicechat.client.known import Restored
from voicechat.client.state import Phase, State
from voicechat.protocol.messages.conversation import StreamDelta
from voicechat.protocol.messages.session import (
    Ack,
)


def at_once() -> float:
    return 0.0


@pytest.mark.requirement("S-2")
async def test_who_does_not_read_holds_up_acknowledgements_and_not_memory(autojump_clock) -> None:
    count = 3 * MOST
    async with fake_server() as server, open_client(server.link) as client:
        peer = await server.peer()
        await peer.greet()
        await client.ready()
        for seq in range(1, count + 1):
            await peer.say(StreamDelta(1, "word"), seq)
        acknowledged = 0
        with trio.move_on_after(10):
            while True:
                message = await peer.hear()
                assert isinstance(message, Ack)
                acknowledged = message.seq
        assert MOST / 2 < acknowledged <= MOST
        with trio.move_on_after(100):
            await peer.hear()  # its pings: it does not take a server for dead that it does not read
        assert client.state.phase is Phase.CONNECTED
        words = 0
        async for event in client.events():
            words += isinstance(event, StreamDelta)
            if words == count:
                break
        while acknowledged < count:
            message = await peer.hear()
            acknowledged = message.seq if isinstance(message, Ack) else acknowledged


async def test_a_lost_connection_waits_for_somebody_who_reads(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=at_once) as client:
        peer = await server.peer()
        await peer.greet()
        await client.ready()
        for seq in range(1, MOST + 1):
            await peer.say(StreamDelta(1, "word"), seq)
        await trio.sleep(1)
        await peer.vanish()
        with trio.move_on_after(100) as waiting:
            await server.peer()
        assert waiting.cancelled_caught
        for _ in range(10):
            await anext(client.events())
        await (await server.peer()).greet()


async def test_of_states_that_nobody_has_read_the_newest_counts() -> None:
    deliveries = Deliveries()
    for attempt in range(1, 500):
        deliveries.put(StateChanged(State(Phase.RECONNECTING, attempt)))
    assert not deliveries.full
    deliveries.put(Restored("session1"))
    deliveries.put(StateChanged(State(Phase.CONNECTED)))
    deliveries.end()
    assert [event async for event in deliveries] == [
        StateChanged(State(Phase.RECONNECTING, 499)),
        Restored("session1"),
        StateChanged(State(Phase.CONNECTED)),
    ]

"""Who is connected: bounded, counted, and forgotten when it is over."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import attrs
import pytest
import structlog
import trio

from tests.gateway.raw_client import PING, PONG, TEXT, frame
from voicechat.errors import CapacityExceeded, ErrorCode
from voicechat.gateway.connection_state import ConnectionState
from voicechat.gateway.reader import Traffic
from voicechat.gateway.registry import Registry

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@attrs.define
class Socket:
    peer: str = "192.0.2.7"
    user_agent: str = "Browser/1.0"
    traffic: Traffic = attrs.field(factory=Traffic)


@pytest.fixture
def registry() -> Registry:
    return Registry(3, now=lambda: NOON)


@pytest.mark.requirement("C-1")
async def test_what_is_known_of_a_connection(registry, autojump_clock):
    await trio.sleep(100)
    socket = Socket()
    with registry.connection(socket) as entry:
        assert (entry.peer, entry.user_agent) == ("192.0.2.7", "Browser/1.0")
        assert entry.connected_at == entry.last_activity_at == NOON
        assert (entry.user, entry.session_id, entry.rooms) == (None, None, frozenset())
        assert entry.state is ConnectionState.CONNECTING
        entry.welcome("0123456789abcdef")
        assert (entry.user, entry.state) == ("0123456789abcdef", ConnectionState.CONNECTED)
        entry.session_id = "s1"
        await trio.sleep(90)
        socket.traffic.last_message = trio.current_time()
        await trio.sleep(30)
        assert entry.last_activity() == 190
        assert entry.last_activity_at == NOON + dt.timedelta(seconds=90)
        entry.goodbye()
        assert entry.state is ConnectionState.CLOSING
        with pytest.raises(attrs.exceptions.FrozenAttributeError):
            entry.id = "another"
    assert entry.state is ConnectionState.CLOSED
    assert entry.session_id is None


@pytest.mark.requirement("C-1")
async def test_the_id_is_that_of_the_log(registry):
    with (
        structlog.contextvars.bound_contextvars(connection_id="0123456789ab"),
        registry.connection(Socket()) as first,
        registry.connection(Socket()) as second,
    ):
        assert first.id == "0123456789ab"
        assert second.id != first.id, "an id names one connection"
        assert registry.get("0123456789ab") is first
        assert registry.get(second.id) is second
    with registry.connection(Socket()) as third:
        assert len(third.id) == 12
    assert registry.get("0123456789ab") is None


@pytest.mark.requirement("C-7")
async def test_the_limit_counts_sockets_that_have_said_nothing(registry):
    with registry.connection(Socket()), registry.connection(Socket()):
        with registry.connection(Socket()):
            with pytest.raises(CapacityExceeded) as refused, registry.connection(Socket()):
                pytest.fail("one too many")
            assert refused.value.code is ErrorCode.CAPACITY_EXCEEDED
            assert refused.value.suggested_action
        with registry.connection(Socket()):
            assert len(registry) == 3
    found = registry.statistics()
    assert (found.open, found.limit, found.total, found.refused) == (0, 3, 4, 1)


@pytest.mark.requirement("C-1")
async def test_queries(registry):
    assert registry.all() == ()
    with registry.connection(Socket()) as first:
        with registry.connection(Socket()) as second, registry.connection(Socket()) as third:
            first.welcome("ada")
            second.welcome("ada")
            third.welcome("bob")
            assert registry.all() == (first, second, third)
            assert set(registry.of_user("ada")) == {first, second}
            assert registry.of_user("bob") == (third,)
            assert (registry.count(), registry.count("ada"), registry.count("bob")) == (3, 2, 1)
        assert registry.of_user("ada") == (first,)
        assert registry.of_user("bob") == ()
        assert (registry.count(), registry.count("eve")) == (1, 0)
    assert registry._of_users == {}, "nothing is kept of who has gone"


@pytest.mark.requirement("C-1")
async def test_a_welcome_that_comes_too_late_belongs_to_nobody(registry):
    with registry.connection(Socket()) as entry:
        entry.goodbye()
        entry.welcome("ada")
        assert (entry.user, entry.state) == (None, ConnectionState.CLOSING)
        assert registry.of_user("ada") == ()


@pytest.mark.requirement("C-1")
async def test_a_second_welcome_is_a_fault(registry):
    with registry.connection(Socket()) as entry:
        entry.welcome("ada")
        with pytest.raises(ValueError, match="cannot be welcomed"):
            entry.welcome("bob")
        assert entry.user == "ada"


@pytest.mark.requirement("C-1")
async def test_a_connection_that_fails_is_forgotten(registry):
    with suppress(RuntimeError), registry.connection(Socket()) as entry:
        entry.welcome("ada")
        raise RuntimeError
    assert entry.state is ConnectionState.CLOSED
    assert (len(registry), registry._of_users) == (0, {})


@pytest.mark.requirement("C-1")
async def test_sums_hold_what_is_open_and_what_was(registry):
    with registry.connection(Socket(traffic=Traffic(1, 20, 300, 4000))):
        pass
    with registry.connection(Socket(traffic=Traffic(5, 60, 700, 8000))):
        found = registry.statistics()
    after = registry.statistics()
    assert attrs.asdict(found) == {
        "open": 1,
        "limit": 3,
        "total": 2,
        "refused": 0,
        "messages_in": 6,
        "bytes_in": 80,
        "messages_out": 1000,
        "bytes_out": 12_000,
    }
    assert after == attrs.evolve(found, open=0)


# -- over real sockets --------------------------------------------------------------------------


@pytest.mark.requirement("C-1")
async def test_messages_and_bytes_of_a_real_socket(open_door):
    registry, entries, taken = Registry(1), [], []

    def sink(message: bytes) -> bool:
        taken.append(message)
        return True

    async def handler(ws) -> None:
        with registry.connection(ws) as entry:
            entries.append(entry)
            await ws.send("héllo")
            await ws.send(await ws.receive())
            ws.hand_over(sink)
            await ws.send(await ws.receive())

    async with open_door(handler) as door:
        client = await door.client()
        await client.upgrade(User_Agent="Browser/1.0 (Pi;\tarm64)" + "x" * 1000)
        assert await client.frame() == (TEXT, "héllo".encode())
        (entry,) = entries
        assert entry.peer == "127.0.0.1"
        assert entry.user_agent == ("Browser/1.0 (Pi;\tarm64)" + "x" * 1000)[:200].replace("\t", "")
        before = entry.last_activity()
        await client.send(frame(b"?", opcode=PING))
        assert await client.frame() == (PONG, b"?")
        assert entry.last_activity() == before, "a ping is no message"
        # One in two frames, as the general parser has it; some by the shortest way, to the sink.
        await client.send(frame(b"ab", opcode=TEXT, fin=False) + frame("é".encode(), opcode=0))
        assert await client.frame() == (TEXT, "abé".encode())
        assert entry.last_activity() > before
        await client.send(frame(bytes(640)) * 50 + frame(b"end", opcode=TEXT))
        assert await client.frame() == (TEXT, b"end")
    assert len(taken) == 50
    found = registry.statistics()
    assert (found.messages_in, found.bytes_in) == (52, 4 + 50 * 640 + 3)
    assert (found.messages_out, found.bytes_out) == (3, 6 + 4 + 3)
    assert found.open == 0


@pytest.mark.requirement("C-1")
async def test_what_could_not_be_sent_is_not_counted(open_door):
    registry = Registry(1)

    async def handler(ws) -> None:
        with registry.connection(ws):
            while True:
                await ws.send(bytes(65_536))

    async with open_door(handler, send_timeout=0.2) as door:
        client = await door.client()
        await client.upgrade()
        with trio.fail_after(3):
            while not registry.statistics().messages_out or len(registry):
                await trio.lowlevel.checkpoint()
        received = len(await client.rest())
    found = registry.statistics()
    assert found.bytes_out == found.messages_out * 65_536 <= received + 65_536

"""The names of trio-websocket that are not public and that `voicechat.gateway` uses."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, TextMessage
from wsproto.utilities import LocalProtocolError

pytestmark = pytest.mark.requirement("P-4")

HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = b"\0\0\0\0"


async def accepted():
    """A server connection after its handshake, its reader not running, and the client's stream."""
    ours, theirs = trio.testing.memory_stream_pair()
    protocol = WSConnection(ConnectionType.SERVER)
    protocol.receive_data(HEAD)
    (request,) = protocol.events()
    connection = WebSocketConnection(
        ours, protocol, message_queue_size=5, max_message_size=100, receive_buffer_size=1000
    )
    await WebSocketRequest(connection, request).accept()
    assert (await theirs.receive_some()).startswith(b"HTTP/1.1 101")
    return connection, protocol, theirs


def test_version_is_the_one_that_was_read() -> None:
    assert version("trio-websocket").startswith("0.12.")


async def test_private_attributes_are_what_we_take_them_for() -> None:
    connection, protocol, _ = await accepted()
    assert connection._wsproto is protocol
    assert connection._close_reason is None
    assert connection._reader_running is True
    assert connection._pings == {}
    assert isinstance(connection._send_channel, trio.MemorySendChannel)
    assert isinstance(connection._recv_channel, trio.MemoryReceiveChannel)
    assert isinstance(connection._close_handshake, trio.Event)
    assert isinstance(connection._stream_lock, trio.StrictFIFOLock)
    assert protocol.client is False
    for name in (
        "_send",
        "_abort_web_socket",
        "_handle_pong_event",
        "_handle_close_connection_event",
        "_handle_message_event",
    ):
        assert inspect.iscoroutinefunction(getattr(connection, name)), name


async def test_messages_pass_through_the_channel() -> None:
    connection, _, _ = await accepted()
    await connection._send_channel.send("hello")
    assert await connection.get_message() == "hello"


async def test_closing_sends_the_frame_and_waits_for_the_reader_to_see_the_answer() -> None:
    connection, protocol, theirs = await accepted()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.aclose, 1001, "bye")
        assert (await theirs.receive_some())[2:4] == (1001).to_bytes(2, "big")
        assert protocol.state is ConnectionState.LOCAL_CLOSING
        assert connection.closed is not None
        with pytest.raises(ConnectionClosed):
            await connection.get_message()
        protocol.receive_data(b"\x88\x82" + MASK + (1001).to_bytes(2, "big"))
        (event,) = protocol.events()
        await connection._handle_close_connection_event(event)


async def test_abort_ends_receiving_with_1006() -> None:
    connection, _, _ = await accepted()
    await connection._abort_web_socket()
    with pytest.raises(ConnectionClosed) as closed:
        await connection.get_message()
    assert closed.value.reason.code == 1006
    assert connection._reader_running is False


# --- the traps that are the reason for our reader: when one of these fails, look whether it can go


async def test_trap_wsproto_leaves_frames_behind_the_head_in_its_http_parser() -> None:
    protocol = WSConnection(ConnectionType.SERVER)
    protocol.receive_data(HEAD + b"\x81\x82" + MASK + b"hi")
    (request,) = protocol.events()
    ours, _theirs = trio.testing.memory_stream_pair()
    connection = WebSocketConnection(ours, protocol)
    await WebSocketRequest(connection, request).accept()
    assert list(protocol.events()) == []
    protocol.receive_data(b"\x81\x82" + MASK + b"hi")
    assert [type(event) for event in protocol.events()] == [TextMessage]


async def test_trap_size_counts_characters() -> None:
    connection, protocol, _ = await accepted()
    protocol.receive_data(b"\x81\xfe\x00\xb4" + MASK + "é".encode() * 90)
    (event,) = protocol.events()
    await connection._handle_message_event(event)
    assert connection.closed is None  # 180 bytes of at most 100
    assert len((await connection.get_message()).encode()) == 180


async def test_trap_ping_while_closing_is_an_error_in_the_library() -> None:
    connection, protocol, _ = await accepted()
    protocol.send(CloseConnection(code=1000))
    protocol.receive_data(b"\x89\x80" + MASK)
    (ping,) = protocol.events()
    with pytest.raises(LocalProtocolError):
        await connection._handle_ping_event(ping)


async def test_trap_broken_frame_looks_like_a_close_in_the_open_state() -> None:
    _, protocol, _ = await accepted()
    protocol.receive_data(b"\x81\x81" + MASK + b"\xff")
    (event,) = protocol.events()
    assert (type(event), event.code) == (CloseConnection, 1007)
    assert protocol.state is ConnectionState.OPEN


async def test_trap_cancelled_ping_stays() -> None:
    connection, _, _ = await accepted()
    with trio.move_on_after(0.01):
        await connection.ping(b"1")
    assert list(connection._pings) == [b"1"]

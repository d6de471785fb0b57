"""Ordinary frames are taken out of the stream; with the rest left to wsproto nothing changes."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, TextMessage

from voicechat.gateway.frames import Rest, Splitter, unmask, whole_frame

pytestmark = pytest.mark.requirement("C-12")


def frame(
    first: int, payload: bytes, mask: bytes = b"\1\2\3\4", length: int | None = None
) -> bytes:
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65_536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + mask + unmask(bytearray(payload), bytearray(mask))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def told(protocol: Connection, data: bytes) -> list[object]:
    """What wsproto makes of bytes, parts of messages joined by `whole`."""
    if data:
        protocol.receive_data(data)
    return list(protocol.events())


def whole(events: list[object]) -> list[object]:
    """Messages instead of their parts; other events by kind; nothing behind an end."""
    found: list[object] = []
    part: str | bytes | None = None
    for event in events:
        if isinstance(event, (str, bytes)):
            found.append(event)
        elif isinstance(event, Message):
            data = event.data if isinstance(event, TextMessage) else bytes(event.data)
            part = data if part is None else part + data
            if event.message_finished:
                found.append(part)
                part = None
        elif isinstance(event, CloseConnection):
            return [*found, ("close", event.code)]
        else:
            found.append((type(event), bytes(event.payload)))
    return found


def split(data: list[bytes], largest: int = 1 << 20) -> list[object]:
    splitter, protocol = Splitter(largest), Connection(ConnectionType.SERVER)
    events: list[object] = []
    for piece in data:
        for item in splitter.push(piece):
            events += told(protocol, item) if isinstance(item, Rest) else [item]
    return whole(events)


GOOD = st.builds(
    frame,
    st.sampled_from([0x81, 0x82]),
    st.one_of(st.text(max_size=300).map(str.encode), st.just(b"x" * 126), st.just(b"y" * 70_000)),
    st.binary(min_size=4, max_size=4),
)
CONTROL = st.builds(frame, st.sampled_from([0x89, 0x8A]), st.binary(max_size=125))
FRAGMENTS = st.lists(st.binary(max_size=40), min_size=2, max_size=4).map(
    lambda parts: b"".join(
        frame((0x02 if not n else 0) | (0x80 if n == len(parts) - 1 else 0), part)
        for n, part in enumerate(parts)
    )
)
WRONG = st.one_of(
    st.builds(frame, st.integers(0, 255), st.binary(max_size=130)),
    st.binary(max_size=20),
    st.just(frame(0x81, b"\xff")),
    st.just(bytes((0x82, 0xFE, 0, 5)) + bytes(9)),  # a short length in its long form
    st.just(b"\x82\x05hello"),  # without a mask
)
CUTS = st.lists(st.integers(0, 1 << 30), max_size=12)


@given(st.lists(st.one_of(GOOD, CONTROL, FRAGMENTS), max_size=6), CUTS)
def test_it_says_what_wsproto_says(frames, cuts) -> None:
    data = b"".join(frames)
    assert split(pieces(data, cuts)) == whole(told(Connection(ConnectionType.SERVER), data))


@given(
    st.lists(st.one_of(GOOD, CONTROL, FRAGMENTS), max_size=3), WRONG, st.binary(max_size=9), CUTS
)
def test_mistakes_are_found_where_wsproto_finds_them(frames, wrong, behind, cuts) -> None:
    data = b"".join([*frames, wrong, behind])
    ours = split(pieces(data, cuts))
    theirs = whole(told(Connection(ConnectionType.SERVER), data))
    # Of a frame that has not come to its end, wsproto may tell more: what is wrong inside it.
    assert ours == theirs or (ours == theirs[: len(ours)] and len(theirs) == len(ours) + 1)


@given(st.binary(max_size=3000), CUTS)
def test_no_byte_is_lost_and_none_is_kept_without_need(payload, cuts) -> None:
    splitter = Splitter(1 << 20)
    data = frame(0x82, payload) * 3 + b"\x70"
    found = [item for piece in pieces(data, cuts) for item in splitter.push(piece)]
    assert found[:3] == [payload] * 3
    assert not any(isinstance(item, Rest) for item in found[:3])
    assert len(splitter._buffer) <= 1


def test_what_is_too_large_is_passed_on_as_it_comes() -> None:
    splitter = Splitter(100)
    head = frame(0x82, b"", length=101)
    assert b"".join(splitter.push(head[:3]) + splitter.push(head[3:])) == head
    assert splitter.push(b"more") == [b"more"]
    assert isinstance(splitter.push(frame(0x82, b"small"))[0], Rest)


def test_a_giant_that_is_announced_is_not_waited_for() -> None:
    splitter = Splitter(1 << 40)
    assert splitter.push(frame(0x82, b"", length=1 << 40))
    assert len(splitter._buffer) == 0


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("kind", [str, bytes])
def test_frames_of_ours_are_understood(size, kind) -> None:
    message = "é" * (size // 2) + "a" * (size % 2) if kind is str else os.urandom(size)
    client = Connection(ConnectionType.CLIENT)
    (event,) = told(client, whole_frame(message))
    assert isinstance(event, TextMessage if kind is str else BytesMessage)
    assert (event.data if kind is str else bytes(event.data)) == message


@given(st.binary(max_size=50), st.binary(min_size=4, max_size=4))
def test_unmasking(payload, mask) -> None:
    assert unmask(bytearray(payload), bytearray(mask)) == bytes(
        byte ^ mask[at % 4] for at, byte in enumerate(payload)
    )

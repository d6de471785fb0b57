"""What a link decides when its connection is lost, silent or refused."""

from __future__ import annotations

import pytest

from tests.client.link_tools import connected, drain, error, hear
from tests.client.model_server import WELCOME, restored
from voicechat.client.link import Link
from voicechat.client.state import Phase, Reason
from voicechat.errors import ErrorCode
from voicechat.protocol.messages.connection import Hello, Ping, Pong
from voicechat.protocol.messages.conversation import (
    StreamDelta,
)


@pytest.mark.requirement("S-2")
def test_ten_tries_with_growing_waits_and_then_a_button() -> None:
    link, now, waits = connected(), 50.0, []
    states = []
    for _ in range(11):
        told = link.closed(None, now, 1.0)
        states.append(str(told.state))
        if link.connect_at is not None:
            waits.append(link.connect_at - now)
            now = link.connect_at
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
    assert states == [f"reconnecting {n}/10" for n in range(1, 11)] + ["offline: gave_up"]
    assert link.state.reason is Reason.GAVE_UP
    link.retry(now)
    assert (link.connect_at, str(link.state)) == (now, "reconnecting 1/10")
    link.closed(None, now, 0.5)
    assert link.connect_at == now + 1, "the waits begin anew, with the second try"


def test_the_waits_are_spread_by_chance() -> None:
    link = connected()
    link.closed(None, 10.0, 0.25)
    assert link.connect_at == 10.25


def test_no_waiting_where_the_network_is_back() -> None:
    link = connected()
    link.closed(None, 0.0, 1.0)
    link.retry(0.1)
    assert (link.connect_at, link.state.attempt) == (0.1, 1)
    link.opened(0.1)
    link.retry(0.2)
    assert link.connect_at is None, "a try is being made already"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, Reason.REFUSED),
        (1008, Reason.REFUSED),
        (1009, Reason.REFUSED),
        (4501, Reason.REFUSED),
        (4500, Reason.OPENED_ELSEWHERE),
        (1001, None),
        (1006, None),
        (1011, None),
        (1013, None),
        (4000, None),
        (4001, None),
        (4002, None),
    ],
)
@pytest.mark.requirement("S-8")
def test_close_codes(code, reason) -> None:
    link = connected()
    state = link.closed(code, 0.0, 0.0).state
    assert state.reason is reason
    assert state.phase is (Phase.RECONNECTING if reason is None else Phase.OFFLINE)
    assert (link.connect_at is None) == (reason is not None)


def test_a_server_that_closes_as_soon_as_all_seems_well_gets_no_fresh_tries() -> None:
    link = connected()
    for attempt in range(1, 6):
        assert link.closed(1011, 0.0, 0.0).state.attempt == attempt
        link.opened(0.0)
        drain(link)
        hear(link, restored())
        assert link.state.phase is Phase.CONNECTED
    assert link.closed(1011, 100.0, 0.0).state.attempt == 1


def test_a_network_that_is_cut_again_and_again_is_no_fault_of_the_server() -> None:
    link = connected()
    for _ in range(30):
        assert link.closed(None, 0.0, 0.0).state.attempt == 1
        link.opened(0.0)
        drain(link)
        hear(link, restored())


@pytest.mark.parametrize(("retryable", "code"), [(True, 1013), (False, 1008)])
def test_a_session_that_cannot_be_had(retryable, code) -> None:
    link = Link(Hello(1))
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    refusal = error(ErrorCode.CAPACITY_EXCEEDED, retryable=retryable)
    assert hear(link, refusal) == [refusal]
    assert link.hang_up == code
    state = link.closed(link.hang_up, 0.0, 0.0).state
    assert state.reason is (None if retryable else Reason.REFUSED)
    assert state.message == ("" if retryable else "It is capacity_exceeded.")


def test_errors_of_other_things_are_the_users() -> None:
    link = connected()
    told = error(ErrorCode.SESSION_NOT_FOUND)
    assert hear(link, told) == [told]
    assert link.hang_up is None
    assert link.session is not None


@pytest.mark.requirement("C-2")
def test_a_server_without_a_sign_of_life_is_dead_after_two_beats() -> None:
    link = connected()
    assert link.beat_at == 20
    assert link.beat(19.9)
    assert drain(link) == []
    assert link.beat(20)
    ((_, ping),) = drain(link)
    assert isinstance(ping, Ping)
    assert hear(link, Pong(ping.nonce)) == [], "it is the client's own"
    assert link.beat(40)
    assert drain(link) != []
    assert not link.beat(60)


def test_anything_is_a_sign_of_life() -> None:
    link = connected()
    link.beat(20)
    hear(link, StreamDelta(1, "word"), 1)
    assert link.beat(40)


def test_a_client_that_does_not_read_learns_nothing_from_silence() -> None:
    link = connected()
    assert link.beat(20, listening=False)
    assert link.beat(40, listening=False)
    assert link.beat(60), "it begins to read only now"
    assert not link.beat(80)

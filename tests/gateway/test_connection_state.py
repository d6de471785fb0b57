"""Every pair of a state and an event, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.gateway.connection_state import (
    TRANSITIONS,
    ConnectionEvent,
    ConnectionState,
    after,
)

pytestmark = pytest.mark.requirement("C-1")

TABLE = """
              welcomed    goodbye   gone
connecting    connected   closing   closed
connected     -           closing   closed
closing       closing     closing   closed
closed        closed      closed    closed
"""
HEAD, *ROWS = (line.split() for line in TABLE.strip().splitlines())
PAIRS = [
    (state, event, following)
    for state, *row in ROWS
    for event, following in zip(HEAD, row, strict=True)
]


@pytest.mark.parametrize(("state", "event", "following"), PAIRS)
def test_each_pair(state, event, following):
    if following == "-":
        with pytest.raises(ValueError, match="a connection that is connected cannot be welcomed"):
            after(ConnectionState(state), ConnectionEvent(event))
    else:
        assert after(ConnectionState(state), ConnectionEvent(event)) == following


def test_no_pair_is_missing_and_nobody_can_change_the_table():
    assert {(state, event) for state, event, _ in PAIRS} == {
        (state, event) for state in ConnectionState for event in ConnectionEvent
    }
    assert len(TRANSITIONS) == sum(following != "-" for *_, following in PAIRS)
    with pytest.raises(TypeError):
        TRANSITIONS[ConnectionState.CLOSED, ConnectionEvent.GONE] = ConnectionState.CONNECTED


@given(st.lists(st.sampled_from([ConnectionEvent.GOODBYE, ConnectionEvent.GONE])), st.integers(0))
def test_life_goes_one_way_whenever_the_welcome_comes(events, when):
    events.insert(when % (len(events) + 1), ConnectionEvent.WELCOMED)
    order, state = list(ConnectionState), ConnectionState.CONNECTING
    for event in events:
        following = after(state, event)
        assert order.index(following) >= order.index(state)
        state = following
    assert (state is ConnectionState.CLOSED) == (ConnectionEvent.GONE in events)

"""What a link decides when sessions are switched, and when they end."""

from __future__ import annotations

import pytest

from tests.client.link_tools import connected, drain, error, hear, reconnect, speech
from tests.client.model_server import WELCOME, ready, restored
from voicechat.client.events import DisconnectedError
from voicechat.client.known import SessionKey
from voicechat.client.state import Phase
from voicechat.errors import ErrorCode
from voicechat.protocol.messages.connection import ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    StreamDelta,
    UserMessage,
)
from voicechat.protocol.messages.session import Ack, EndReason, SessionTerminated
from voicechat.protocol.messages.sessions import CreateSession, SwitchSession


@pytest.mark.requirement("S-10")
def test_switching_and_switching_back_loses_nothing() -> None:
    link = connected()
    link.send(UserMessage("in the first"))
    drain(link)
    hear(link, StreamDelta(1, "a"), 1)
    link.send(SwitchSession(session_id="session2"))
    link.send(UserMessage("in the second"))
    assert drain(link, 9.0) == [
        (None, SwitchSession(session_id="session2")),
        (None, Ack(1)),
    ], "what is said waits for the session that it is for"
    assert hear(link, StreamDelta(1, "b"), 2) != [], "of the first one still"
    hear(link, restored(session_id="session2", secret="s2", epoch="f", seq=7, history=()))
    assert drain(link) == [(1, UserMessage("in the second"))]
    link.send(SwitchSession(session_id="session1"))
    ((_, back),) = drain(link)
    assert back == SwitchSession(session_id="session1", epoch="e1", seq=2, client_seq=1)
    hear(link, restored(seq=2))
    assert drain(link) == [(1, UserMessage("in the first"))]
    assert hear(link, StreamDelta(1, "b"), 2) == []
    assert link.heard(speech(1), 0.0) != [], "its speech was not kept here"


def test_a_switch_that_is_refused_changes_nothing() -> None:
    link = connected()
    link.send(SwitchSession(session_id="another"))
    drain(link)
    hear(link, error(ErrorCode.SESSION_NOT_FOUND))
    assert link.hang_up is None
    link.send(UserMessage("still here"))
    assert drain(link) == [(1, UserMessage("still here"))]
    assert link.session == SessionKey("session1", "secret1")


def test_a_switch_is_asked_for_again_when_the_connection_was_lost() -> None:
    link = connected()
    link.send(SwitchSession(session_id="session2"))
    drain(link)
    assert reconnect(link) == SwitchSession(session_id="session2")


def test_one_session_is_asked_for_at_a_time() -> None:
    link = connected()
    link.send(CreateSession())
    assert drain(link) == [(None, CreateSession())]
    link.send(SwitchSession(session_id="session1"))
    assert drain(link) == []
    hear(link, ready(2, "e2"))
    ((_, asked),) = drain(link)
    assert asked.session_id == "session1"
    hear(link, restored())
    assert link.session == SessionKey("session1", "secret1")


def test_the_session_that_is_driven_is_not_asked_for() -> None:
    link = connected()
    link.send(SwitchSession(session_id="session1"))
    assert drain(link) == []


def ended(reason: EndReason, *, resumable: bool = True) -> SessionTerminated:
    return SessionTerminated("session1", reason, "It has ended.", resumable)


@pytest.mark.requirement("S-6")
def test_a_session_that_ended_is_not_resumed_by_itself() -> None:
    link = connected()
    hear(link, ended(EndReason.MAX_DURATION))
    assert link.session is None
    with pytest.raises(DisconnectedError):
        link.send(UserMessage("nobody hears this"))
    link.closed(None, 0.0, 0.0)
    link.opened(0.0)
    assert len(drain(link)) == 1, "hello, and no session"
    hear(link, WELCOME)
    assert link.state.phase is Phase.CONNECTED
    link.send(SwitchSession(session_id="session1"))
    ((_, asked),) = drain(link)
    assert isinstance(asked, SwitchSession)
    hear(link, restored(epoch="e2", history=()))
    assert link.send(UserMessage("once more")) == 1


def test_a_session_that_ended_with_its_server_is_reopened_when_that_is_back() -> None:
    link = connected()
    hear(link, ServerShuttingDown(1.0))
    hear(link, ended(EndReason.SHUTDOWN))
    assert drain(link) == [], "not on this connection"
    assert reconnect(link, 1001).reopen is True
    hear(link, restored(epoch="e2", history=()))
    assert reconnect(link).reopen is False

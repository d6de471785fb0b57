"""What a link decides when it opens, acknowledges, and is asked for too much."""

from __future__ import annotations

import pytest

from tests.client.link_tools import HANDS_FREE, connected, drain, hear, reconnect, speech
from tests.client.model_server import WELCOME, ready, restored
from voicechat.client.events import DisconnectedError, StateChanged
from voicechat.client.known import SessionKey
from voicechat.client.link import MAX_REQUESTS, Link
from voicechat.client.outgoing import MAX_KEPT
from voicechat.client.state import Phase, State
from voicechat.errors import CapacityExceeded, ProtocolError
from voicechat.protocol.messages.audio import AudioClose, AudioOpen
from voicechat.protocol.messages.connection import Hello, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    StreamDelta,
    TranscriptFinal,
    UserMessage,
)
from voicechat.protocol.messages.session import Ack, InputAck
from voicechat.protocol.messages.sessions import CreateSession, ListSessions


def test_it_says_hello_and_asks_for_a_session_at_once() -> None:
    link = Link(Hello(1, "test", start=True))
    assert (link.state.phase, link.connect_at) == (Phase.CONNECTING, 0.0)
    link.opened(0.0)
    assert link.connect_at is None
    (_, hello), (_, opening) = drain(link)
    assert (hello.start, hello.acknowledges) == (False, True)
    assert opening == CreateSession()


def test_what_is_said_early_waits_for_the_session() -> None:
    link = Link(Hello(1))
    assert link.send(UserMessage("early")) == 1
    link.opened(0.0)
    assert len(drain(link)) == 2
    hear(link, WELCOME)
    assert drain(link) == []
    told = hear(link, ready())
    assert told[-1] == StateChanged(State(Phase.CONNECTED))
    assert link.session == SessionKey("session1", "secret1")
    assert drain(link) == [(1, UserMessage("early"))]


def test_the_key_of_the_user_is_kept_for_the_next_hello() -> None:
    link = connected()
    link.closed(None, 0.0, 0.0)
    link.opened(0.0)
    assert drain(link)[0][1].user_key == WELCOME.user_key


def test_the_secret_is_not_shown() -> None:
    assert "secret1" not in repr(connected().session)


def test_an_ack_is_due_after_a_quarter_second_or_32_items() -> None:
    link = connected()
    assert link.ack_at is None
    hear(link, StreamDelta(1, "a"), 1, now=5.0)
    hear(link, StreamDelta(1, "b"), 2, now=5.1)
    assert link.ack_at == 5.25
    assert drain(link, 5.2) == []
    assert drain(link, 5.25) == [(None, Ack(2))]
    assert link.ack_at is None
    for seq in range(3, 34):
        link.heard(speech(seq), 6.0)
    assert drain(link, 6.0) == []
    link.heard(speech(34), 6.0)
    assert drain(link, 6.0) == [(None, Ack(34))]
    link.heard(speech(34), 6.0)
    assert link.ack_at is None, "what comes twice is not acknowledged twice"


def test_a_final_transcript_settles_its_audio() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 100)
    link.outgoing.audio(b"cd" * 100)
    drain(link)
    hear(link, TranscriptFinal("words", accepted=True, turn=1, stream=1, until=100), 1)
    reconnect(link)
    hear(link, restored(epoch="e2", history=()))
    assert drain(link)[-1].pcm == b"cd" * 100


def test_what_has_no_place_in_a_session_is_not_counted() -> None:
    link = connected()
    told = hear(link, ServerShuttingDown(3.0))
    assert told == [ServerShuttingDown(3.0)]
    with pytest.raises(ProtocolError):
        link.heard('{"type":"of the future"}', 0.0)


def test_half_a_minute_of_audio_is_kept() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    drain(link)
    link.closed(None, 0.0, 0.0)
    for second in range(40):
        link.outgoing.audio(bytes([second, 0]) * 16_000)
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    _, told, _ = hear(link, restored(client_seq=1, stream=1))
    assert told.audio_lost_s == pytest.approx(10.0)
    audio = drain(link)
    assert audio[0].offset == 10 * 16_000, "the newest is kept, and where it was"
    assert sum(frame.samples for frame in audio) == 30 * 16_000
    assert all(frame.samples <= 1_600 for frame in audio)


def test_tiny_frames_are_bounded_too() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    drain(link)
    for _ in range(7_000):
        link.outgoing.audio(b"ab")
    assert len(drain(link)) == 6_000


def test_messages_that_wait_are_bounded() -> None:
    link = connected()
    for _ in range(MAX_KEPT):
        link.send(UserMessage("more"))
    with pytest.raises(CapacityExceeded):
        link.send(UserMessage("too much"))
    drain(link)
    hear(link, InputAck(1, None, 0))
    assert link.send(UserMessage("again")) == MAX_KEPT + 1


def test_requests_need_a_connection_and_are_bounded() -> None:
    link = connected()
    for _ in range(MAX_REQUESTS):
        link.send(ListSessions())
    with pytest.raises(CapacityExceeded):
        link.send(ListSessions())
    assert len(drain(link)) == MAX_REQUESTS
    link.closed(None, 0.0, 0.0)
    with pytest.raises(DisconnectedError):
        link.send(ListSessions())


@pytest.mark.parametrize("message", [Hello(1), Ack(1), AudioOpen(1, 16_000), AudioClose(1)])
def test_what_the_client_says_by_itself(message) -> None:
    with pytest.raises(ValueError, match="by itself"):
        connected().send(message)


def test_audio_needs_an_open_microphone_and_whole_samples() -> None:
    link = connected()
    with pytest.raises(ValueError, match="open the microphone"):
        link.outgoing.audio(b"ab")
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    with pytest.raises(ValueError, match="whole"):
        link.outgoing.audio(b"abc")

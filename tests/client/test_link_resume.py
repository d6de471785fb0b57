"""What a link decides when a connection is back: what to send again, and what is void."""

from __future__ import annotations

import pytest

from tests.client.link_tools import HANDS_FREE, connected, drain, error, hear, reconnect
from tests.client.model_server import WELCOME, ready, restored, typed
from voicechat.client.known import Restored, SessionKey
from voicechat.client.link import Link
from voicechat.client.state import Phase
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, ListenMode
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import (
    Interrupt,
    StreamDelta,
    UserMessage,
)
from voicechat.protocol.messages.session import Ack, InputAck, Resume
from voicechat.protocol.messages.sessions import CreateSession, SwitchSession


@pytest.mark.requirement("S-2")
def test_a_reconnect_resumes_where_it_was() -> None:
    link = connected()
    for seq in (1, 2):
        hear(link, StreamDelta(1, "word"), seq)
    link.send(UserMessage("one"))
    link.send(UserMessage("two"))
    assert [number for number, _ in drain(link)] == [1, 2]
    hear(link, InputAck(1, None, 0))
    link.send(UserMessage("three"))
    opening = reconnect(link)
    assert opening == Resume(
        session_id="session1", secret="secret1", epoch="e1", seq=2, buffered=True, client_seq=2
    )
    told = hear(link, restored(seq=2, client_seq=2))
    assert told[1] == Restored("session1")
    assert drain(link) == [(3, UserMessage("three"))]
    assert hear(link, StreamDelta(1, "old"), 2) == []
    assert hear(link, StreamDelta(1, "new"), 3) == [StreamDelta(1, "new")]


@pytest.mark.requirement("S-3")
def test_the_microphone_goes_on_in_mid_word() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 320)
    drain(link)
    link.outgoing.audio(b"cd" * 320)
    reconnect(link)
    link.outgoing.audio(b"ef" * 320)
    hear(link, restored(client_seq=1, stream=1, samples=100))
    first, second, third = drain(link)
    assert (first.stream, first.offset, first.pcm) == (1, 100, b"ab" * 220)
    assert (second.offset, second.pcm) == (320, b"cd" * 320)
    assert (third.offset, third.pcm) == (640, b"ef" * 320)


def test_order_is_kept_between_messages_and_audio() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, ListenMode.PUSH_TO_TALK)
    link.outgoing.audio(bytes(640))
    link.outgoing.close_microphone()
    link.send(UserMessage("and so"))
    said = drain(link)
    reconnect(link)
    hear(link, restored())
    assert drain(link) == said
    kinds = [type(item[1]) if isinstance(item, tuple) else AudioFrame for item in said]
    assert kinds == [AudioOpen, AudioFrame, AudioClose, UserMessage]


@pytest.mark.requirement("S-4")
def test_a_restarted_server_hears_what_was_not_settled_as_a_new_stream() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 320)
    link.send(UserMessage("typed"))
    link.outgoing.audio(b"cd" * 320)
    drain(link)
    hear(link, StreamDelta(1, "word"), 9)
    reconnect(link)
    told = hear(link, restored(epoch="e2", client_seq=0, stream=1, samples=300, history=()))
    assert told[1] == Restored("session1", restarted=True)
    typed_, opened, *audio = drain(link)
    assert typed_ == (1, UserMessage("typed")), "no number for a stream that is void"
    assert opened == (2, AudioOpen(2, 16_000))
    assert b"".join(frame.pcm for frame in audio) == b"ab" * 20 + b"cd" * 320
    assert [(frame.stream, frame.seq, frame.offset) for frame in audio] == [(2, 0, 0), (2, 1, 20)]
    assert link.outgoing.position(2, 5) == 305
    assert link.outgoing.position(1, 5) is None
    link.outgoing.audio(b"ef" * 10)
    assert drain(link)[0].offset == 340
    assert hear(link, StreamDelta(1, "of the new epoch"), 1) != []


def test_streams_that_were_closed_are_heard_before_the_open_one_by_a_restarted_server() -> None:
    link = connected()
    link.outgoing.open_microphone(8_000, ListenMode.PUSH_TO_TALK)
    link.outgoing.audio(b"ab" * 100)
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"cd" * 100)
    drain(link)
    reconnect(link)
    hear(link, restored(epoch="e2", client_seq=3, stream=2, samples=0, history=()))
    one, first, close, two, second = drain(link)
    assert one == (4, AudioOpen(3, 8_000, ListenMode.PUSH_TO_TALK))
    assert close == (5, AudioClose(3))
    assert two == (6, AudioOpen(4, 16_000, HANDS_FREE))
    assert (first.stream, first.pcm, second.stream, second.pcm) == (3, b"ab" * 100, 4, b"cd" * 100)


def test_a_restarted_server_that_lacks_nothing_hears_the_microphone_go_on() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 320)
    drain(link)
    hear(link, InputAck(1, 1, 320))
    reconnect(link)
    hear(link, restored(epoch="e2", client_seq=1, stream=1, samples=320, history=()))
    link.outgoing.audio(b"cd" * 10)
    opened, frame = drain(link)
    assert opened == (2, AudioOpen(2, 16_000))
    assert (frame.offset, link.outgoing.position(2, 4)) == (0, 324)


def test_streams_before_the_one_that_the_server_has_are_not_sent_again() -> None:
    link = connected()
    for _ in range(2):
        link.outgoing.open_microphone(16_000, HANDS_FREE)
        link.outgoing.audio(b"ab" * 100)
    said = drain(link)
    reconnect(link)
    hear(link, restored(client_seq=3, stream=2, samples=0))
    assert drain(link) == said[-1:]


@pytest.mark.parametrize("epoch", ["e1", "e2"])
@pytest.mark.requirement("S-8")
def test_taking_a_session_back_from_another_client(epoch) -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.send(UserMessage("sent before"))
    drain(link)
    hear(link, InputAck(2, None, 0))
    link.closed(4500, 0.0, 0.0)
    link.send(UserMessage("typed meanwhile"))
    link.retry(0.0)
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    hear(link, restored(epoch=epoch, client_seq=9, own_seq=0, stream=4, samples=50))
    link.outgoing.audio(b"ab")
    said, opened, frame = drain(link)
    assert said == (10, UserMessage("typed meanwhile"))
    assert opened == (11, AudioOpen(5, 16_000))
    assert (frame.stream, frame.offset) == (5, 0)


@pytest.mark.requirement("S-4")
def test_what_was_taken_is_kept_until_it_is_safe() -> None:
    link = connected()
    link.send(UserMessage("taken"))
    link.send(UserMessage("safe"))
    drain(link)
    assert reconnect(link).client_seq == 1
    hear(link, restored(client_seq=2))
    assert drain(link) == [], "nothing is sent again"
    assert reconnect(link).client_seq == 1
    history = (typed(1, "taken"),)
    hear(link, restored(client_seq=2, history=history))
    assert drain(link) == [], "nor where the history of the same epoch tells it"
    reconnect(link)
    hear(link, restored(epoch="e2", client_seq=1, own_seq=0, history=history))
    assert drain(link) == [(2, UserMessage("safe"))], "it was not on disk when the server died"
    hear(link, InputAck(2, None, 0))
    reconnect(link)
    hear(link, restored(epoch="e3", client_seq=0, own_seq=0, history=()))
    assert drain(link) == []


@pytest.mark.parametrize("epoch", ["e1", "e2"])
@pytest.mark.requirement("S-8")
def test_another_client_s_words_under_the_same_number_are_not_taken_for_its_own(epoch) -> None:
    link = connected()
    link.send(UserMessage("taken"))
    drain(link)
    link.closed(4500, 0.0, 0.0)
    link.send(UserMessage("meanwhile"))
    link.send(Interrupt(1))
    link.retry(0.0)
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    theirs = (typed(1, "taken"), typed(2, "of the other"), typed(3, "and more"))
    restart = epoch == "e2"
    history, own_seq = (theirs, 0) if restart else (None, 1)
    hear(link, restored(epoch=epoch, client_seq=3, own_seq=own_seq, history=history))
    assert drain(link)[0] == (4, UserMessage("meanwhile"))
    link.send(UserMessage("next"))
    assert drain(link) == [(5 if restart else 6, UserMessage("next"))], "its turn is void"
    assert reconnect(link).client_seq == (4 if restart else 1)


@pytest.mark.requirement("S-8")
def test_a_stream_of_another_client_under_the_same_number_is_not_taken_for_its_own() -> None:
    link = connected()
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 100)
    drain(link)
    link.closed(4500, 0.0, 0.0)
    link.outgoing.audio(b"cd" * 100)
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ef" * 100)
    link.retry(0.0)
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    hear(link, restored(client_seq=3, own_seq=1, stream=2, samples=100))
    one, first, close, two, second = drain(link)
    assert [one, close, two] == [
        (4, AudioOpen(3, 16_000)),
        (5, AudioClose(3)),
        (6, AudioOpen(4, 16_000)),
    ]
    assert (first.stream, first.pcm, second.stream, second.pcm) == (3, b"cd" * 100, 4, b"ef" * 100)


@pytest.mark.requirement("S-8")
def test_a_client_says_who_it_is_wherever_it_begins() -> None:
    link = Link(Hello(1), client="of this program")
    link.opened(0.0)
    assert [message for _, message in drain(link)][1] == CreateSession("of this program")
    hear(link, WELCOME)
    hear(link, ready())
    assert reconnect(link).client == "of this program"
    hear(link, restored())
    link.send(SwitchSession(session_id="another"))
    assert drain(link)[0][1].client == "of this program"


@pytest.mark.requirement("S-2")
def test_that_speech_was_lost_is_told_until_it_is_acknowledged() -> None:
    link = connected()
    hear(link, StreamDelta(1, "word"), 1)
    reconnect(link)
    hear(link, restored(seq=1, speech_lost=True))
    assert drain(link) == [(None, Ack(1))]
    assert drain(link) == []


@pytest.mark.parametrize("code", [ErrorCode.SESSION_EXPIRED, ErrorCode.SESSION_NOT_FOUND])
@pytest.mark.requirement("S-2")
def test_a_session_that_is_over_is_followed_by_a_new_one(code) -> None:
    link = connected()
    link.send(UserMessage("settled"))
    link.send(UserMessage("unsettled"))
    link.send(Interrupt(1))
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    link.outgoing.audio(b"ab" * 10)
    drain(link)
    hear(link, InputAck(1, None, 0))
    reconnect(link)
    assert link.state.phase is Phase.RECONNECTING
    hear(link, error(code))
    assert link.hang_up is None
    assert drain(link) == [], "the server sends a new session by itself"
    told = hear(link, ready(2, "e2"))
    assert told[1] == Restored("session2", fresh=True)
    assert link.session == SessionKey("session2", "secret2")
    text, opened, frame = drain(link)
    assert text == (1, UserMessage("unsettled"))
    assert opened == (2, AudioOpen(1, 16_000))
    assert frame.pcm == b"ab" * 10
    assert hear(link, StreamDelta(1, "first"), 1) != []

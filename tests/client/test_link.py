"""What a link decides at each turn of fate, one case a test."""

from __future__ import annotations

import pytest

from tests.client.model_server import AT, CODEC, WELCOME, ready, restored
from voicechat.client.events import DisconnectedError, StateChanged
from voicechat.client.known import Restored, SessionKey
from voicechat.client.link import MAX_REQUESTS, Link
from voicechat.client.outgoing import MAX_KEPT
from voicechat.client.state import Phase, Reason, State
from voicechat.errors import CapacityExceeded, ErrorCode, ProtocolError
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, ListenMode, Playback
from voicechat.protocol.messages.connection import Error, Hello, Ping, Pong, ServerShuttingDown
from voicechat.protocol.messages.connection import Settings as Change
from voicechat.protocol.messages.conversation import (
    Interrupt,
    StreamDelta,
    TranscriptFinal,
    UserMessage,
)
from voicechat.protocol.messages.session import (
    Ack,
    CreateSession,
    EndReason,
    HistoryEntry,
    InputAck,
    ListSessions,
    Resume,
    SessionTerminated,
    SwitchSession,
)

HANDS_FREE = ListenMode.HANDS_FREE


def drain(link: Link, now: float = 0.0) -> list:
    """All that the link writes now: (number, message), or a frame."""
    out = []
    while (data := link.next(now)) is not None:
        if isinstance(data, bytes):
            out.append(unpack(data, FrameKind.MICROPHONE))
        else:
            envelope = CODEC.decode_client(data)
            out.append((envelope.seq, envelope.message))
    return out


def hear(link: Link, message, seq: int | None = None, now: float = 0.0) -> list:
    return [event for event, _ in link.heard(CODEC.encode(message, seq), now)]


def speech(seq: int, now_offset: int = 0) -> bytes:
    return AudioFrame(FrameKind.SPEECH, 1, seq, now_offset, bytes(20)).pack()


def error(code: ErrorCode, *, retryable: bool = False, seq: int | None = None) -> Error:
    return Error(code, f"It is {code}.", retryable, "", "c", seq)


def connected(link: Link | None = None) -> Link:
    link = link or Link(Hello(1, "test"))
    link.opened(0.0)
    drain(link)
    hear(link, WELCOME)
    hear(link, ready())
    return link


def reconnect(link: Link, code: int | None = None, now: float = 0.0) -> Resume:
    """Lose the socket and get another one; what the link asks for on it."""
    link.closed(code, now, 0.5)
    link.opened(now)
    (_, hello), (_, opening) = drain(link, now)
    assert isinstance(hello, Hello)
    hear(link, WELCOME)
    return opening


# -- opening -----------------------------------------------------------------------------------


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


# -- resuming ----------------------------------------------------------------------------------


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
    void, typed, opened, *audio = drain(link)
    assert void == (1, Change()), "a number without a hole, for a stream that is void"
    assert typed == (2, UserMessage("typed"))
    assert opened == (3, AudioOpen(2, 16_000))
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
    hear(link, restored(epoch=epoch, client_seq=9, stream=4, samples=50))
    link.outgoing.audio(b"ab")
    typed, opened, frame = drain(link)
    assert typed == (10, UserMessage("typed meanwhile"))
    assert opened == (11, AudioOpen(5, 16_000))
    assert (frame.stream, frame.offset) == (5, 0)


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


def test_an_earlier_program_s_session_is_resumed_with_its_history() -> None:
    begin = Resume(session_id="session1", secret="secret1", reopen=True)
    link = Link(Hello(1), begin)
    link.send(UserMessage("early"))
    link.opened(0.0)
    assert drain(link)[1] == (None, begin)
    hear(link, WELCOME)
    entry = HistoryEntry(1, "user", "hello", "text", "complete", AT, 17)
    hear(link, restored(seq=40, client_seq=17, stream=3, samples=9, history=(entry,)))
    assert drain(link) == [(18, UserMessage("early"))]
    link.outgoing.open_microphone(16_000, HANDS_FREE)
    assert drain(link) == [(19, AudioOpen(4, 16_000))]
    assert hear(link, StreamDelta(1, "old"), 40) == []
    assert link.heard(speech(39), 0.0) != [], "speech that was not played comes again"
    assert link.heard(speech(39), 0.0) == []
    assert reconnect(link).buffered is False, "not all of it has come"
    hear(link, restored(seq=40, client_seq=19, stream=4))
    assert link.heard(speech(39), 0.0) == []
    assert link.heard(speech(40), 0.0) != []
    assert hear(link, StreamDelta(1, "new"), 41) != []
    assert link.heard(speech(40), 0.0) == []
    assert reconnect(link).buffered is True


def test_where_the_loudspeaker_is_is_told_again() -> None:
    link = connected()
    link.send(Playback(1, 100))
    link.send(Playback(1, 200))
    assert drain(link) == [(None, Playback(1, 200))]
    assert drain(link) == []
    link.send(UserMessage("next"))
    reconnect(link)
    hear(link, restored())
    assert drain(link) == [(None, Playback(1, 200)), (1, UserMessage("next"))]
    reconnect(link)
    hear(link, restored(epoch="e2", history=()))
    assert drain(link) == [(1, UserMessage("next"))], "its turn is void"


# -- acknowledging -----------------------------------------------------------------------------


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


# -- too much ----------------------------------------------------------------------------------


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


# -- losing the connection ---------------------------------------------------------------------


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


# -- heartbeat ---------------------------------------------------------------------------------


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


# -- several sessions --------------------------------------------------------------------------


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


# -- ends --------------------------------------------------------------------------------------


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

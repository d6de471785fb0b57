"""The client's shell against a scripted server: real sockets, and a clock that waits for nobody."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.client.fake_server import fake_server
from tests.client.model_server import WELCOME
from voicechat.client.client import open_client
from voicechat.client.events import DisconnectedError, StateChanged
from voicechat.client.known import Restored, SessionKey
from voicechat.client.state import Phase, Reason, State
from voicechat.errors import ErrorCode, UsageError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, Playback
from voicechat.protocol.messages.connection import Error, Ping, Pong, Welcome
from voicechat.protocol.messages.conversation import StreamDelta, UserMessage
from voicechat.protocol.messages.session import Ack, Resume, SessionReady, SessionRestored
from voicechat.protocol.messages.sessions import ListSessions

KEY = SessionKey("session1", "secret1")


def surely() -> float:
    return 1.0


def at_once() -> float:
    return 0.0


async def until(client, phase: Phase) -> State:
    """Read events until the client is in this phase."""
    async for event in client.events():
        if isinstance(event, StateChanged) and event.state.phase is phase:
            return event.state
    raise AssertionError("the client has ended")


async def test_a_conversation(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        assert client.session is None
        number = client.text("hello")
        peer = await server.peer()
        hello, _ = await peer.greet()
        assert hello.acknowledges
        assert await client.ready() == KEY
        assert await peer.hear() == UserMessage("hello")
        assert peer.said[-1].seq == number == 1
        frame = AudioFrame(FrameKind.SPEECH, 1, 2, 0, bytes(40))
        await peer.say(StreamDelta(1, "Hi."), 1)
        await peer.say(frame.pack())
        events = client.events()
        told = [(await anext(events), events.seq) for _ in range(5)]
        assert [type(event) for event, _ in told[:3]] == [Welcome, SessionReady, StateChanged]
        assert told[3:] == [(StreamDelta(1, "Hi."), 1), (frame, 2)]
        client.played(1, 10)
        assert await peer.hear() == Playback(1, 10)
        assert await peer.hear() == Ack(2)
        client.send(ListSessions())
        assert await peer.hear() == ListSessions()


@pytest.mark.requirement("S-2")
@pytest.mark.requirement("S-3")
async def test_it_comes_back_and_goes_on(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        peer = await server.peer()
        await peer.greet()
        await peer.say(StreamDelta(1, "a"), 1)
        client.open_microphone(16_000)
        client.audio(b"ab" * 320)
        assert isinstance(await peer.hear(), AudioOpen)
        await peer.hear()
        await until(client, Phase.CONNECTED)
        assert await anext(client.events()) == StreamDelta(1, "a")
        await peer.vanish()
        state = await until(client, Phase.RECONNECTING)
        assert (state.attempt, client.session) == (1, KEY)
        client.audio(b"cd" * 320)
        client.text("typed meanwhile")
        peer = await server.peer()
        _, opening = await peer.greet()
        assert (opening.epoch, opening.seq, opening.client_seq) == ("e1", 1, 1)
        said = [await peer.hear() for _ in range(4)]
        assert isinstance(said[0], AudioOpen)
        assert b"".join(frame.pcm for frame in said[1:3]) == b"ab" * 320 + b"cd" * 320
        assert said[3] == UserMessage("typed meanwhile")
        await peer.say(StreamDelta(1, "a"), 1)
        await peer.say(StreamDelta(1, "b"), 2)
        told = [await anext(client.events()) for _ in range(5)]
        assert [type(event) for event in told[:2]] == [Welcome, SessionRestored]
        assert told[2:] == [
            Restored("session1"),
            StateChanged(State(Phase.CONNECTED)),
            StreamDelta(1, "b"),
        ]


@pytest.mark.requirement("S-2")
async def test_ten_tries_and_a_button(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=surely) as client:
        peer = await server.peer()
        await peer.greet()
        await until(client, Phase.CONNECTED)
        server.shut()
        await trio.testing.wait_all_tasks_blocked()
        await peer.vanish()
        began, tries = trio.current_time(), []
        async for event in client.events():
            assert isinstance(event, StateChanged)
            if event.state.phase is Phase.OFFLINE:
                break
            tries.append(event.state.attempt)
        assert tries == list(range(1, 11))
        assert client.state.reason is Reason.GAVE_UP
        assert trio.current_time() - began == pytest.approx(181, abs=1)
        with pytest.raises(DisconnectedError):
            await client.ready()
        await server.open()
        await trio.sleep(3600)
        assert client.state.phase is Phase.OFFLINE
        client.text("kept for an hour")
        client.retry()
        peer = await server.peer()
        await peer.greet()
        assert await client.ready() == KEY
        assert await peer.hear() == UserMessage("kept for an hour")


async def test_a_person_need_not_wait(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=surely) as client:
        peer = await server.peer()
        await peer.greet()
        await until(client, Phase.CONNECTED)
        await peer.vanish()
        await until(client, Phase.RECONNECTING)
        began = trio.current_time()
        client.retry()
        await server.peer()
        assert trio.current_time() - began < 0.5


@pytest.mark.requirement("C-2")
async def test_a_server_that_vanished_is_noticed(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=at_once) as client:
        peer = await server.peer()
        await peer.greet()
        ping = await peer.hear()
        assert isinstance(ping, Ping)
        await peer.say(Pong(ping.nonce))
        vanished = trio.current_time()
        await until(client, Phase.CONNECTED)
        await until(client, Phase.RECONNECTING)
        assert 15 < trio.current_time() - vanished <= 45
        again = await server.peer()
        _, opening = await again.greet()
        assert isinstance(opening, Resume)
        assert await client.ready() == KEY


@pytest.mark.requirement("C-2")
async def test_a_server_that_never_answers_the_hello_is_noticed_too(autojump_clock) -> None:
    async with (
        fake_server() as server,
        open_client(server.link, heartbeat_s=5, chance=at_once) as client,
    ):
        await server.peer()
        began = trio.current_time()
        await server.peer()
        assert trio.current_time() - began == pytest.approx(10, abs=1)
        assert client.state == State(Phase.RECONNECTING, attempt=1)


@pytest.mark.parametrize(
    ("code", "reason"), [(4500, Reason.OPENED_ELSEWHERE), (1008, Reason.REFUSED)]
)
@pytest.mark.requirement("S-8")
async def test_a_final_close_code_is_final(autojump_clock, code, reason) -> None:
    async with fake_server() as server, open_client(server.link, chance=at_once) as client:
        peer = await server.peer()
        await peer.greet()
        await client.ready()
        await peer.close(code)
        assert (await until(client, Phase.OFFLINE)).reason is reason
        with trio.move_on_after(3600) as waiting:
            await server.peer()
        assert waiting.cancelled_caught
        client.retry()
        await (await server.peer()).greet()
        assert await client.ready() == KEY


async def test_a_server_without_room_is_asked_again(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=surely) as client:
        peer = await server.peer()
        await peer.hear()
        await peer.hear()
        await peer.say(WELCOME)
        full = Error(ErrorCode.CAPACITY_EXCEEDED, "It is full.", True, "", "c")
        began = trio.current_time()
        await peer.say(full)
        assert await peer.hear() == 1000, "the client hangs up"
        peer.done.set()
        await (await server.peer()).greet()
        assert trio.current_time() - began >= 1
        await client.ready()


async def test_it_leaves_politely_when_all_is_written(autojump_clock) -> None:
    async with fake_server() as server:
        async with open_client(server.link) as client:
            peer = await server.peer()
            await peer.greet()
            await client.ready()
            events = client.events()
            numbers = [client.text(f"text {n}") for n in range(50)]
        heard = [await peer.hear() for _ in range(51)]
        assert numbers == list(range(1, 51))
        assert heard == [*(UserMessage(f"text {n}") for n in range(50)), 1000]
        peer.done.set()
        left = [event async for event in events]
        assert isinstance(left[0], Welcome)
        assert not any(
            isinstance(event, StateChanged) and event.state.phase is Phase.OFFLINE for event in left
        )


async def test_it_leaves_while_it_is_offline_or_waits(autojump_clock) -> None:
    async with fake_server() as server:
        async with open_client(server.link, chance=surely) as client:
            peer = await server.peer()
            await peer.vanish()
            await until(client, Phase.RECONNECTING)
            began = trio.current_time()
        assert trio.current_time() == began


async def test_an_error_of_the_user_ends_it(autojump_clock) -> None:
    async with fake_server() as server:
        with pytest.raises(ExceptionGroup) as caught:
            async with open_client(server.link):
                raise RuntimeError("of the user")
        assert [str(error) for error in caught.value.exceptions] == ["of the user"]


async def test_what_a_newer_server_says_is_left_out(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        peer = await server.peer()
        await peer.greet()
        await until(client, Phase.CONNECTED)
        await peer._ws.send_message('{"type":"of the future","seq":1}')
        await peer.say(StreamDelta(1, "known"), 2)
        assert await anext(client.events()) == StreamDelta(1, "known")


async def test_nobody_answers_at_first() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with pytest.raises(UsageError, match="no voicechat server answers"):
        async with open_client(f"127.0.0.1:{port}"):
            raise AssertionError("it did not connect")

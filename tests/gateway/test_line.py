"""What one connection sends, and in which order: answers, its session, and a goodbye."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from tests.fakes import EchoAgent, LoudnessVoiceActivity, ScriptedRecognizer, ToneSynthesizer
from voicechat.conversation.thinking import Thinkers
from voicechat.gateway.line import ClientLine
from voicechat.protocol.close_codes import CloseCode
from voicechat.protocol.codec import Codec
from voicechat.protocol.messages.connection import Hello, Pong, ServerShuttingDown
from voicechat.protocol.messages.session import EndReason, SessionWarning
from voicechat.session.alive import Alive
from voicechat.session.keeper import Keeper, utc_now
from voicechat.session.lifecycle import Life, Timers
from voicechat.session.session import Session
from voicechat.settings import Settings
from voicechat.thermal.gate import InferenceGate


@attrs.define
class Socket:
    """Takes what is sent, while it may."""

    sent: list[str] = attrs.field(factory=list)
    closed: list[tuple[CloseCode, str]] = attrs.field(factory=list)
    stuck: bool = False

    async def send(self, data: str | bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.stuck:
            await trio.sleep_forever()
        self.sent.append(json.loads(data)["type"] if isinstance(data, str) else "speech")

    async def close(self, code: CloseCode, reason: str) -> None:
        await trio.lowlevel.checkpoint()
        self.closed.append((code, reason))


def session(*, acknowledges: bool = True, keeper: Keeper | None = None) -> Session:
    return Session(
        "abc",
        Hello(1, acknowledges=acknowledges, speak=False),
        thinkers=Thinkers(EchoAgent()),
        vad=LoudnessVoiceActivity(),
        stt=ScriptedRecognizer([]),
        tts=ToneSynthesizer(),
        gate=InferenceGate(64),
        codec=Codec(),
        settings=Settings(),
        keeper=keeper,
    )


@asynccontextmanager
async def line_with(session: Session, *, words: bool = True):
    """A line that drives this session, which runs; its socket, and the session as it is alive."""
    socket = Socket()
    line = ClientLine(socket, Codec())
    life = Life(Timers(resume_window_s=300, idle_s=300), trio.current_time())
    alive = Alive(
        session=session, life=life, user_id="u", secret="s", created_at=utc_now(), words=words
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.run)
        nursery.start_soon(line.write)
        line.alive = alive
        session.driver.attach(line)
        await trio.testing.wait_all_tasks_blocked()
        yield line, socket, alive
        session.end()
        nursery.cancel_scope.cancel()


async def test_answers_of_the_connection_come_before_what_its_session_says(autojump_clock):
    async with line_with(session()) as (line, socket, alive):
        alive.session.tell(SessionWarning(1))
        line.tell(Pong("x"))
        await trio.testing.wait_all_tasks_blocked()
        assert socket.sent == ["pong", "session_warning"]


async def test_a_goodbye_comes_behind_what_was_told_and_at_once(autojump_clock):
    async with line_with(session()) as (line, socket, alive):
        alive.session.tell(SessionWarning(1))
        line.tell(Pong("x"))
        line.close(CloseCode.IDLE, "idle")
        line.close(CloseCode.SLOW, "a second reason changes nothing")
        await trio.testing.wait_all_tasks_blocked()
        assert socket.sent == ["pong"]
        assert socket.closed == [(CloseCode.IDLE, "idle")]


@pytest.mark.requirement("L-3")
async def test_the_end_of_the_server_comes_behind_all_that_the_session_says(autojump_clock):
    """Also behind what is not on disk yet when the session has ended."""
    kept = []
    keeper = Keeper("abc", lambda _changes, on_kept: kept.append(on_kept))
    async with line_with(session(keeper=keeper)) as (line, socket, alive):
        turn = alive.session.conversation.user_text("hello")
        assert turn == 1
        await trio.testing.wait_all_tasks_blocked()
        alive.session.tell(ServerShuttingDown(1))
        alive.reason = EndReason.SHUTDOWN
        alive.session.end()
        await alive.session.ended.wait()
        line.finish(CloseCode.GOING_AWAY, "server going away")
        await trio.testing.wait_all_tasks_blocked()
        assert "response_complete" not in socket.sent
        assert socket.closed == []
        while kept:
            kept.pop(0)(True)
            await trio.testing.wait_all_tasks_blocked()
        assert "response_complete" in socket.sent
        assert socket.sent[-1] == "server_shutting_down"
        assert socket.closed == [(CloseCode.GOING_AWAY, "server going away")]


@pytest.mark.parametrize("drives", [False, True])
async def test_the_end_of_the_server_closes_whatever_there_is(autojump_clock, drives):
    async with line_with(session()) as (line, socket, alive):
        if drives:
            alive.reason = EndReason.MAX_DURATION
            alive.session.end()
        else:
            line.alive = None
        line.finish(CloseCode.GOING_AWAY, "server going away")
        await trio.testing.wait_all_tasks_blocked()
        assert socket.sent == (["session_terminated"] if drives else [])
        assert [code for code, _ in socket.closed] == [CloseCode.GOING_AWAY]


@pytest.mark.parametrize(
    ("reason", "acknowledges", "told", "code"),
    [
        (EndReason.EXPIRED, True, True, None),
        (EndReason.MAX_DURATION, True, True, None),
        (EndReason.DESTROYED, True, True, None),
        (EndReason.FAILED, True, True, None),
        (EndReason.MAX_DURATION, False, True, CloseCode.NORMAL),
        (EndReason.DESTROYED, False, True, CloseCode.NORMAL),
        (EndReason.CLOSED, True, False, CloseCode.OPENED_ELSEWHERE),
        (EndReason.SHUTDOWN, True, False, CloseCode.GOING_AWAY),
        (None, True, False, CloseCode.GOING_AWAY),
    ],
)
async def test_how_a_session_ends_for_its_client(autojump_clock, reason, acknowledges, told, code):
    async with line_with(session(acknowledges=acknowledges)) as (line, socket, alive):
        alive.reason = reason
        alive.session.end()
        await trio.testing.wait_all_tasks_blocked()
        assert ("session_terminated" in socket.sent) is told
        assert [each for each, _ in socket.closed] == ([] if code is None else [code])
        assert line.alive is None


async def test_a_failed_session_of_a_client_that_does_not_come_back_closes_with_a_fault(
    autojump_clock,
):
    async with line_with(session(acknowledges=False)) as (_, socket, alive):
        alive.session.failed = True
        alive.session.end()
        await trio.testing.wait_all_tasks_blocked()
        assert [code for code, _ in socket.closed] == [CloseCode.INTERNAL]


async def test_who_asks_and_does_not_read_is_sent_away(autojump_clock):
    async with line_with(session()) as (line, socket, _):
        socket.stuck = True
        for number in range(1_000):
            line.tell(Pong(str(number)))
            await trio.lowlevel.checkpoint()
        socket.stuck = False
        assert len(line._answers) <= 256
        assert line._goodbye == (CloseCode.SLOW, "this client does not read")


async def test_acknowledgements_do_not_pile_up_for_who_does_not_read(autojump_clock):
    async with line_with(session()) as (line, socket, alive), trio.open_nursery() as nursery:
        nursery.start_soon(line.acknowledge)
        socket.stuck = True
        line.tell(Pong("x"))
        for _ in range(300):
            alive.session.incoming.on_ack()
            await trio.sleep(0.3)
        assert line._goodbye is None
        assert len(line._answers) == 0, "each replaces the one before"
        nursery.cancel_scope.cancel()


async def test_who_watches_learns_which_session_is_driven(autojump_clock):
    """Also when it is not this connection's client that changes it."""
    async with line_with(session()) as (line, _, alive):
        seen = []
        line.on_drives = seen.append
        line.alive = alive
        line.taken_over()
        assert seen == ["abc", None]
    async with line_with(session()) as (line, _, alive):
        line.on_drives = seen.append
        alive.reason = EndReason.MAX_DURATION
        alive.session.end()
        await trio.testing.wait_all_tasks_blocked()
        assert seen == ["abc", None, None]


async def test_acknowledgements_come_four_times_a_second_at_most(autojump_clock):
    async with line_with(session()) as (line, socket, alive), trio.open_nursery() as nursery:
        nursery.start_soon(line.acknowledge)
        for _ in range(200):
            alive.session.incoming.on_ack()
            await trio.sleep(0.01)
        assert 7 <= socket.sent.count("input_ack") <= 9
        nursery.cancel_scope.cancel()

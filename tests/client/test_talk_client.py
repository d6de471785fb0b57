"""What `voicechat talk` makes of a network that goes: it waits, goes on, or says why it cannot."""

from __future__ import annotations

import io

import pytest
import trio
import trio.testing

from tests.client.fake_server import fake_server
from tests.client.model_server import AT, ready, restored
from voicechat.cli.talk_client import TalkClient
from voicechat.cli.talk_report import Report
from voicechat.client.client import open_client
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioClose, SpeechEnded, SpeechStarted
from voicechat.protocol.messages.connection import Error, ServerShuttingDown
from voicechat.protocol.messages.conversation import (
    ResponseComplete,
    TranscriptFinal,
    TurnStarted,
    TurnTimings,
)
from voicechat.protocol.messages.session import EndReason, HistoryEntry, InputAck, SessionTerminated
from voicechat.speech.wav import WavAudio

RATE = 16_000
QUESTION = TranscriptFinal("what time is it", accepted=True, turn=1, stream=1, until=4_000)
ANSWER = ResponseComplete(1, "It is late.", TurnTimings())


class Talk:
    """A running `TalkClient`, and what a person reads of it."""

    def __init__(self, client) -> None:
        self._out = io.StringIO()
        wav = WavAudio(RATE, bytes(2 * RATE))
        report = Report(self._out, rate=24_000)
        self.client = TalkClient(client, wav=wav, on_event=report.event)

    @property
    def shown(self) -> str:
        return self._out.getvalue()


async def answered(peer) -> None:
    """The whole recording is heard and nothing is left to say."""
    await peer.say(InputAck(1, 1, RATE))


async def listen(peer) -> None:
    """Hear the microphone to its end."""
    while not isinstance(await peer.hear(), AudioClose):
        pass


async def ask(peer) -> None:
    """The server hears a question, as far as its transcript."""
    await peer.say(SpeechStarted(1, 0), 1)
    await peer.say(SpeechEnded(1, 4_000), 2)
    await peer.say(QUESTION, 3)


async def test_an_answer_that_comes_after_the_network_was_away(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link, chance=lambda: 1.0) as client:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await ask(peer)
            await trio.sleep(0.5)
            await peer.vanish()
            await trio.testing.wait_all_tasks_blocked()
            server.shut()
            await trio.sleep(5)
            await server.open()
            peer = await server.peer()
            await peer.greet()
            nursery.start_soon(listen, peer)
            await answered(peer)
            await trio.sleep(15)
            await peer.say(TurnStarted(1, "voice"), 4)
            await peer.say(AudioFrame(FrameKind.SPEECH, 1, 5, 0, bytes(480), last=True).pack())
            await peer.say(ANSWER, 6)
        assert talk.client.failure is None
        turn = talk.client.turns[1]
        assert (turn.heard, turn.answer, turn.outcome) == (QUESTION.text, ANSWER.text, "complete")
        assert turn.speech_end_ms == 250
        assert "(connection lost, try 1 of 10 …)" in talk.shown
        assert "(try 2 of 10 …)" in talk.shown
        assert "(the connection is back)" in talk.shown


async def test_a_server_that_is_gone_for_good(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await ask(peer)
            await trio.sleep(0.5)
            server.shut()
            await peer.vanish()
        assert "could not be reached again" in str(talk.client.failure)
        assert talk.client.turns[1].heard == QUESTION.text


@pytest.mark.parametrize("pending", [False, True])
async def test_a_server_that_shuts_down(autojump_clock, pending) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        talk = Talk(client)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await ask(peer)
            if not pending:
                await peer.say(ANSWER, 4)
            await peer.say(ServerShuttingDown(1.0), 5)
            server.shut()
            await trio.testing.wait_all_tasks_blocked()
            await peer.close(1001)
        if pending:
            assert "shut down before the last answer" in str(talk.client.failure)
        else:
            assert talk.client.failure is None
            assert trio.current_time() - began < 5, "nothing is left to wait for"


async def test_a_server_that_was_restarted_lost_the_answer(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await ask(peer)
            await trio.sleep(0.5)
            await peer.vanish()
            peer = await server.peer()
            _, resume = await peer.hear(), await peer.hear()
            history = (
                HistoryEntry(1, "user", QUESTION.text, "voice", "complete", AT),
                HistoryEntry(1, "assistant", "It", "voice", "lost", AT),
            )
            await peer.say(restored(epoch="e2", client_seq=resume.client_seq - 1, history=history))
            await listen(peer)
        assert talk.client.failure is None
        assert (talk.client.turns[1].answer, talk.client.turns[1].outcome) == ("It", "lost")
        assert "(the server was restarted; the conversation goes on)" in talk.shown


async def test_a_session_that_was_over_is_followed_by_a_new_one(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await ask(peer)
            await trio.sleep(0.5)
            await peer.vanish()
            peer = await server.peer()
            await peer.hear()
            await peer.hear()
            await peer.say(Error(ErrorCode.SESSION_EXPIRED, "It is over.", False, "", "c"))
            await peer.say(ready(2, "e2"))
            await ask(peer)
            await peer.say(ANSWER, 4)
            await listen(peer)
        assert talk.client.failure is None
        assert [turn.outcome for turn in talk.client.spoken] == ["lost", "complete"]
        assert "(the server begins a new conversation)" in talk.shown
        assert "It is over." not in talk.shown


async def test_a_session_that_ended(autojump_clock) -> None:
    async with fake_server() as server, open_client(server.link) as client:
        talk = Talk(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.client.run)
            peer = await server.peer()
            await peer.greet()
            await trio.sleep(0.5)
            await peer.say(
                SessionTerminated("session1", EndReason.MAX_DURATION, "It was long.", True)
            )
        assert str(talk.client.failure) == "It was long."

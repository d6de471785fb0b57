"""What a client asks of its session is acknowledged when it was taken, and room can be made."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes import ScriptedRecognizer, loud, quiet
from tests.session.session_tools import RATE, Client, make, running
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import Error, Pong
from voicechat.protocol.messages.conversation import (
    Interrupt,
    ResponseComplete,
    StopReason,
    StreamInterrupted,
    TurnStarted,
)
from voicechat.protocol.messages.session import Ack
from voicechat.session.microphones import MAX_WAITING_S
from voicechat.speech.ports import Transcript


@pytest.fixture
async def client(nursery):
    """It drives a session of its own."""
    client = Client()
    session = make(replay_kb=64)
    async with running(session):
        client.attach(session)
        yield client


def overfill(client) -> None:
    """Let far more wait than may; all of it has been sent."""
    for _ in range(3):
        client.session.tell(Pong("x" * 50_000))
    client.take_all()


# -- room --------------------------------------------------------------------------------------


@pytest.mark.requirement("S-2")
async def test_what_makes_room_is_heard_when_there_is_none(client):
    overfill(client)
    with pytest.raises(ProtocolError) as caught:
        client.say(Interrupt(), 1)
    assert caught.value.code is ErrorCode.BACKPRESSURE
    client.say(Playback(1, 0))
    client.acknowledges()
    assert client.session.outbox.box.cost == 0
    client.say(Interrupt(), 1)
    assert client.session.incoming.ack().client_seq == 1


@pytest.mark.requirement("S-2")
async def test_wrong_acknowledgements_make_no_room_and_cannot_pile_up_answers(client):
    overfill(client)
    before = client.session.outbox.box.seq
    with pytest.raises(ProtocolError) as caught:
        client.say(Ack(2**32 - 1))
    assert caught.value.code is ErrorCode.BACKPRESSURE
    assert client.session.outbox.box.seq == before + 1, "it was told, and that was it"


# -- the microphone ----------------------------------------------------------------------------


@pytest.mark.requirement("S-3")
async def test_audio_that_is_refused_is_not_acknowledged(autojump_clock):
    stt = ScriptedRecognizer([Transcript("hello")])
    session, client = make(stt=stt), Client()
    client.attach(session)  # and it is so busy that nothing runs
    client.say(AudioOpen(1, RATE))
    client.speaks(1, 0, loud(1) + quiet(MAX_WAITING_S - 1))
    received = session.incoming.position.received
    assert received == MAX_WAITING_S * RATE
    with pytest.raises(ProtocolError) as caught:
        client.speaks(1, received, quiet(1))
    assert caught.value.code is ErrorCode.BACKPRESSURE
    client.speaks(1, received + 320, quiet(1))  # on its way before the client knew: dropped
    assert session.incoming.position.received == received
    assert session.incoming.ack().samples == 0
    async with running(session):
        await trio.sleep(60)
        end = received + 320 + RATE
        assert session.incoming.ack().samples == end, "nobody will ask for any of it again"
        client.say(AudioClose(1))
        assert session.incoming.ack().client_seq == 2


@pytest.mark.requirement("S-3")
async def test_what_is_dropped_is_not_settled_before_the_words_ahead_of_it(autojump_clock):
    session, client = make(), Client()
    client.attach(session)
    client.say(AudioOpen(1, RATE))
    end = client.speaks(1, 0, loud(1), last=True)
    client.speaks(1, end, quiet(1))
    await wait_all_tasks_blocked()
    assert client.of(Error) == []
    assert session.incoming.position.received == end
    assert session.incoming.ack().samples == 0


@pytest.mark.requirement("S-3")
async def test_what_comes_at_once_after_a_reconnect_is_answered_one_after_the_other(autojump_clock):
    client = Client()
    session = make()
    async with running(session):
        client.attach(session)
        session.driver.detach(client)
        await trio.sleep(20)
        client.attach(session, client.point())
        for text in ("one", "two", "three"):
            client.types(text)
        await client.until_has(ResponseComplete, 3, plays=True)
        assert client.of(StreamInterrupted) == []
        client.types("a long one after that " * 5)
        await client.until_has(TurnStarted, 4, plays=True)
        await trio.sleep(3)
        client.types("and another")
        await client.until_has(ResponseComplete, 4, plays=True)
        assert [each.reason for each in client.of(StreamInterrupted)] == [StopReason.NEW_TURN]

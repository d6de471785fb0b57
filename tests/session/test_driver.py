"""A client that comes back at any point of an answer has all of it once, in order."""

from __future__ import annotations

import pytest
import trio

from tests.fakes import EchoAgent
from tests.session.session_tools import HELLO, RATE, Client, make, running
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.audio import AudioOpen, Playback
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import (
    Interrupt,
    MessageReceived,
    ResponseComplete,
    StreamDelta,
    TurnStarted,
)
from voicechat.protocol.messages.session import EntryStatus
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.tap import NoTap

pytestmark = pytest.mark.requirement("S-2")

QUESTION, ANSWER = "one two", "You said: one two. "
SILENT_PAGE = Hello(1, output_rate=RATE, acknowledges=True)


class Sent(NoTap):
    """All that the session sends, as a client without a cut would get it."""

    def __init__(self):
        self.items = []

    def sent(self, item):
        self.items.append(item)


def key(item):
    if isinstance(item, AudioFrame):
        return (item.stream, item.offset, item.pcm, item.last)
    return item


async def taking(client, number):
    """Take so many items of an answer, playing, or all if there are fewer."""
    while len(client.entries) < number and not client.of(TurnTrace):
        wanted = len(client.entries) + 1
        with trio.move_on_after(30):
            await client.until(lambda wanted=wanted: len(client.entries) >= wanted, plays=True)


async def to_the_end(client):
    await client.until(lambda: client.of(TurnTrace), plays=True)


def again(old, *, arrived):
    """The same client on another connection; so many items had arrived on the one before."""
    client = Client()
    client.entries, client.number = old.entries[:arrived], old.number
    client.session = old.session
    return client


async def length_of_an_answer(hello):
    session, client = make(hello=hello), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        await to_the_end(client)
    return len(client.entries)


@pytest.mark.parametrize("hello", [HELLO, SILENT_PAGE], ids=["reports", "plays by the clock"])
@pytest.mark.parametrize("lost", [0, 1, 4])
@pytest.mark.parametrize("acknowledges", [True, False])
async def test_a_cut_at_any_point_loses_and_doubles_nothing(
    hello, lost, acknowledges, autojump_clock
):
    for cut in range(await length_of_an_answer(hello) + 1):
        sent = Sent()
        session, client = make(hello=hello, tap=sent), Client()
        async with running(session):
            client.attach(session)
            client.in_the_air = lost
            client.types(QUESTION)
            await taking(client, cut)
            had = max(0, len(client.entries) - lost)
            client = again(client, arrived=had)
            if acknowledges and had:
                client.acknowledges()
            before = client.session.driver._line
            assert session.driver.detach(before)
            assert not session.driver.there
            await trio.sleep(60)

            attached = client.attach(session, client.point())
            assert (attached.seq, attached.history, attached.speech_lost) == (
                client.seq,
                None,
                False,
            )
            assert attached.client_seq == client.number
            await to_the_end(client)
        assert client.numbers == list(range(1, len(client.entries) + 1)), f"cut at {cut}"
        assert [key(item) for item in client.items] == [key(item) for item in sent.items]
        assert "".join(delta.text for delta in client.of(StreamDelta)) == ANSWER
        assert sum(frame.samples for frame in client.speech()) == (len(ANSWER) - 1) * RATE // 20


async def test_many_cuts_of_one_answer(autojump_clock):
    sent = Sent()
    session, client = make(agent=EchoAgent(pause=0.5), tap=sent), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        for cut in range(1, 1000):
            client.in_the_air = cut % 3
            await taking(client, 2 * cut)
            if client.of(TurnTrace):
                break
            assert session.driver.detach(client)
            await trio.sleep(cut % 7)
            client = again(client, arrived=max(0, len(client.entries) - client.in_the_air))
            client.attach(session, client.point())
        assert cut > 10
    assert client.numbers == list(range(1, len(client.entries) + 1))
    assert [key(item) for item in client.items] == [key(item) for item in sent.items]


def covered(frames, begin):
    """Where speech ends that goes on from `begin` without a hole or a doubled sample."""
    for frame in frames:
        assert frame.offset <= begin
        assert frame.offset + frame.samples >= begin
        begin = frame.offset + frame.samples
    return begin


@pytest.mark.parametrize("point", [{"epoch": None, "seq": None}, {"epoch": "another"}])
async def test_a_page_that_is_loaded_again_gets_the_history_and_what_follows(point, autojump_clock):
    for cut in range(await length_of_an_answer(HELLO) + 1):
        session, client = make(), Client()
        async with running(session):
            client.attach(session)
            client.types(QUESTION)
            await taking(client, cut)
            heard = max((f.offset + f.samples for f in client.of(AudioFrame)), default=0)
            number, had = client.number, client.point(buffered=False, **point)
            session.driver.detach(client)
            await trio.sleep(60)

            client = Client()
            attached = client.attach(session, had)
            question, *answer = attached.history
            assert (question.text, question.client_seq) == (QUESTION, 1)
            assert (attached.client_seq, attached.speech_lost) == (number, False)
            with trio.move_on_after(60):
                await to_the_end(client)
            numbers = [seq for seq, item in client.entries if not isinstance(item, AudioFrame)]
            assert all(seq > attached.seq for seq in numbers)
            assert client.numbers == sorted(set(client.numbers))
            assert client.of(MessageReceived) == []
            text = "".join(each.text for each in answer)
            if not answer or answer[0].status is EntryStatus.OPEN:
                assert client.of(ResponseComplete)
                text += "".join(delta.text for delta in client.of(StreamDelta))
            assert text == ANSWER, f"cut at {cut}"
            if heard or client.speech():
                assert covered(client.speech(), heard) == (len(ANSWER) - 1) * RATE // 20


async def test_a_client_that_lost_its_loudspeaker_is_sent_again_what_it_did_not_play(
    autojump_clock,
):
    session, client = make(), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        await client.until(lambda: len(client.speech()) >= 5)
        client.acknowledges()
        first, second, *_ = client.speech()
        client.say(Playback(1, second.offset))
        session.driver.detach(client)
        had = client.seq
        texts = [item for item in client.items if not isinstance(item, AudioFrame)]

        client.entries, heard = [], first.samples
        attached = client.attach(session, client.point(seq=had, buffered=False))
        assert (attached.seq, attached.history) == (had, None)
        await to_the_end(client)
        assert client.speech()[0].offset == heard
        assert covered(client.speech(), heard) == (len(ANSWER) - 1) * RATE // 20
        assert not {id(item) for item in texts} & {id(item) for item in client.items}
        assert client.of(MessageReceived) == []
        again_numbers = [seq for seq in client.numbers if seq <= had]
        assert again_numbers, "speech that comes again has its old number"


@pytest.mark.requirement("S-8")
async def test_another_connection_takes_over(autojump_clock):
    session, first, second = make(), Client(), Client()
    async with running(session):
        first.attach(session)
        first.types(QUESTION)
        await taking(first, 5)
        second.entries = list(first.entries)
        second.session, second.number = session, first.number
        second.attach(session, second.point())
        assert (first.taken_over_times, second.taken_over_times) == (1, 0)
        assert not session.driver.detach(first), "it does not drive any more"
        assert session.driver.there
        assert session.conversation.presence.there
        await to_the_end(second)
        assert len(first.entries) == 5
        assert second.numbers == list(range(1, len(second.entries) + 1))


async def test_a_connection_may_resume_what_it_drives(autojump_clock):
    session, client = make(), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        await taking(client, 5)
        client.attach(session, client.point())
        assert client.taken_over_times == 0
        await to_the_end(client)
        assert client.numbers == list(range(1, len(client.entries) + 1))


async def test_only_the_present_connection_is_woken(autojump_clock):
    class Line(Client):
        woken = 0

        def wake(self):
            self.woken += 1
            super().wake()

    session, first, second = make(), Line(), Line()
    async with running(session):
        first.attach(session)
        assert (second.woken, second.acks) == (0, 0)
        second.attach(session)
        assert (second.woken, second.acks) == (2, 1), "there may be something for it"
        before = (first.woken, first.acks, second.acks)
        second.types("hello")
        await trio.sleep(5)
        assert (first.woken, first.acks) == before[:2]
        assert second.acks > before[2]
        session.driver.detach(second)
        before = (second.woken, second.acks)
        session.conversation.user_text("nobody is there")
        await trio.sleep(5)
        assert (second.woken, second.acks) == before


async def test_what_the_client_said_is_taken_once_across_connections(autojump_clock):
    session, client = make(), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        session.driver.detach(client)
        client.attach(session, client.point(client_seq=1))
        assert client.attached.client_seq == 1
        client.say(Interrupt(), 2)
        client.number = 2
        client.say(Interrupt(), 1)
        await to_the_end(client)
        assert len(client.of(MessageReceived)) == 1
        assert len(client.of(TurnStarted)) == 1


@pytest.mark.requirement("S-3")
async def test_the_microphone_goes_on_where_it_was(autojump_clock):
    session, client = make(), Client()
    async with running(session):
        attached = client.attach(session)
        assert (attached.stream, attached.samples) == (None, 0)
        client.say(AudioOpen(3, RATE))
        end = client.speaks(3, 0, bytes(4 * RATE))
        await trio.sleep(1)
        session.driver.detach(client)
        exact = client.attach(session, client.point())
        assert (exact.stream, exact.samples) == (3, end), "what has come need not come again"
        anew = client.attach(session, client.point(epoch=None))
        assert anew.stream == 3
        assert anew.samples == session.incoming.ack().samples < end
        assert anew.samples > 0


async def test_a_client_that_does_not_acknowledge_gets_the_history(autojump_clock):
    session, client = make(hello=Hello(1, output_rate=RATE)), Client()
    async with running(session):
        client.attach(session)
        client.types(QUESTION)
        await to_the_end(client)
        session.driver.detach(client)
        attached = Client().attach(session, client.point(seq=3))
        assert [entry.text for entry in attached.history] == [QUESTION, ANSWER]

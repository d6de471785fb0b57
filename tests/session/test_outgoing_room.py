"""Who waits for room to send gets it in the end: nothing a client leaves undone lasts for ever."""

from __future__ import annotations

import pytest
import trio

from tests.fakes import EchoAgent
from tests.session.session_tools import HELLO, Client, make, running
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.connection import Pong
from voicechat.protocol.messages.conversation import StreamError, TranscriptPartial
from voicechat.session.outbox import Outbox
from voicechat.session.outgoing import Outgoing

pytestmark = pytest.mark.requirement("S-2")


def speech(number, samples=100):
    return AudioFrame(FrameKind.SPEECH, 1, 0, number * samples, bytes(2 * samples))


def outgoing(keep=None, *, max_bytes=1000):
    box = Outbox(max_bytes=max_bytes, speech_age_s=300, keeps=True, reports=True)
    return Outgoing(box, lambda _: None, keep or (lambda *_: False))


async def test_text_waits_for_speech_that_is_never_played_until_that_is_too_old(autojump_clock):
    out = outgoing()
    for number in range(2):
        out.post(speech(number))
        await trio.sleep(10)
    out.post(speech(2))
    start = trio.current_time()
    with trio.fail_after(1000):
        await out.send(TranscriptPartial("a"))
    assert trio.current_time() - start == pytest.approx(280), "the first one made room"
    with trio.fail_after(1000):
        await out.send(TranscriptPartial("b"))
    assert trio.current_time() - start == pytest.approx(290)
    assert [out.take().seq for _ in range(3)] == [3, 4, 5]


async def test_whoever_waits_for_text_only_waits_for_the_client(autojump_clock):
    out = outgoing()
    out.post(Pong("x" * 1000))
    out.take()
    with trio.move_on_after(5000) as waited:
        await out.send(TranscriptPartial("a"))
    assert waited.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.send, TranscriptPartial("a"))
        await trio.sleep(1)
        assert out.box.seq == 1
        out.ack(1)
    assert out.box.seq == 2


async def test_an_item_leaves_when_it_is_known_at_once_that_it_is_not_kept_yet():
    def refuses(_, on_kept):
        on_kept(False)
        return True

    out = outgoing(refuses)
    out.post(Pong("a"))
    assert out.take().seq == 1


async def test_an_item_that_is_kept_late_leaves_once(autojump_clock):
    later = []

    def tries(_, on_kept):
        later.append(on_kept)
        return True

    out = outgoing(tries)
    out.post(Pong("a"))
    assert out.take() is None
    later[0](False)
    assert out.take().seq == 1
    later[0](True)
    assert out.take() is None


async def test_the_speech_of_an_answer_that_failed_is_wanted_no_more(autojump_clock):
    class Fails(EchoAgent):
        async def respond(self, question, say):
            await super().respond(question, say)
            await trio.sleep(1)
            raise ValueError("planted")

    client = Client()
    async with running(make(agent=Fails(), hello=HELLO)) as session:
        client.attach(session)
        client.types("one. two. three. four. five. six. seven. eight. nine. ten.")
        await client.until_has(StreamError)
        assert client.speech(), "some of it had come"
        client.acknowledges()
        assert session.outbox.box.room_at() == float("inf"), "none of it is kept"

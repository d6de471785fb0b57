"""A session that several clients drive, one after another: what each is told of its own words."""

from __future__ import annotations

import pytest

from tests.session.session_tools import HELLO, Client, asked, house, make, running
from voicechat.protocol.messages.conversation import Interrupt
from voicechat.protocol.messages.session import InputAck
from voicechat.protocol.messages.sessions import CreateSession
from voicechat.session.transcript import KEPT

pytestmark = pytest.mark.requirement("S-3", "S-8")


async def test_a_client_is_told_up_to_where_the_numbers_are_its_own(autojump_clock):
    session, first, second = make(), Client(), Client()
    async with running(session):
        first.attach(session, CreateSession("first"))
        first.types("of the first")
        second.session = session
        attached = second.attach(session, second.point(epoch=None, seq=None, client="second"))
        assert (attached.client_seq, attached.own_seq) == (1, 0)
        second.number = 1
        second.types("of the second")
        attached = first.attach(session, first.point(client="first"))
        assert (attached.client_seq, attached.own_seq) == (2, 1)
        attached = first.attach(session, first.point(client="a third"))
        assert (attached.client_seq, attached.own_seq) == (2, 0)


async def test_what_a_client_claims_to_know_makes_no_hole(autojump_clock):
    session, client = make(), Client()
    async with running(session):
        client.attach(session)
        client.say(Interrupt(), 1)
        attached = client.attach(session, client.point(client_seq=9))
        assert attached.client_seq == 1
        assert session.incoming.ack() == InputAck(1, None, 0)
        attached = client.attach(session, client.point(client_seq=9, epoch="of before"))
        assert attached.client_seq == 1, "it was taken anew since"


async def test_a_history_that_is_not_all_says_so(autojump_clock):
    session, client = make(), Client()
    async with running(session):
        client.attach(session)
        for number in range(KEPT // 2):
            await asked(client, f"question {number}")
        client.acknowledges()
        attached = client.attach(session, client.point(epoch=None, seq=None))
        assert (len(attached.history), attached.truncated) == (KEPT, False)
        await asked(client, "one more")
        attached = client.attach(session, client.point(epoch=None, seq=None))
        assert (len(attached.history), attached.truncated) == (KEPT, True)
        assert not client.attach(session, client.point()).truncated, "where none is told"


@pytest.mark.parametrize(("turns", "truncated"), [(KEPT // 2, False), (KEPT // 2 + 1, True)])
async def test_a_history_from_disk_that_is_not_all_says_so(turns, truncated, autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        for number in range(turns):
            await asked(client, f"question {number}")
        had = client.point(epoch=None, seq=None, reopen=True)
        await kept.manager.leave(alive, client)
        kept.manager.expire(alive)
        await alive.session.ended.wait()
        alive = await kept.finder.resume(had, HELLO)
        attached = kept.manager.drive(alive, Client(), had)
        assert (len(attached.history), attached.truncated) == (KEPT, truncated)

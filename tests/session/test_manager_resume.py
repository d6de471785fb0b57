"""Sessions are found again by whoever may: as they are, or else from their history."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes import EchoAgent, ScriptedRecognizer, loud, quiet
from tests.session.session_tools import (
    HELLO,
    RATE,
    Client,
    SlowStore,
    asked,
    expired,
    house,
    make,
    refused,
)
from voicechat.errors import ErrorCode
from voicechat.protocol.messages.audio import AudioOpen
from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    ResponseComplete,
    StreamDelta,
    TranscriptFinal,
)
from voicechat.protocol.messages.session import EndReason, EntryStatus, Resume, SessionState
from voicechat.protocol.messages.sessions import SwitchSession
from voicechat.protocol.messages.trace import TurnTrace
from voicechat.session.identity import Secrets
from voicechat.speech.ports import Transcript

QUIET = Hello(1, output_rate=RATE, acknowledges=True, reports_playback=True, speak=False)


# -- resume ----------------------------------------------------------------------------------------


@pytest.mark.requirement("S-2")
async def test_who_comes_back_in_time_has_the_same_session(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        await kept.manager.leave(alive, client)
        await trio.sleep(299)
        again = await kept.finder.resume(client.point(), HELLO)
        assert again is alive
        assert kept.manager.drive(again, client, client.point()).history is None
        await trio.sleep(1000)
        assert not alive.session.ended.is_set()
        await asked(client, "still here")
        (answer,) = client.of(ResponseComplete)[1:]
        assert answer.text == "You said: still here. "
        assert client.numbers == list(range(1, len(client.numbers) + 1))


@pytest.mark.requirement("S-2")
async def test_who_comes_back_too_late_is_told_and_may_go_on_from_the_history(autojump_clock):
    agents = [EchoAgent(), EchoAgent(), EchoAgent()]
    async with house(lambda *a, **how: make(*a, agent=agents.pop(0), **how)) as kept:
        client, last = Client(), agents[1]
        alive = kept.create(client)
        await asked(client)
        await kept.manager.leave(alive, client)
        await trio.sleep(301)
        assert alive.session.ended.is_set()
        await refused(ErrorCode.SESSION_EXPIRED, kept.finder.resume, client.point(), HELLO)
        assert len(kept.manager) == 0
        point = client.point(reopen=True)
        again = await kept.finder.resume(point, HELLO)
        assert again is not alive
        assert (again.id, again.secret, again.user_id) == (alive.id, alive.secret, "u")
        assert again.title == "hello"
        attached = kept.manager.drive(again, client, point)
        assert [each.text for each in attached.history] == ["hello", "You said: hello. "]
        assert (attached.seq, attached.client_seq) == (0, 1)
        assert again.session.driver.epoch != alive.session.driver.epoch
        assert (await kept.kept(again)).terminated_reason is None
        fresh = Client()
        fresh.number = 1
        fresh.drives(again)
        kept.manager.drive(again, fresh, fresh.point(epoch=None))
        await asked(fresh, "and now")
        assert fresh.of(MessageReceived)[0].turn == 2
        (question,) = last.questions
        assert [message.whole for message in question.history] == ["hello", "You said: hello."]
        assert len(await kept.said(again)) == 4


async def test_only_who_knows_the_secret_or_is_the_user(autojump_clock):
    not_found = ErrorCode.SESSION_NOT_FOUND
    async with house(secrets=Secrets(b"k" * 32)) as kept:
        gone, _ = await expired(kept)
        alive = kept.create(Client())
        for session in (gone, alive):
            wrong = Resume(session_id=session.id, secret="guess", reopen=True)
            await refused(not_found, kept.finder.resume, wrong, HELLO)
            switch = SwitchSession(session_id=session.id)
            await refused(not_found, kept.finder.switch, switch, HELLO, "somebody")
            await refused(not_found, kept.finder.switch, switch, HELLO, "")
            await refused(not_found, kept.finder.owned, session.id, "somebody")
            await refused(not_found, kept.finder.destroy, session.id, "somebody")
        other = Resume(session_id=gone.id, secret=alive.secret)
        await refused(not_found, kept.finder.resume, other, HELLO)
        unknown = Resume(session_id="nobody", secret=alive.secret)
        await refused(not_found, kept.finder.resume, unknown, HELLO)
        assert await kept.finder.switch(SwitchSession(session_id=alive.id), HELLO, "u") is alive
        again = await kept.finder.switch(SwitchSession(session_id=gone.id), HELLO, "u")
        assert again.id == gone.id


async def test_a_session_of_nobody_belongs_to_nobody(autojump_clock):
    async with house() as kept:
        alive = kept.create(Client(), user_id="")
        await refused(ErrorCode.SESSION_NOT_FOUND, kept.finder.owned, alive.id, "")


async def test_who_is_alive_is_found_while_the_disk_is_full(autojump_clock):
    async with house() as kept:
        kept.store.full = True
        client = Client()
        alive = kept.create(client)
        await asked(client)
        await kept.manager.leave(alive, client)
        assert await kept.finder.resume(client.point(), HELLO) is alive
        assert await kept.finder.switch(SwitchSession(session_id=alive.id), HELLO, "u") is alive


async def test_two_that_want_the_same_session_get_one(autojump_clock):
    async with house() as kept:
        _, client = await expired(kept)
        found = []

        async def want():
            found.append(await kept.finder.resume(client.point(reopen=True), HELLO))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(want)
        assert len(found) == 5
        assert len({id(each) for each in found}) == 1
        assert len(kept.manager) == 1


async def test_a_session_that_is_just_ending_is_waited_for(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        await asked(client)
        await kept.manager.leave(alive, client)
        kept.manager.expire(alive)
        assert not alive.session.ended.is_set()
        await refused(ErrorCode.SESSION_EXPIRED, kept.finder.resume, client.point(), HELLO)
        assert alive.session.ended.is_set()
        again = await kept.finder.resume(client.point(reopen=True), HELLO)
        kept.manager.end(again, EndReason.CLOSED)
        third = await kept.finder.switch(SwitchSession(session_id=alive.id), HELLO, "u")
        assert third not in {alive, again}
        await asked_of(kept, third)


async def asked_of(kept, alive):
    client = Client()
    client.drives(alive)
    client.number = 1
    kept.manager.drive(alive, client, client.point(epoch=None))
    await asked(client, "more")


@pytest.mark.parametrize(
    "other",
    [
        Hello(1, output_rate=48_000, acknowledges=True, reports_playback=True),
        Hello(1, output_rate=RATE, acknowledges=True),
    ],
)
async def test_another_kind_of_client_goes_on_from_the_history(other, autojump_clock):
    """It wants speech at another rate: the session is made anew."""
    async with house(agent=EchoAgent(pause=1)) as kept:
        first, second = Client(), Client()
        alive = kept.create(first)
        await asked(first)
        first.types("in flight")
        await first.until(lambda: len(first.of(StreamDelta)) > 4, plays=True)
        again = await kept.finder.switch(SwitchSession(session_id=alive.id), other, "u")
        assert alive.session.ended.is_set()
        assert alive.reason is EndReason.CLOSED
        assert again is not alive
        assert again.session.hello is other
        second.drives(again)
        attached = kept.manager.drive(again, second, second.point(epoch=None))
        assert [(each.text, each.status.value) for each in attached.history][1:] == [
            ("You said: hello. ", "complete"),
            ("in flight", "complete"),
            ("You said: ", "lost"),
        ]
        assert attached.client_seq == 2
        same = await kept.finder.switch(SwitchSession(session_id=alive.id), other, "u")
        assert same is again


async def test_a_client_that_only_speaks_differently_drives_it_as_it_is(autojump_clock):
    async with house() as kept:
        alive = kept.create(Client())
        assert await kept.finder.switch(SwitchSession(session_id=alive.id), QUIET, "u") is alive


async def test_a_client_that_does_not_acknowledge_takes_its_session_with_it(autojump_clock):
    async with house() as kept:
        client, late = Client(), Client()
        alive = kept.create(client, Hello(1, output_rate=RATE))
        await asked(client)
        await kept.manager.leave(alive, late)  # one that never drove it
        assert not alive.session.ended.is_set()
        await kept.manager.leave(alive, client)
        assert alive.session.ended.is_set()
        record = await kept.kept(alive)
        assert (record.terminated_reason, record.is_resumable) == (EndReason.CLOSED, True)
        assert len(await kept.said(alive)) == 2
        await kept.manager.leave(alive, client)  # harmless


async def test_a_connection_that_comes_as_the_session_ends_is_told(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create()
        kept.manager.expire(alive)
        client.drives(alive, kept.manager.drive(alive, client))
        assert alive.life.state is SessionState.EXPIRED
        await alive.session.ended.wait()
        await wait_all_tasks_blocked()
        assert client.session.outbox.over


@pytest.mark.requirement("S-2")
async def test_a_page_that_is_loaded_again_is_told_when_speech_is_lost(autojump_clock):
    """It does not tell what it has played: nobody knows from where to send it again."""
    hello = Hello(1, output_rate=RATE, acknowledges=True)
    async with house() as kept:
        client = Client()
        alive = kept.create(client, hello)
        client.types("hello")
        await client.until(client.speech)
        anew = kept.manager.drive(alive, client, client.point(epoch=None, seq=None))
        assert anew.speech_lost
        assert anew.history[0].text == "hello"


# -- after a crash ---------------------------------------------------------------------------------


@pytest.mark.requirement("S-4")
async def test_a_session_goes_on_after_the_server_was_restarted(autojump_clock):
    store, secrets = SlowStore(), Secrets(b"k" * 32)
    client = Client()
    stt = ScriptedRecognizer([Transcript("spoken")])
    async with house(store=store, secrets=secrets, agent=EchoAgent(pause=10), stt=stt) as kept:
        alive = kept.create(client)
        await asked(client)
        client.say(AudioOpen(4, RATE))
        client.speaks(4, 0, quiet(0.5) + loud(1) + quiet(2))
        final = await client.until_has(TranscriptFinal)
        await client.until_has(TurnTrace, 2, plays=True)
        client.types("lost")
        await client.until_has(MessageReceived, 2)
        store.dead = True
    store.dead = False
    async with house(store=store, secrets=secrets) as kept:
        point = client.point()
        again = await kept.finder.resume(point, HELLO)
        attached = kept.manager.drive(again, client, point)
        assert [(each.text, each.status) for each in attached.history] == [
            ("hello", EntryStatus.COMPLETE),
            ("You said: hello. ", EntryStatus.COMPLETE),
            ("spoken", EntryStatus.COMPLETE),
            ("You said: spoken. ", EntryStatus.COMPLETE),
            ("lost", EntryStatus.COMPLETE),
            ("", EntryStatus.LOST),
        ]
        assert attached.client_seq == 3
        assert (attached.stream, attached.samples) == (4, final.until)
        assert again.session.driver.epoch != alive.session.driver.epoch

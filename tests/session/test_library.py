"""The sessions of a user: listed, searched, renamed and deleted, and never those of another."""

from __future__ import annotations

import pytest
from trio.testing import wait_all_tasks_blocked

from tests.session.session_tools import Client, asked, expired, house, refused
from voicechat.errors import ErrorCode
from voicechat.protocol.messages.session import SessionState

pytestmark = pytest.mark.requirement("S-10")


async def said(kept, text, user_id="u"):
    """A session that is alive, with a question and its answer."""
    client = Client()
    alive = kept.create(client, user_id=user_id)
    await asked(client, text)
    return alive, client


async def test_the_newest_first_and_only_with_words(autojump_clock):
    async with house() as kept:
        first, client = await said(kept, "one")
        second, _ = await said(kept, "two")
        kept.create(Client())
        await said(kept, "not yours", "somebody")
        infos = await kept.library.infos("u", "")
        assert [each.session_id for each in infos] == [second.id, first.id]
        assert [each.title for each in infos] == ["two", "one"]
        assert [each.message_count for each in infos] == [2, 2]
        assert {each.state for each in infos} == {SessionState.ACTIVE}
        assert infos[0].created_at <= infos[0].last_active_at
        assert infos[0].snippet == ""
        await asked(client, "one more")
        assert [each.title for each in await kept.library.infos("u", "")] == ["one", "two"]


async def test_what_was_said_this_moment_is_in_the_list(autojump_clock):
    async with house() as kept:
        client = Client()
        alive = kept.create(client)
        client.types("just now")
        (info,) = await kept.library.infos("u", "")
        assert (info.session_id, info.title, info.message_count) == (alive.id, "just now", 1)


async def test_a_session_that_is_over_is_in_the_list(autojump_clock):
    async with house() as kept:
        gone, _ = await expired(kept)
        (info,) = await kept.library.infos("u", "")
        assert (info.session_id, info.state) == (gone.id, SessionState.EXPIRED)


async def test_the_state_is_the_present_one(autojump_clock):
    async with house() as kept:
        alive, client = await said(kept, "hello")
        await kept.scribe.flush()
        kept.store.full = True
        await kept.manager.leave(alive, client)
        (info,) = await kept.library.infos("u", "")
        assert info.state is SessionState.DISCONNECTED


async def test_words_are_found_in_what_was_said(autojump_clock):
    async with house() as kept:
        alive, _ = await said(kept, "tell me about penguins")
        await said(kept, "tell me about whales")
        await said(kept, "penguins too", "somebody")
        (info,) = await kept.library.infos("u", "peng")
        assert info.session_id == alive.id
        assert "[penguins]" in info.snippet
        assert await kept.library.infos("u", "elephants") == ()
        assert len(await kept.library.infos("u", "  ")) == 2, "blanks are no words"


async def test_a_list_is_as_long_as_wanted(autojump_clock):
    async with house() as kept:
        for number in range(3):
            await said(kept, f"q{number}")
        assert len(await kept.library.list("u", "", 2)) == 2
        assert len(await kept.library.list("u", "said", 2)) == 2


async def test_a_session_has_the_title_that_its_user_gives(autojump_clock):
    async with house() as kept:
        alive, client = await said(kept, "hello")
        gone, _ = await expired(kept, "bye")
        for each in (alive, gone):
            await kept.library.rename(each.id, "u", f"About {each.id}")
        infos = await kept.library.infos("u", "")
        assert {each.title for each in infos} == {f"About {alive.id}", f"About {gone.id}"}
        assert alive.title == f"About {alive.id}"
        await asked(client, "another question")
        assert (await kept.kept(alive)).title == f"About {alive.id}"


async def test_nobody_renames_or_deletes_what_is_not_theirs(autojump_clock):
    async with house() as kept:
        alive, _ = await said(kept, "hello")
        not_found = ErrorCode.SESSION_NOT_FOUND
        await refused(not_found, kept.library.rename, alive.id, "somebody", "Mine")
        await refused(not_found, kept.library.rename, "nobody", "u", "Mine")
        await refused(not_found, kept.library.destroy, alive.id, "somebody")
        await wait_all_tasks_blocked()
        assert not alive.session.ended.is_set()
        assert (await kept.kept(alive)).title == "hello"


async def test_all_that_was_said_can_be_read_and_deleted(autojump_clock):
    async with house() as kept:
        alive, _ = await said(kept, "hello")
        assert (await kept.library.find(alive.id)).message_count == 2
        texts = [each.text for each in await kept.library.messages(alive.id)]
        assert texts == ["hello", "You said: hello. "]
        await kept.library.destroy(alive.id, "u")
        assert alive.session.ended.is_set()
        assert await kept.library.find(alive.id) is None
        assert await kept.library.messages(alive.id) == ()
        assert await kept.library.infos("u", "") == ()

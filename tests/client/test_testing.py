"""What users of voicechat get for tests of their own."""

from __future__ import annotations

import attrs
import pytest
import trio

from voicechat.protocol.messages.connection import Hello
from voicechat.protocol.messages.conversation import ResponseComplete
from voicechat.protocol.messages.session import Resume, SessionRestored
from voicechat.settings import Settings
from voicechat.testing import Restored, open_client, running_server


async def answer(client) -> str:
    async for event in client.events():
        if isinstance(event, ResponseComplete):
            return event.text
    raise AssertionError("the client has ended")


@pytest.mark.requirement("S-2")
async def test_a_server_and_a_client_in_one_test(tmp_path) -> None:
    settings = Settings()
    settings = attrs.evolve(settings, server=attrs.evolve(settings.server, data_dir=str(tmp_path)))
    with trio.fail_after(60):
        async with running_server(settings) as link:
            async with open_client(link, hello=Hello(1, "first", speak=False)) as client:
                key = await client.ready()
                client.text("what is two plus two")
                assert "4" in await answer(client)
            begin = Resume(session_id=key.session_id, secret=key.secret)
            hello = Hello(1, "second", speak=False)
            async with open_client(link, hello=hello, begin=begin) as client:
                assert await client.ready() == key
                told = [await anext(client.events()) for _ in range(4)]
                (restored,) = [event for event in told if isinstance(event, SessionRestored)]
                assert [entry.text for entry in restored.history][:1] == ["what is two plus two"]
                assert Restored(key.session_id) in told
                client.text("what is three plus three")
                assert "6" in await answer(client)
    assert list(tmp_path.iterdir()) == [], "nothing is kept"

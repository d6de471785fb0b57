"""A client that is away is waited for, and one that has left is not."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from tests.conversation.turn_tools import RATE, running
from tests.fakes import (
    ToneSynthesizer,
)
from voicechat.conversation.presence import Presence
from voicechat.errors import ErrorCode
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import ResponseComplete

pytestmark = pytest.mark.requirement("S-2")

TEXT = "a longer sentence, so that not all of it is sent ahead."


# -- the thing itself ------------------------------------------------------------------------------


@asynccontextmanager
async def waiting(presence, event, patience_s=10):
    """What `does` says and when, in a list that is empty until then."""
    told = []

    async def wait():
        told.append((await presence.does(event, patience_s), trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        yield told
        nursery.cancel_scope.cancel()


async def test_who_is_there_has_so_much_time(autojump_clock):
    began = trio.current_time()
    async with waiting(Presence(), trio.Event()) as told:
        await trio.sleep(9.9)
        assert told == []
        await trio.sleep(0.2)
        assert told == [(False, began + 10)]


async def test_who_does_it_in_time_has_done_it(autojump_clock):
    event, began = trio.Event(), trio.current_time()
    async with waiting(Presence(), event) as told:
        await trio.sleep(9)
        event.set()
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert told == [(True, began + 9)]


async def test_who_is_away_has_all_the_time(autojump_clock):
    presence, event = Presence(), trio.Event()
    async with waiting(presence, event) as told:
        await trio.sleep(9)
        presence.goes()
        assert not presence.there
        presence.goes()
        await trio.sleep(3600)
        assert told == []
        presence.comes()
        assert presence.there
        back = trio.current_time()
        await trio.sleep(9.9)
        assert told == [], "it has the whole time again"
        await trio.sleep(0.2)
        assert told == [(False, back + 10)]


async def test_a_short_absence_counts_as_well(autojump_clock):
    presence, event, began = Presence(), trio.Event(), trio.current_time()
    async with waiting(presence, event) as told:
        await trio.sleep(9)
        presence.goes()
        presence.comes()
        await trio.sleep(10.9)
        assert told == [], "nobody can play in a second what it has just got"
        await trio.sleep(0.2)
        assert told == [(False, began + 20)]


async def test_one_that_comes_instead_of_another_has_the_whole_time(autojump_clock):
    """Its last connection was dead, and nobody had noticed."""
    presence, began = Presence(), trio.current_time()
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(9)
        presence.comes()
        await trio.sleep(10.9)
        assert told == []
        await trio.sleep(0.2)
        assert told == [(False, began + 20)]


@pytest.mark.requirement("L-3")
@pytest.mark.parametrize("is_there", [True, False])
async def test_nobody_waits_for_one_that_has_left(is_there, autojump_clock):
    presence = Presence()
    if not is_there:
        presence.goes()
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(1)
        presence.leaves()
        left = trio.current_time()
        await trio.sleep(9.5)
        assert [done for done, _ in told] == [False]
        assert told[0][1] == (left + 9 if is_there else left)
    async with waiting(presence, trio.Event()) as told:
        await trio.sleep(0.1)
        assert [done for done, _ in told] == [False], "at once, from now on"


# -- an answer -------------------------------------------------------------------------------------


async def played_to_the_end(conversation, emit):
    """Report each frame as heard, as soon as it is there."""
    while True:
        frames = emit.of(AudioFrame)
        if frames:
            end = frames[-1].offset + frames[-1].samples
            conversation.played(1, end, done=frames[-1].last)
            if frames[-1].last:
                return
        await emit.wait_for(AudioFrame, len(frames) + 1)


@pytest.mark.parametrize("away_s", [11, 300])
async def test_an_answer_waits_for_a_client_that_is_away(away_s, autojump_clock):
    tts = ToneSynthesizer()
    async with running(tts=tts, reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        await trio.sleep(away_s)
        assert emit.of(Error) == []
        assert emit.of(ResponseComplete) == []
        sent = len(emit.of(AudioFrame))
        conversation.presence.comes()
        await trio.sleep(9)
        assert len(emit.of(AudioFrame)) == sent, "it has not played yet"
        await played_to_the_end(conversation, emit)
        await emit.wait_for(ResponseComplete)
        frames = emit.of(AudioFrame)
        assert sum(f.samples for f in frames) == sum(map(len, tts.spoken)) * RATE // 20
        assert emit.of(Error) == []


async def test_a_client_that_is_there_and_does_not_play_is_told(autojump_clock):
    async with running(reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        began = trio.current_time()
        error = await emit.wait_for(Error)
        assert trio.current_time() - began == pytest.approx(10, abs=0.5)
        assert error.code is ErrorCode.ENGINE_FAILED
        assert "does not play" in error.message
        assert (await emit.wait_for(ResponseComplete)).text == f"You said: {TEXT}. "


async def test_a_client_that_comes_back_and_does_not_play_is_told(autojump_clock):
    async with running(reports=True) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        await trio.sleep(60)
        conversation.presence.comes()
        back = trio.current_time()
        await emit.wait_for(Error)
        assert trio.current_time() - back == pytest.approx(10, abs=0.5)


async def test_an_answer_to_a_client_that_plays_by_the_clock_does_not_wait(autojump_clock):
    async with running(reports=False) as (conversation, emit):
        conversation.user_text(TEXT)
        await emit.wait_for(AudioFrame, 3)
        conversation.presence.goes()
        with trio.fail_after(10):
            await emit.wait_for(ResponseComplete)


async def test_a_network_that_died_without_a_word_is_no_refusal_to_play(autojump_clock):
    presence, event, told = Presence(), trio.Event(), []

    async def wait():
        told.append((await presence.does(event, 10), trio.current_time()))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        presence.sign()
        nursery.start_soon(wait)
        await trio.sleep(55)
        assert told == [], "it may be gone: that is noticed after up to a minute"
        presence.goes()
        await trio.sleep(20)
        presence.comes()
        await trio.sleep(1)
        event.set()
    assert told == [(True, began + 76)]


@pytest.mark.parametrize("sign_after_s", [11, 29])
async def test_who_gives_signs_of_life_and_does_nothing_is_there(autojump_clock, sign_after_s):
    presence, told = Presence(), []
    began = trio.current_time()

    async def wait():
        told.append((await presence.does(trio.Event(), 10), trio.current_time()))

    async with trio.open_nursery() as nursery:
        presence.sign()
        nursery.start_soon(wait)
        await trio.sleep(sign_after_s)
        presence.sign()
    assert told == [(False, began + sign_after_s)]

"""A conversation with fakes, for the tests of its turns."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio

from tests.fakes import Collector, EchoAgent, ToneSynthesizer
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.endpoint import Endpoint, EndpointReason
from voicechat.conversation.listener import Heard
from voicechat.speech.ports import Transcript

RATE = 16_000


@asynccontextmanager
async def running(agent=None, tts=None, *, speak=True, ahead_s=0.5):
    emit = Collector()
    conversation = Conversation(
        agent=agent or EchoAgent(),
        tts=tts or ToneSynthesizer(),
        emit=emit,
        report=emit.report,
        output_rate=RATE,
        speak=speak,
        ahead_s=ahead_s,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        yield conversation, emit
        nursery.cancel_scope.cancel()


def said(text, *, accepted=True, trivial=False):
    now = trio.current_time()
    end = Endpoint(EndpointReason.SILENCE, 0, 8000)
    return Heard(Transcript(text, accepted), end, now - 0.5, now, now, trivial=trivial)

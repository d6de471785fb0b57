"""A conversation with fakes, for the tests of its turns."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio

from tests.fakes import Collector, EchoAgent, ToneSynthesizer, ungated
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.decisions import Endpoint
from voicechat.conversation.speaker import Speech
from voicechat.conversation.thinking import Thinkers
from voicechat.conversation.utterance import Heard
from voicechat.protocol.messages.trace import EndpointReason
from voicechat.speech.ports import Transcript

RATE = 16_000


@asynccontextmanager
async def running(
    agent=None,
    tts=None,
    *,
    speak=True,
    ahead_s=0.5,
    reports=False,
    owner=None,
    phrases=None,
    emit=None,
):
    emit = emit or Collector()
    conversation = Conversation(
        thinkers=Thinkers(agent or EchoAgent(), phrases),
        owner=owner or ungated(),
        speech=Speech(tts or ToneSynthesizer(), RATE, reports=reports, ahead_s=ahead_s),
        emit=emit,
        report=emit.report,
        speak=speak,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        yield conversation, emit
        nursery.cancel_scope.cancel()


def said(text, *, accepted=True, trivial=False, replaces=None, ago_s=0.0):
    now = trio.current_time()
    end = Endpoint(EndpointReason.SILENCE, 0, 8000)
    speech_ms = 100 if trivial else 1000
    return Heard(Transcript(text, accepted), end, speech_ms, now - ago_s, now, now, replaces)

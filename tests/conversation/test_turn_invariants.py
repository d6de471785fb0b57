"""What holds in every conversation, whatever users, clients, agents and engines do."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import aclosing, asynccontextmanager

import attrs
import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.conftest import leaving_nothing
from tests.conversation.checking_client import AHEAD_S, RATE, Client, Witness
from tests.conversation.plays import ACTIONS, HEARD
from tests.fakes import (
    Frames,
    LoudnessVoiceActivity,
    ScriptedRecognizer,
    ToneSynthesizer,
    loud,
    quiet,
    ungated,
)
from voicechat.conversation.conversation import Conversation
from voicechat.conversation.listener import Listener
from voicechat.conversation.speaker import Speech
from voicechat.conversation.thinking import Thinkers
from voicechat.errors import EngineFailed, ProtocolError
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, ListenMode
from voicechat.protocol.messages.conversation import MessageReceived, StopReason, StreamInterrupted
from voicechat.settings import Conversation as Settings
from voicechat.speech.ports import Transcript

MIC_S = 0.06
SETTINGS = st.builds(
    Settings,
    patience=st.sampled_from([0.0, 0.5]),
    barge_in=st.sampled_from([True, True, False]),
    speculation=st.sampled_from([True, True, False]),
    max_utterance_s=st.sampled_from([1.5, 30.0]),
)
LAST = ["drain", "close and drain", "stop", "drain, then stop"]


class Supply(list):
    """Transcripts without end, each with a tag of its own."""

    def __init__(self, world, kinds):
        super().__init__(kinds)
        self._world = world
        self._given = 0

    def pop(self, _=0, /):
        text, accepted = self[self._given % len(self)]
        self._given += 1
        if text.count(" "):
            text = f"{self._world.tag()} {text}"
        return Transcript(text, accepted)


@attrs.frozen
class Doubting:
    """Its recogniser stops believing, at the end, in what asks for something back."""

    utterance: object

    async def finish(self):
        final = await self.utterance.finish()
        return attrs.evolve(final, accepted=final.accepted and "back" not in final.text)

    def __getattr__(self, name):
        return getattr(self.utterance, name)


class DoubtingRecognizer(ScriptedRecognizer):
    @asynccontextmanager
    async def open(self, on_partial):
        async with super().open(on_partial) as utterance:
            yield Doubting(utterance)


class Voice(ToneSynthesizer):
    async def _chunks(self, text):
        if "mute" in text:
            raise EngineFailed("The voice is gone.")
        async with aclosing(super()._chunks(text)) as chunks:
            async for chunk in chunks:
                yield chunk


@attrs.define
class World:
    """One session, driven by a script of actions."""

    client: Client
    conversation: Conversation
    agent: Witness
    nursery: trio.Nursery
    microphone: trio.MemorySendChannel
    tags: int = 0
    frames: int = 0

    def tag(self):
        self.tags += 1
        return f"q{self.tags}"

    async def play(self, pcm):
        size = round(RATE * MIC_S) * 2
        for at in range(0, len(pcm), size):
            part = pcm[at : at + size].ljust(size, b"\0")
            offset = self.frames * size // 2
            frame = AudioFrame(FrameKind.MICROPHONE, 1, self.frames, offset, part)
            self.frames += 1
            await trio.sleep(MIC_S)
            await self.microphone.send(frame)

    async def act(self, what, how):
        client, conversation = self.client, self.conversation
        match what:
            case "say":
                await self.play(loud(how))
            case "pause":
                await self.play(quiet(how))
            case "type":
                text = f"{self.tag()} {how}"
                try:
                    turn = conversation.user_text(text)
                except ProtocolError:
                    return
                client.questions[turn] = text
                await client(MessageReceived(None, turn))
            case "interrupt":
                turn = None if how is None else (client.open_turn or 0) + how
                conversation.interrupt(turn)
            case "speak":
                conversation.speak = how
            case "announce":
                self.nursery.start_soon(conversation.announce, how)
            case "stall":
                client.stalled_until = trio.current_time() + how
            case "enough":
                client.enough()

    async def end(self, how):
        if how == "close and drain":
            self.microphone.close()
        if how == "stop":
            self.conversation.stop()
        if how == "drain, then stop":
            with trio.move_on_after(0.5):
                await self.conversation.drain()
            self.conversation.stop()
        with trio.fail_after(120):  # nothing that happens here takes so long
            await self.conversation.drain()


async def listen(listener, client, mode, audio):
    await listener.listen(AudioOpen(1, RATE, mode), audio)
    await trio.sleep(6 * client.lag_s + 0.01)  # what is on its way has come
    assert not client.ducked, "nobody is there any more who may interrupt"


async def converse(actions, last, kinds, *, reports, lag_s, pause, mode, settings):
    client = Client(reports=reports, lag_s=lag_s)
    agent = Witness(pause, client=client)
    conversation = Conversation(
        thinkers=Thinkers(agent),
        owner=ungated(),
        speech=Speech(Voice(), RATE, reports=reports, ahead_s=AHEAD_S),
        emit=client,
        report=client.report,
        speak=True,
    )
    client.conversation = conversation
    watch(conversation, client)
    send, receive = trio.open_memory_channel(math.inf)
    async with trio.open_nursery() as devices:
        devices.start_soon(client.run)
        async with trio.open_nursery() as nursery:
            world = World(client, conversation, agent, nursery, send)
            listener = Listener(
                vad=LoudnessVoiceActivity(),
                stt=DoubtingRecognizer(Supply(world, kinds), word_s=0.2),
                emit=client,
                owner=ungated(),
                conversation=conversation,
                report=client.report,
                settings=settings,
                vad_threshold=0.5,
            )
            nursery.start_soon(conversation.run)
            nursery.start_soon(listen, listener, client, mode, Frames(receive))
            nursery.start_soon(client.play)
            for action in actions:
                await world.act(*action)
            await world.end(last)
            nursery.cancel_scope.cancel()
        client.outbox.close()
    send.close()
    return client, agent


def watch(conversation, client):
    """Keep each turn of the server, to know what was to be spoken."""
    turns = conversation._turns
    enter = turns._enter

    def entered(turn):
        client.turns[turn.request.turn] = turn
        enter(turn)

    turns._enter = entered


def check_end(client, agent):
    assert not client.faults, client.faults[0]
    assert set(client.ends) == client.told, "each turn that was told of has ended, and no other"
    assert set(client.traces) == client.told, "each has one record"
    assert {*client.sending} == {*client.ends}
    changed = Counter(agent.changed)
    assert not changed or max(changed.values()) == 1, "what is done twice is a fault"
    spoken = {client.questions[turn] for turn in client.refused}
    assert spoken.isdisjoint(changed), "what was not understood changes nothing"
    asked = {
        client.questions.get(turn)
        for turn, end in client.ends.items()
        if not isinstance(end, StreamInterrupted) or end.reason is not StopReason.REOPENED
    }
    assert {*changed} <= asked, "what was only a beginning changes nothing"


@pytest.mark.requirement("V-4", "V-6", "V-7", "V-8", "V-9", "V-11")
@settings(max_examples=60)
@given(
    actions=ACTIONS,
    last=st.sampled_from(LAST),
    kinds=st.lists(HEARD, min_size=1, max_size=4),
    reports=st.sampled_from([True, True, False]),
    lag_s=st.sampled_from([0.0, 0.0, 0.03]),
    pause=st.sampled_from([0.0, 0.05, 0.4]),
    mode=st.sampled_from([ListenMode.HANDS_FREE] * 3 + [ListenMode.PUSH_TO_TALK]),
    settings=SETTINGS,
)
@example(
    actions=[("say", 1.5), ("pause", 3.0), ("say", 1.5), ("pause", 3.0)],
    last="drain",
    kinds=[("set it back now", True), ("take it back now", True)],
    reports=True,
    lag_s=0.0,
    pause=0.0,
    mode=ListenMode.HANDS_FREE,
    settings=Settings(speculation=True),
)
def test_every_conversation(actions, last, kinds, **how):
    async def main():
        check_end(*await converse(actions, last, kinds, **how))

    run(main)


def run(main):
    trio.run(leaving_nothing(main), clock=MockClock(autojump_threshold=0))

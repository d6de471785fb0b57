"""A whole conversation with fake engines: a microphone that follows a script, and a loudspeaker."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager

import attrs
import trio

from tests.fakes import (
    Collector,
    EchoAgent,
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
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioOpen, ListenMode
from voicechat.protocol.messages.conversation import StreamInterrupted
from voicechat.settings import Conversation as Settings

RATE = 16_000
STEP_S = 0.02


@attrs.define
class Room:
    """Says and hears; everything in virtual time.

    The loudspeaker plays from the moment when a frame arrives, stops when it is told to, and
    reports each 100 ms.
    """

    emit: Collector
    conversation: Conversation
    stt: ScriptedRecognizer
    agent: EchoAgent
    microphone: trio.MemorySendChannel
    played: dict = attrs.field(factory=dict)
    refuses: bool = False  # the loudspeaker plays nothing, and says nothing
    _seq: int = 0
    _offset: int = 0

    async def silence(self, seconds):
        await self._send(quiet(seconds))

    async def speech(self, seconds):
        await self._send(loud(seconds))

    async def _send(self, pcm):
        size = round(RATE * STEP_S) * 2
        for at in range(0, len(pcm), size):
            await trio.sleep(STEP_S)
            part = pcm[at : at + size]
            frame = AudioFrame(FrameKind.MICROPHONE, 1, self._seq, self._offset, part)
            self._seq += 1
            self._offset += frame.samples
            await self.microphone.send(frame)

    async def play(self):
        reported = {}
        while True:
            for _ in range(5):
                await trio.sleep(STEP_S)
                self._tick()
            for turn, (played, done) in self.played.items():
                if reported.get(turn) != (played, done):
                    reported[turn] = (played, done)
                    self.conversation.played(turn, played, done=done)

    def _tick(self):
        if self.refuses:
            return
        frames = self.emit.of(AudioFrame)
        stopped = {item.turn for item in self.emit.of(StreamInterrupted)}
        for turn in {frame.stream for frame in frames}:
            mine = [frame for frame in frames if frame.stream == turn]
            there = sum(frame.samples for frame in mine)
            played, done = self.played.get(turn, (0, False))
            if not done:
                played = min(there, played + round(RATE * STEP_S))
                done = turn in stopped or (mine[-1].last and played == there)
                self.played[turn] = (played, done)


@asynccontextmanager
async def room(
    transcripts,
    agent=None,
    tts=None,
    *,
    word_s=0.2,
    mode=ListenMode.HANDS_FREE,
    end_of_turn=None,
    owner=None,
    stt=None,
    **how,
):
    emit = Collector()
    agent = agent or EchoAgent()
    owner = owner or ungated()
    stt = stt or ScriptedRecognizer(list(transcripts), word_s=word_s)
    conversation = Conversation(
        thinkers=Thinkers(agent),
        owner=owner,
        speech=Speech(tts or ToneSynthesizer(), RATE, reports=True, ahead_s=0.5),
        emit=emit,
        report=emit.report,
        speak=True,
    )
    listener = Listener(
        vad=LoudnessVoiceActivity(),
        stt=stt,
        end_of_turn=end_of_turn,
        emit=emit,
        owner=owner,
        conversation=conversation,
        report=emit.report,
        settings=Settings(**how),
        vad_threshold=0.5,
    )
    send, receive = trio.open_memory_channel[AudioFrame](math.inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.run)
        nursery.start_soon(listener.listen, AudioOpen(1, RATE, mode), Frames(receive))
        it = Room(emit, conversation, stt, agent, send)
        nursery.start_soon(it.play)
        yield it
        nursery.cancel_scope.cancel()

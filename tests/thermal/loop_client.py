"""A client that asks again and again, and keeps what it gets so that nothing can be lost unseen."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import TYPE_CHECKING

import attrs
import numpy as np
import trio

from tests.thermal.loop_engines import (
    FIRST_LEVEL,
    SPEECH_RATE,
    answer_to,
    phrase_for,
    question_at,
    spoken_text,
)
from voicechat.conversation.notice import WORDS
from voicechat.errors import ErrorCode, ProtocolError
from voicechat.protocol.codec import Envelope
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    MessageReceived,
    Origin,
    ResponseComplete,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
    UserMessage,
)
from voicechat.protocol.messages.thermal import Thermal, ThermalState
from voicechat.speech.ports import INPUT_RATE

if TYPE_CHECKING:
    from voicechat.protocol.messages.base import ServerMessage
    from voicechat.session.session import Session

FRAME = 1_600
"""Samples in a frame of the microphone: 100 ms."""
QUESTION_S = 2.0
QUESTION_SAMPLES = round(QUESTION_S * INPUT_RATE)
THINKS_S = 1.0
REPORT_S = 0.25


@attrs.define
class Answer:
    """All that came of one turn."""

    origin: Origin | None = None
    deltas: str = ""
    pcm: bytearray = attrs.field(factory=bytearray)
    seq: int = 0
    whole: bool = False
    text: str | None = None
    began_at: float = math.inf
    ended_at: float = math.inf
    ended: trio.Event = attrs.field(factory=trio.Event)

    def begin(self, origin: Origin) -> None:
        assert self.origin is None, "a turn began twice"
        self.origin = origin
        self.began_at = trio.current_time()

    def end(self) -> None:
        assert not self.ended.is_set(), "a turn ended twice"
        self.ended_at = trio.current_time()
        self.ended.set()

    def take(self, frame: AudioFrame) -> None:
        assert not self.whole, "a frame came after the last one"
        assert frame.seq > self.seq, "a frame came twice"
        assert frame.offset == len(self.pcm) // 2, "samples are missing or came twice"
        self.pcm += frame.pcm
        self.seq = frame.seq
        self.whole = frame.last


class Client:
    """One user, who types and speaks in turn.

    Args:
        session: Whom it talks to; it runs.
        reports: Whether it tells what it has played.

    Attributes:
        asked: Its questions by their turns.
        answers: What came of every turn.
        thermal: What it was told of the heat.
    """

    def __init__(self, session: Session, *, reports: bool) -> None:
        self.asked: dict[int, str] = {}
        self.answers: defaultdict[int, Answer] = defaultdict(Answer)
        self.thermal: list[Thermal] = []
        self._session = session
        self._reports = reports
        self._received: trio.MemorySendChannel[int]
        self._turns: trio.MemoryReceiveChannel[int]
        self._received, self._turns = trio.open_memory_channel[int](1)

    async def talk(self, until: float) -> None:
        """Ask one question after another; the last one is asked before `until`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, nursery)
            number = 0
            while trio.current_time() < until:
                number += 1
                turn = await (self._type(number) if number % 2 else self._say(number))
                await self.answers[turn].ended.wait()
                await trio.sleep(THINKS_S)
            nursery.cancel_scope.cancel()

    def check(self) -> None:
        """Every question was answered, in whole, once; each pause was spoken of once at most."""
        states = [ThermalState.NORMAL, *(message.state for message in self.thermal)]
        pauses = sum(
            after is ThermalState.PAUSED is not before
            for before, after in itertools.pairwise(states)
        )
        notices = 0
        for turn, question in self.asked.items():
            answer = self.answers[turn]
            assert answer.text in {"".join(answer_to(question)), phrase_for(question)}
            assert answer.deltas == answer.text
            assert answer.whole
            spoken = _squashed(spoken_text(bytes(answer.pcm)))
            notices += spoken.count(_squashed(WORDS))
            assert spoken.replace(_squashed(WORDS), "") == _squashed(answer.text)
        for turn, answer in self.answers.items():
            if turn not in self.asked:
                assert answer.origin is Origin.NOTICE
                assert answer.deltas in {WORDS, ""}, "stopped by a question, or said in whole"
        assert notices <= pauses

    # -- asking --------------------------------------------------------------------------------

    async def _type(self, number: int) -> int:
        text = f"typed question {number}"
        self._session.requests.handle(Envelope(UserMessage(text), number))
        turn = await self._turns.receive()
        self.asked[turn] = text
        return turn

    async def _say(self, number: int) -> int:
        """Speak in real time, and be silent until the words were understood."""
        level = FIRST_LEVEL + number
        self._session.requests.handle(Envelope(AudioOpen(number, INPUT_RATE), None))
        turn = None
        with trio.CancelScope() as microphone:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send_audio, number, level)
                turn = await self._turns.receive()
                microphone.cancel()
        assert turn is not None
        self._session.requests.handle(Envelope(AudioClose(number), None))
        self.asked[turn] = question_at(level, QUESTION_SAMPLES)
        return turn

    async def _send_audio(self, stream: int, level: int) -> None:
        position, begin = 0, trio.current_time()
        while True:
            loud = FRAME * 3 <= position < FRAME * 3 + QUESTION_SAMPLES
            pcm = np.full(FRAME, level if loud else 0, "<i2").tobytes()
            frame = AudioFrame(FrameKind.MICROPHONE, stream, position // FRAME, position, pcm)
            try:
                self._session.microphones.audio(frame)
            except ProtocolError as error:  # minutes of a pause: what was kept is answered
                if error.code is not ErrorCode.THERMAL_PAUSED:
                    raise
                return
            position += FRAME
            await trio.sleep_until(begin + position / INPUT_RATE)

    # -- listening -----------------------------------------------------------------------------

    async def _read(self, nursery: trio.Nursery) -> None:
        async for item in self._session.outbox:
            if isinstance(item, AudioFrame):
                self.answers[item.stream].take(item)
            elif isinstance(item, TurnStarted):
                answer = self.answers[item.turn]
                answer.begin(item.origin)
                if self._reports:
                    nursery.start_soon(self._play, item.turn, answer)
            else:
                self._take(item)

    def _take(self, message: ServerMessage) -> None:
        match message:
            case MessageReceived(turn=turn):
                self._received.send_nowait(turn)
            case TranscriptFinal(turn=turn, accepted=accepted):
                assert accepted
                assert turn is not None
                self._received.send_nowait(turn)
            case StreamDelta(turn=turn, text=text):
                self.answers[turn].deltas += text
            case ResponseComplete(turn=turn, text=text):
                self.answers[turn].text = text
                self.answers[turn].end()
            case StreamInterrupted(turn=turn):
                answer = self.answers[turn]
                assert answer.origin is Origin.NOTICE, "nobody interrupts an answer here"
                answer.end()
            case Thermal():
                self.thermal.append(message)
            case Error() | StreamError():
                raise AssertionError(message)

    async def _play(self, turn: int, answer: Answer) -> None:
        """Play what has come, and tell so, until nothing is left."""
        played = 0
        while not answer.ended.is_set():
            await trio.sleep(REPORT_S)
            played = min(len(answer.pcm) // 2, played + round(REPORT_S * SPEECH_RATE))
            done = answer.whole and played == len(answer.pcm) // 2
            self._session.requests.handle(Envelope(Playback(turn, played, done), None))
            if done:
                return


def _squashed(text: str) -> str:
    return "".join(text.split())

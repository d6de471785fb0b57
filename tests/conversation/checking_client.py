"""A client with a loudspeaker that objects to whatever a server may never do, and its agent."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager

import attrs
import trio

from tests.fakes import EchoAgent
from voicechat.agents.ports import Completeness, Role
from voicechat.errors import EngineFailed
from voicechat.protocol.frames import AudioFrame
from voicechat.protocol.messages.connection import Error
from voicechat.protocol.messages.conversation import (
    Duck,
    MessageReceived,
    ResponseComplete,
    StopReason,
    StreamDelta,
    StreamError,
    StreamInterrupted,
    TranscriptFinal,
    TurnStarted,
)
from voicechat.protocol.messages.trace import Outcome, Speculation, TurnTrace

RATE = 16_000
AHEAD_S = 0.5
CHAR = RATE // 20
"""Samples that the fake synthesiser needs for a character."""
TICK_S = 0.04
TICKS_A_REPORT = 5
ENDS = (ResponseComplete, StreamInterrupted, StreamError)
OUTCOMES = {
    ResponseComplete: Outcome.COMPLETE,
    StreamInterrupted: Outcome.INTERRUPTED,
    StreamError: Outcome.FAILED,
}
REFUSAL = "{} is not what I know. "
HURRIED = {"now": Completeness.COMPLETE, "maybe": Completeness.EXTENDABLE, "and": Completeness.OPEN}


def tag_of(text):
    found = re.match(r"q\d+\b", text)
    return found and found[0]


class Client:
    """What reaches it passes a short outbox, and is checked when it comes.

    Args:
        reports: Whether it tells what it has played; else it plays at once what is sent.
        lag_s: Time that each thing needs to get through.
    """

    def __init__(self, *, reports, lag_s):
        self.reports = reports
        self.conversation = None
        self.lag_s = lag_s
        self.items = []
        self.faults = []
        self.told = set()  # turns that the client knows of
        self.started = []
        self.ends = {}
        self.sending = {}  # ends, from when the server began to send them
        self.traces = {}
        self.turns = {}  # the server's own, to ask whether it was to be spoken
        self.questions = {}  # turn to text
        self.refused = set()  # turns whose final words the recogniser did not believe
        self.texts = {}
        self.ducked = set()
        self.seqs, self.samples, self.over = {}, {}, set()
        self.sent, self.reported = {}, {}
        self.heard, self.until, self.done = {}, {}, set()
        self.stalled_until = -math.inf
        self.outbox, self._coming = trio.open_memory_channel(2 if lag_s else math.inf)

    async def __call__(self, item, /):
        """The server sends."""
        if isinstance(item, ENDS):
            self.sending[item.turn] = item
        if isinstance(item, AudioFrame):
            with self.noting():
                self.leaves(item)
        await self.outbox.send(item)

    @contextmanager
    def noting(self):
        """Keep what fails inside a turn: there it would only end the turn."""
        try:
            yield
        except AssertionError as fault:
            self.faults.append(fault)

    async def report(self, error):
        await self(Error.of(error, "0"))

    async def run(self):
        async for item in self._coming:
            await trio.sleep(self.lag_s)
            self.items.append(item)
            self.arrives(item)

    # -- what leaves the server ----------------------------------------------------------------

    def leaves(self, frame):
        turn, now = frame.stream, trio.current_time()
        sent = self.sent[turn] = self.sent.get(turn, 0) + frame.samples
        if self.reports:
            ahead = sent - self.reported.get(turn, 0)
        else:
            self.until[turn] = max(self.until.get(turn, now), now) + frame.samples / RATE
            ahead = (self.until[turn] - now) * RATE
        assert ahead <= max(AHEAD_S * RATE, frame.samples) + 1, "too far ahead of playback"

    # -- what comes ----------------------------------------------------------------------------

    @property
    def open_turn(self):
        left = [turn for turn in self.started if turn not in self.ends]
        assert len(left) <= 1, f"turns {left} are open at once"
        return left[0] if left else None

    def arrives(self, item):
        if isinstance(item, TurnStarted):
            assert item.turn not in self.started
            assert item.turn not in self.ends
            self.started.append(item.turn)
            self.told.add(item.turn)
            self.texts[item.turn] = ""
            assert self.open_turn == item.turn
        elif isinstance(item, StreamDelta):
            assert item.turn == self.open_turn, "text of a turn that is not open"
            self.texts[item.turn] += item.text
        elif isinstance(item, AudioFrame):
            self.hears(item)
        elif isinstance(item, ENDS):
            assert item.turn not in self.ends, "a second end"
            assert item.turn == self.open_turn, "the end of a turn that is not open"
            self.ends[item.turn] = item
            self.ducked.discard(item.turn)
            if isinstance(item, ResponseComplete):
                assert item.text == self.texts[item.turn]
        elif isinstance(item, TurnTrace):
            self.traced(item)
        elif isinstance(item, Duck):
            assert (item.turn in self.ducked) == (item.gain == 1), "softer, then loud again"
            (self.ducked.discard if item.gain == 1 else self.ducked.add)(item.turn)
        elif isinstance(item, MessageReceived):
            self.told.add(item.turn)
        elif isinstance(item, TranscriptFinal) and item.turn is not None:
            assert item.turn not in self.told, "the words come before their answer"
            self.told.add(item.turn)
            self.questions[item.turn] = item.text
            if not item.accepted:
                self.refused.add(item.turn)

    def hears(self, frame):
        turn = frame.stream
        assert turn == self.open_turn, "speech of a turn that is not open"
        assert turn not in self.over, "speech after the last frame"
        assert frame.seq == self.seqs.get(turn, 0)
        assert frame.offset == self.samples.get(turn, 0)
        self.seqs[turn] = frame.seq + 1
        self.samples[turn] = frame.offset + frame.samples
        if frame.last:
            self.over.add(turn)

    def traced(self, trace):
        assert trace.turn not in self.traces, "a second trace"
        end = self.ends[trace.turn]  # it comes first
        assert trace.outcome is OUTCOMES[type(end)]
        assert trace.stopped is (end.reason if isinstance(end, StreamInterrupted) else None)
        assert trace.played_ms <= self.played(trace.turn) * 1000 / RATE + 0.1
        assert trace.heard_chars <= trace.text_chars
        if trace.turn in self.refused:
            assert trace.speculation is not Speculation.HIT, "a draft for words nobody believes"
            assert self.texts[trace.turn] in {"", REFUSAL.format(self.questions[trace.turn])}
        self.traces[trace.turn] = trace

    # -- its loudspeaker -----------------------------------------------------------------------

    def played(self, turn):
        """Samples that came out of the loudspeaker by now."""
        if self.reports:
            return self.heard.get(turn, 0)
        left = self.until.get(turn, -math.inf) - trio.current_time()
        return self.sent.get(turn, 0) - math.floor(max(0, left) * RATE)

    async def play(self):
        """Play what there is of the newest turn, and tell about it."""
        tick = 0
        while self.reports:
            await trio.sleep(TICK_S)
            tick += 1
            for turn in self.started[-2:]:
                if turn not in self.done:
                    self._play(turn, tell=tick % TICKS_A_REPORT == 0)

    def _play(self, turn, *, tell):
        there, heard = self.samples.get(turn, 0), self.heard.get(turn, 0)
        if trio.current_time() >= self.stalled_until and turn not in self.ends:
            heard = self.heard[turn] = min(there, heard + round(TICK_S * RATE))
        ended = self.ends.get(turn)
        stopped = isinstance(ended, StreamInterrupted | StreamError)
        if stopped or (turn in self.over and heard == there):
            self.tell(turn, done=True)
        elif tell and heard:
            self.tell(turn, done=False)

    def tell(self, turn, *, done):
        if done:
            self.done.add(turn)
        self.reported[turn] = self.heard.get(turn, 0)
        self.conversation.played(turn, self.reported[turn], done=done)

    def enough(self):
        """Play no more of what is playing."""
        turn = self.open_turn
        if self.reports and turn is not None and turn not in self.done:
            self.tell(turn, done=True)


@attrs.define
class Witness(EchoAgent):
    """Answers "q3 what time is it. …" and knows what the history may hold when it is asked."""

    client: Client = attrs.field(kw_only=True)

    async def respond(self, question, say):
        with self.client.noting():
            self.check(question.history)
        text, tag = question.text, tag_of(question.text)
        self.asked.append(text)
        if tag is None:
            return  # an "uh-huh" that ends up as a question is met with silence
        if "set" in text:
            await question.certain()
            self.changed.append(text)
        for word in f"{text}. Is what you said. I have heard it well, nothing else.".split():
            await trio.sleep(self.pause)
            if "broken" in text and word == "have":
                raise EngineFailed("The model is gone.")
            if "bang" in text and word == "well,":
                raise ValueError("planted")
            await say(word + " ")

    async def not_understood(self, transcript, say):
        self.asked.append("?")
        await say(REFUSAL.format(transcript.text))

    def completeness(self, words):
        return HURRIED.get(words.rpartition(" ")[2], Completeness.UNKNOWN)

    def check(self, history):
        """Nothing is in it that was not said or not heard."""
        client = self.client
        of_tag = {}
        for turn, end in client.sending.items():
            reopened = isinstance(end, StreamInterrupted) and end.reason is StopReason.REOPENED
            if not reopened and (tag := tag_of(client.questions.get(turn, ""))):
                assert tag not in of_tag, "one question was answered twice"
                of_tag[tag] = turn
        seen = []
        for message in history:
            tag = tag_of(message.whole)
            if tag is None:
                continue
            assert (message.role, tag) not in seen
            seen.append((message.role, tag))
            assert tag in of_tag, f"{message} was withdrawn or never asked"
            if message.role is Role.ASSISTANT:
                self.check_answer(message, of_tag[tag])
            else:
                assert message.text == client.questions[of_tag[tag]]

    def check_answer(self, message, turn):
        client = self.client
        assert message.cut == isinstance(client.sending[turn], StreamInterrupted)
        assert message.intended.startswith(message.text)
        of_server = client.turns[turn]
        if of_server.speaker.unspoken is None and of_server.request.speak:
            seams = message.text.count(". ") + message.text.count(", ")
            spoken = len(message.text) - seams
            assert spoken * CHAR <= client.played(turn), f"not all of this was heard: {message}"

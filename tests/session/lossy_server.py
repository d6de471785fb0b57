"""A link that loses what is on its way, and a naive session around the real counters."""

from __future__ import annotations

from collections import deque

import attrs

from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import Playback
from voicechat.protocol.messages.conversation import (
    StopReason,
    StreamInterrupted,
    TranscriptPartial,
)
from voicechat.protocol.messages.session import Ack, InputAck, Resume, SessionRestored
from voicechat.session.inbox import Inbox, StreamPosition, Verdict
from voicechat.session.outbox import Outbox

MAX_BYTES = 2_000
SPEECH_AGE_S = 5.0
MOST_SAMPLES = 300


class Link:
    """One connection: two queues in order, until it is cut; what is in it then is gone."""

    def __init__(self):
        self.up, self.down, self.alive = deque(), deque(), True

    def cut(self):
        self.alive = False
        self.up.clear()
        self.down.clear()

    def send_up(self, item):
        if self.alive:
            self.up.append(item)

    def send_down(self, item):
        if self.alive:
            self.down.append(item)


@attrs.frozen
class Numbered:
    """A numbered message of the client: words, or the begin or end of a microphone stream."""

    seq: int
    words: str
    opens: int | None = None


def samples_of(turn: int, start: int, end: int) -> bytes:
    """Speech in which every sample tells where it belongs."""
    return b"".join((turn * 5_000 + i & 0xFFFF).to_bytes(2, "little") for i in range(start, end))


class Server:
    """Does with the counters what a session does, and remembers all for the checks."""

    def __init__(self):
        self.outbox = Outbox(
            max_bytes=MAX_BYTES, speech_age_s=SPEECH_AGE_S, keeps=True, reports=True
        )
        self.inbox, self.position = Inbox(), StreamPosition()
        self.link: Link | None = None
        self.now = 0.0
        self.texts: list[str] = []  # all that was said
        self.turn, self.speaking = 0, False
        self.produced: dict[int, int] = {}  # samples of each turn
        self.finished: set[int] = set()  # turns whose last frame is made
        self.silenced: set[int] = set()
        self.expired: dict[tuple[int, int], int] = {}  # sample of a turn -> restores until then
        self.restores = 0
        self.reported: dict[int, int] = {}
        self.heard: list[str] = []  # the client's messages
        self.audio: dict[int, int] = {}  # stream -> samples that came, in order
        self.pending: list[int] = []
        self.shared = False  # another client was there as well

    # -- what the session says -----------------------------------------------------------------

    def put(self, item):
        samples = dict(self.outbox._samples)
        self.outbox.put(item, self.now)
        for number in samples.keys() - self.outbox._samples.keys():
            frame = samples[number]
            for at in range(frame.offset, frame.offset + frame.samples):
                self.expired[frame.stream, at] = self.restores

    def say(self, message=None):
        message = message or TranscriptPartial(f"text {len(self.texts)}")
        self.texts.append(getattr(message, "text", f"stop {getattr(message, 'turn', 0)}"))
        self.put(message)

    def speak(self, samples: int, *, last: bool):
        if not self.outbox.has_room:  # what speaks waits
            return
        if not self.speaking:
            self.turn += 1
            self.speaking = True
            self.produced[self.turn] = 0
        start = self.produced[self.turn]
        end = self.produced[self.turn] = start + samples
        pcm = samples_of(self.turn, start, end)
        self.put(AudioFrame(FrameKind.SPEECH, self.turn, 0, start, pcm, last))
        if last:
            self.speaking = False
            self.finished.add(self.turn)

    def interrupt(self):
        if self.turn and self.turn not in self.silenced:
            self.speaking = False
            self.silenced.add(self.turn)
            self.outbox.silence(self.turn)
            self.say(StreamInterrupted(self.turn, StopReason.INTERRUPTED))

    def write(self, most: int):
        """Send what there is; whether it arrives is another matter."""
        while self.link is not None and most and self.outbox.peek() is not None:
            first = self.outbox.peek()
            entry = self.outbox.take()
            assert entry is first
            assert entry.sent
            if isinstance(entry.item, AudioFrame):
                assert entry.item.seq == entry.seq
            self.link.send_down((entry.seq, entry.item))
            most -= 1

    def acknowledge(self):
        if self.link is not None:
            at = self.position
            self.link.send_down(InputAck(self.inbox.settled, at.stream, at.settled))

    # -- what the client says ------------------------------------------------------------------

    def receive(self, item, link: Link):
        match item:
            case Resume():
                self.attach(item, link)
            case Ack(seq=seq):
                self.outbox.ack(seq)
            case Playback(turn=turn, played=played, done=done):
                self.reported[turn] = max(self.reported.get(turn, 0), played)
                self.outbox.played(turn, played)
                if done:
                    self.outbox.silence(turn)
            case Numbered():
                verdict = self.inbox.judge(item.seq)
                assert verdict is not Verdict.GAP
                if verdict is Verdict.NEW:
                    self.heard.append(item.words)
                    self.pending.append(item.seq)
                    if item.opens is not None:
                        self.position.open(item.opens)
                        self.audio[item.opens] = 0
            case AudioFrame(stream=stream, offset=offset, samples=samples):
                new = self.position.audio(stream, offset, samples)
                if new:
                    assert offset + samples - new == self.audio[stream], "a hole, or twice"
                    self.audio[stream] += new

    def settle(self, which: int, samples: int):
        if self.pending:
            self.inbox.settle(self.pending.pop(which % len(self.pending)))
        if self.position.stream is not None:
            self.position.settle(self.position.stream, self.position.settled + samples)

    def taken_over(self, words: list[str]):
        """Another client drives the session, says something and goes."""
        self.shared, link = True, Link()
        self.attach(Resume(session_id="s", secret="s", client="another"), link)
        for each in words:
            self.receive(Numbered(self.inbox.taken + 1, each), link)
        link.cut()

    def attach(self, resume: Resume, link: Link):
        if self.link is not None and self.link is not link:
            self.link.cut()
        self.link = link
        history, seq = None, resume.seq
        if resume.epoch is None:
            rewound = self.outbox.clear()
            history, seq = tuple(self.texts), self.outbox.seq
        else:
            rewound = self.outbox.rewind(seq, buffered=resume.buffered)
            assert rewound is not None or self.shared, "the client has what it says"
        if rewound is None:  # another client has acknowledged more
            rewound = self.outbox.clear()
            history, seq = tuple(self.texts), self.outbox.seq
        self.restores += 1
        self.inbox.comes(resume.client)
        assert resume.client_seq <= self.inbox.taken + 1, "nothing unknown was ever acknowledged"
        link.send_down(
            SessionRestored(
                session_id="s", secret="s", epoch="e", title=str(self.restores), seq=seq,
                client_seq=self.inbox.taken, own_seq=self.inbox.own,
                stream=self.position.stream, samples=self.position.received,
                history=history, speech_lost=rewound.speech_lost, truncated=False,
            )
        )  # fmt: skip

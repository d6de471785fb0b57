"""A client that acknowledges, as simple as its rules allow, with a loudspeaker and an ear."""

from __future__ import annotations

import attrs

from tests.session.lossy_server import Link, Numbered, samples_of
from voicechat.protocol.frames import AudioFrame, FrameKind
from voicechat.protocol.messages.audio import Playback
from voicechat.protocol.messages.conversation import StreamInterrupted
from voicechat.protocol.messages.session import Ack, InputAck, Resume, SessionRestored


@attrs.frozen
class Hole:
    """Speech that is missing between what is in the loudspeaker and what came next."""

    turn: int
    start: int
    end: int
    restored: SessionRestored | None


class Client:
    """What is not in `Client.link` yet is in `log`, until the server has acknowledged it."""

    def __init__(self, link: Link):
        self.link, self.waiting = link, False
        self.fresh = False  # a page that was loaded again and knows nothing yet
        # What the server said.
        self.seq = 0
        self.acked = 0  # as it has told
        self.again_until: int | None = None  # speech up to there may come a second time
        self.texts: list[str] = []
        self.restored: SessionRestored | None = None
        self.warned = 0  # the last restore that told of lost speech
        # Its speech: `ear` is what the user has really heard, over all pages.
        self.queued: dict[int, int] = {}  # turn -> end of what the loudspeaker has
        self.ear: dict[int, int] = {}
        self.report: Playback | None = None
        self.ended: set[int] = set()
        self.stopped: set[int] = set()
        self.holes: list[Hole] = []
        # What it says.
        self.log: list[Numbered | AudioFrame] = []
        self.number, self.page = 0, 0
        self.said: list[str] = []  # by this page
        self.said_before: dict[str, list[str]] = {}  # by those before it
        self.stream, self.captured, self.listens = 0, 0, False

    # -- from the server -----------------------------------------------------------------------

    def receive(self, item):
        match item:
            case SessionRestored():
                self.on_restored(item)
            case InputAck():
                self.log = [kept for kept in self.log if self.unsettled(kept, item)]
            case (seq, content):
                assert not self.waiting, "first of all it is told where it is"
                self.on_item(seq, content)

    def on_item(self, seq, item):
        again = self.again_until is not None and seq <= self.again_until
        if not again:
            self.again_until = None
        if seq <= self.seq and not (again and isinstance(item, AudioFrame)):
            return  # it came twice
        self.seq = max(self.seq, seq)
        if isinstance(item, AudioFrame):
            self.on_speech(item)
        elif isinstance(item, StreamInterrupted):
            self.texts.append(f"stop {item.turn}")
            self.stopped.add(item.turn)
        else:
            self.texts.append(item.text)

    def on_speech(self, frame):
        turn, end = frame.stream, frame.offset + frame.samples
        assert frame.pcm == samples_of(turn, frame.offset, end)
        if turn in self.stopped:
            return
        has = self.queued.get(turn, self.ear.get(turn, 0))
        if frame.offset > has:
            self.holes.append(Hole(turn, has, frame.offset, self.restored))
        self.queued[turn] = max(has, end)
        if frame.last:
            self.ended.add(turn)

    def acknowledge(self):
        if not self.waiting:
            self.acked = max(self.acked, self.seq)
            self.link.send_up(Ack(self.seq))

    # -- its loudspeaker -----------------------------------------------------------------------

    def play(self, samples: int):
        for turn, end in sorted(self.queued.items()):
            begun = self.ear.get(turn, 0)
            heard = self.ear[turn] = max(begun, min(end, begun + samples))
            samples -= heard - begun

    def tell_played(self, turn: int):
        if turn in self.queued and turn not in self.stopped:
            played = self.ear.get(turn, 0)
            done = turn in self.ended and played == self.queued[turn]
            self.report = Playback(turn, played, done)
            if not self.waiting:
                self.link.send_up(self.report)

    # -- what it says --------------------------------------------------------------------------

    def say(self, words: str | None = None, opens: int | None = None):
        if self.fresh:  # it cannot know the number
            return
        words = f"{self.name}: {words or f'words {len(self.said)}'}"
        self.said.append(words)
        self.number += 1
        self.send(Numbered(self.number, words, opens))

    @property
    def name(self) -> str:
        return f"page {self.page}"

    def listen(self):
        if self.fresh:
            return
        if self.listens:
            self.listens = False
            self.say(f"close {self.stream}")
        else:
            self.stream, self.captured, self.listens = self.stream + 1, 0, True
            self.say(f"open {self.stream}", opens=self.stream)

    def capture(self, samples: int):
        if self.listens:
            self.send(self.frame(self.stream, self.captured, samples))
            self.captured += samples

    def send(self, item):
        self.log.append(item)
        if not self.waiting:
            self.link.send_up(item)

    @staticmethod
    def frame(stream: int, offset: int, samples: int) -> AudioFrame:
        return AudioFrame(FrameKind.MICROPHONE, stream, 0, offset, bytes(2 * samples))

    @staticmethod
    def unsettled(item, ack: InputAck) -> bool:
        if isinstance(item, Numbered):
            return item.seq > ack.client_seq
        if ack.stream is None or item.stream > ack.stream:
            return True
        return item.stream == ack.stream and item.offset + item.samples > ack.samples

    # -- when the network was lost -------------------------------------------------------------

    def reconnect(self, *, buffered: bool, understated: int = 0):
        """Come back; `understated` says how much less than it has it claims to have."""
        if self.fresh:
            self.reload()
            return
        buffered = buffered and self.again_until is None  # not all has come for the second time
        self.acked = max(self.acked, self.seq - understated)  # to come back with it says so too
        numbers = [item.seq for item in self.log if isinstance(item, Numbered)]
        self.link, self.waiting = Link(), True
        self.link.send_up(
            Resume(
                session_id="s",
                secret="s",
                epoch="e",
                seq=self.acked,
                buffered=buffered,
                client_seq=min(numbers, default=self.number + 1),
                client=self.name,
            )
        )
        if not buffered:
            self.again_until = self.seq
            self.queued = {}

    def reload(self):
        """The page is loaded again: it has the session's secret and nothing else."""
        self.link, self.waiting, self.fresh = Link(), True, True
        self.said_before[self.name], self.said = self.said, []
        self.page += 1
        self.link.send_up(Resume(session_id="s", secret="s", client=self.name))
        self.queued, self.ended = {}, set()
        self.log, self.report, self.listens = [], None, False

    def on_restored(self, restored: SessionRestored):
        self.waiting, self.fresh, self.restored = False, False, restored
        if restored.speech_lost:
            self.warned = int(restored.title)
        if restored.history is not None:
            self.texts = list(restored.history)
            self.stopped = {int(t[5:]) for t in self.texts if t.startswith("stop ")}
            self.seq = self.acked = self.again_until = restored.seq
            self.stream = max(self.stream, restored.stream or 0)
        lacks = [i for i in self.log if isinstance(i, Numbered) and i.seq > restored.own_seq]
        self.number = restored.client_seq + len(lacks)
        numbers = {each.seq: seq for seq, each in enumerate(lacks, restored.client_seq + 1)}
        self.log = [
            attrs.evolve(item, seq=numbers[item.seq]) if item in lacks else item
            for item in self.log
        ]
        if self.report is not None:
            self.link.send_up(self.report)
        for item in self.again(restored, too_much=self.too_much):
            self.link.send_up(item)

    too_much = False
    """Send all again that is not acknowledged, whether the server has it or not."""

    def again(self, restored, *, too_much: bool):
        known = InputAck(restored.client_seq, restored.stream, restored.samples)
        for item in list(self.log):
            if not (too_much or self.unsettled(item, known)):
                continue
            if isinstance(item, AudioFrame):  # it cuts its ring in another way now
                first = item.samples // 3
                yield self.frame(item.stream, item.offset, first)
                yield self.frame(item.stream, item.offset + first, item.samples - first)
            else:
                yield item

"""The other side of a link as the protocol describes it, small enough to be obviously right.

It holds one client to the rules: numbers without holes, samples without a gap or an overlap, what
was acknowledged is never asked for again.
"""

from __future__ import annotations

from typing import Any

import attrs

from voicechat.protocol.codec import Codec
from voicechat.protocol.frames import AudioFrame, FrameKind, unpack
from voicechat.protocol.messages.audio import AudioClose, AudioOpen, Playback
from voicechat.protocol.messages.connection import (
    Hello,
    Ping,
    Pong,
    Recognizer,
    Settings,
    Welcome,
)
from voicechat.protocol.messages.conversation import StreamDelta, UserMessage
from voicechat.protocol.messages.session import (
    Ack,
    HistoryEntry,
    InputAck,
    Resume,
    SessionCreating,
    SessionReady,
    SessionRestored,
    Speaker,
)
from voicechat.protocol.messages.sessions import CreateSession

CODEC = Codec()
WELCOME = Welcome(
    protocol=1,
    server="model",
    input_rate=16_000,
    output_rate=24_000,
    patience=0.5,
    max_text=100,
    max_audio_bytes=65_536,
    recognizer=Recognizer("open", (), ""),
    user_key="the key of a user",
)
AT = "2026-11-21T20:00:00+00:00"


RIVAL = "another client"


def ready(number: int = 1, epoch: str = "e1") -> SessionReady:
    return SessionReady(f"session{number}", f"secret{number}", epoch, AT)


def restored(**fields: Any) -> SessionRestored:
    usual = {"session_id": "session1", "secret": "secret1", "epoch": "e1", "seq": 0, "title": ""}
    usual |= {"client_seq": 0, "stream": None, "samples": 0, "history": None}
    usual |= {"speech_lost": False, "truncated": False}
    usual["own_seq"] = fields.get("client_seq", 0)  # nobody else has said anything
    return SessionRestored(**usual | fields)


def typed(client_seq: int | None, text: str) -> HistoryEntry:
    return HistoryEntry(1, Speaker.USER, text, "text", "complete", AT, client_seq)


@attrs.frozen
class Typed:
    """A text, its number, and who said it."""

    seq: int
    text: str
    client: str


@attrs.define
class Stream:
    """A microphone stream: where it begins in all that was heard, and how much it has."""

    number: int
    begin: int
    samples: int = 0
    closed: bool = False


class ModelServer:
    """One session, and the connection that drives it.

    Attributes:
        said: What was typed by whomever, in order; the first `kept` of it are on disk.
        audio: What was heard, one stream behind the other.
        emitted: Numbered items of this epoch, in order.
        answers: What waits to be sent to the client.
    """

    def __init__(self) -> None:
        self.sessions = self.epochs = 0
        self.client_seq = 0
        self.client = ""  # who drives it
        self.own: dict[str, int] = {}  # the last number of each
        self.said: list[Typed] = []
        self.kept = 0
        self.changes: list[Settings] = []
        self.audio = bytearray()
        self.streams: list[Stream] = []
        self.settled = 0
        self.emitted: list[str | bytes] = []
        self.acknowledged = 0
        self.spoken = 0
        self.playback: Playback | None = None
        self.answers: list[str | bytes] = []
        self.attached = False
        self._greeted = False

    @property
    def texts(self) -> list[str]:
        """What the client under test has typed."""
        return [each.text for each in self.said if each.client != RIVAL]

    # -- what happens to it --------------------------------------------------------------------

    def connect(self) -> None:
        self._greeted = self.attached = False
        self.answers = []

    def restart(self) -> None:
        """All but what is on the disk is forgotten: texts, and audio that is settled."""
        self.connect()
        del self.said[self.kept :]
        self.client_seq = self.said[-1].seq if self.said else 0
        self.own = {}
        self.epochs += 1
        self.emitted, self.acknowledged, self.spoken = [], 0, 0
        last = self.stream_of(self.settled)
        del self.audio[2 * self.settled :]
        self.streams = [] if last is None else [attrs.evolve(last, closed=True)]
        if last is not None:
            self.streams[0].samples = self.settled - last.begin

    def rival_types(self, text: str) -> None:
        """Another client takes the session over, says something and goes."""
        self.connect()
        self.client, self.client_seq = RIVAL, self.client_seq + 1
        self._take_text(text)

    def _take_text(self, text: str) -> None:
        self.own[self.client] = self.client_seq
        self.said.append(Typed(self.client_seq, text, self.client))

    def stream_of(self, position: int) -> Stream | None:
        """The stream that holds the sample before a position of all that was heard."""
        return next((s for s in reversed(self.streams) if s.begin < position), None)

    # -- what it says --------------------------------------------------------------------------

    def say(self, text: str) -> None:
        seq = len(self.emitted) + 1
        self._emit(CODEC.encode(StreamDelta(1, text), seq))

    def speak(self, samples: int) -> None:
        seq = len(self.emitted) + 1
        frame = AudioFrame(FrameKind.SPEECH, 1, seq, self.spoken, bytes(2 * samples))
        self.spoken += samples
        self._emit(frame.pack())

    def acknowledge(self) -> None:
        stream = self.stream_of(self.settled)
        self.answers.append(
            CODEC.encode(
                InputAck(
                    self.client_seq
                    if self.kept == len(self.said)
                    else self.said[self.kept].seq - 1,
                    None if stream is None else stream.number,
                    0 if stream is None else self.settled - stream.begin,
                )
            )
        )

    def _emit(self, item: str | bytes) -> None:
        self.emitted.append(item)
        if self.attached:
            self.answers.append(item)

    # -- what it hears -------------------------------------------------------------------------

    def take(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            self._hear(unpack(data, FrameKind.MICROPHONE))
            return
        envelope = CODEC.decode_client(data)
        message = envelope.message
        if not self._greeted:
            assert isinstance(message, Hello)
            assert not message.start
            assert message.acknowledges
            self._greeted = True
            self.answers.append(CODEC.encode(WELCOME))
            return
        if message.numbered:
            assert self.attached, "nothing of a session before the session is there"
            assert envelope.seq == self.client_seq + 1, "no hole, and nothing twice"
            self.client_seq = self.own[self.client] = envelope.seq
        else:
            assert envelope.seq is None
        self._follow(message)

    def _follow(self, message: Any) -> None:
        match message:
            case CreateSession():
                assert not self.said
                assert not self.audio
                self.client = message.client
                self.sessions += 1
                self.epochs += 1
                self.attached = True
                self.emitted, self.acknowledged, self.spoken = [], 0, 0
                created = ready(self.sessions, f"e{self.epochs}")
                self.answers += [CODEC.encode(SessionCreating()), CODEC.encode(created)]
            case Resume():
                self._resume(message)
            case UserMessage(text=text):
                self._take_text(text)
            case Settings():
                self.changes.append(message)
            case AudioOpen(stream=number):
                assert not self.streams or number > self.streams[-1].number
                self.streams.append(Stream(number, len(self.audio) // 2))
            case AudioClose(stream=number):
                assert self.streams[-1].number == number
                self.streams[-1].closed = True
            case Ack(seq=seq):
                assert self.acknowledged < seq <= len(self.emitted)
                self.acknowledged = seq
            case Playback():
                self.playback = message
            case Ping(nonce=nonce):
                self.answers.append(CODEC.encode(Pong(nonce)))
            case _:
                raise AssertionError(message)

    def _resume(self, message: Resume) -> None:
        assert (message.session_id, message.secret) == (
            f"session{self.sessions}",
            f"secret{self.sessions}",
        )
        same = message.epoch == f"e{self.epochs}"
        stream = self.streams[-1] if self.streams else None
        self.client = message.client
        if not same and not self.own:
            # A client may have heard that its messages are settled which changed nothing for long.
            self.client_seq = max(self.client_seq, message.client_seq - 1)
        assert not same or message.client_seq <= self.client_seq + 1
        self.attached = True
        self.answers.append(
            CODEC.encode(
                restored(
                    session_id=message.session_id,
                    secret=message.secret,
                    epoch=f"e{self.epochs}",
                    seq=message.seq if same else 0,
                    client_seq=self.client_seq,
                    own_seq=self.own.get(self.client, 0),
                    stream=None if stream is None else stream.number,
                    samples=0 if stream is None else stream.samples,
                    history=None if same else tuple(typed(e.seq, e.text) for e in self.said),
                )
            )
        )
        if same:
            assert message.buffered
            assert message.seq >= self.acknowledged
            self.answers += self.emitted[message.seq :]
        else:
            self.answers += self.emitted

    def _hear(self, frame: AudioFrame) -> None:
        assert self.attached
        stream = self.streams[-1]
        assert frame.stream == stream.number
        assert not stream.closed
        assert frame.offset == stream.samples, "no gap, and nothing twice"
        stream.samples += frame.samples
        self.audio += frame.pcm
